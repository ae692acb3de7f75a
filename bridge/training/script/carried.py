"""The sources of this package that a script has in it, with all that they need: whoever has the
script has it all, and the code is the very one that the tests hold to Caffe."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGE = "bridge."


@dataclass
class Carried:
    """Definitions in an order in which Python can run them, and what they import from elsewhere:
    a module and a name in it, which is empty for the module itself."""

    imports: set[tuple[str, str]] = field(default_factory=set)
    constants: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def add(self, *objects: Any) -> None:
        """Add functions and classes of this package, and what they need."""
        for item in objects:
            self._add(item.__module__, item.__name__)

    @property
    def names(self) -> frozenset[str]:
        """The names that a script has of it."""
        return frozenset({*self.constants, *self.definitions, *(n or m for m, n in self.imports)})

    @property
    def blocks(self) -> Iterator[str]:
        """The text: constants, then each definition."""
        if self.constants:
            yield "\n".join(self.constants.values())
        yield from self.definitions.values()

    def _add(self, module: str, name: str) -> None:
        if (module, name) in self._seen:
            return
        self._seen.add((module, name))
        source = _source(module)
        if name in source.imported:
            origin, original = source.imported[name]
            if origin.startswith(PACKAGE):
                self._add(origin, original)
            else:
                self.imports.add((origin, original))
        elif name in source.nodes:
            node = source.nodes[name]
            for used in _names(node):
                self._add(module, used)
            group = self.constants if isinstance(node, ast.Assign) else self.definitions
            group[name] = source.text(node)


@dataclass(frozen=True)
class _Source:
    """A module: its lines, its definitions and its imports by name."""

    lines: tuple[str, ...]
    nodes: dict[str, ast.stmt]
    imported: dict[str, tuple[str, str]]

    def text(self, node: ast.stmt) -> str:
        """The lines of a definition, with its decorators and the comment behind it."""
        decorators = getattr(node, "decorator_list", [])
        start = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        return "\n".join(self.lines[start - 1 : node.end_lineno])


@cache
def _source(module: str) -> _Source:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    text = Path(spec.origin).read_text(encoding="utf-8")
    nodes: dict[str, ast.stmt] = {}
    imported: dict[str, tuple[str, str]] = {}
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            nodes[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            nodes[node.targets[0].id] = node
        elif isinstance(node, ast.Import):
            imported |= {alias.asname or alias.name: (alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported |= {a.asname or a.name: (node.module, a.name) for a in node.names}
    return _Source(tuple(text.splitlines()), nodes, imported)


def _names(node: ast.AST) -> Iterator[str]:
    """The names that a definition reads, each where it is read first."""
    own = (child.id for child in ast.walk(node) if isinstance(child, ast.Name))
    yield from dict.fromkeys(own)
