"""What an archive says of Keras's layers and operations, from tables that `scripts/generate` makes.

They stand for the Keras that is not imported here. A test holds them to the one that is installed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Layer:
    """A class of `keras.layers`.

    `config` is that of a layer constructed with nothing but the arguments that it needs, without
    these. `weights` are the roles of its weights by their paths in the layer's group of the file,
    `state` the shape and dtype of whatever else it keeps there.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """The operation of a function of `keras.ops`, as its class `kind` is constructed and called.

    `parameters` are the function's, with their `defaults`; `rest` takes all further arguments. The
    arguments of the constructor (`config`) and of the call are named after these; `constants` are
    what else the constructor takes.
    """

    module: str
    kind: str
    parameters: Sequence[str] = ()
    rest: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    keywords: Mapping[str, str] = field(default_factory=dict)

    def called(
        self, arguments: Sequence[Any], options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[Any], dict[str, Any]]:
        """The config of the operation, and the arguments and keywords of its call, where the
        function is called with these."""
        values = {**self.defaults, **dict(zip(self.parameters, arguments, strict=False)), **options}
        rest = arguments[len(self.parameters) :]
        config = {name: values[source] for name, source in self.config.items()}
        positional: list[Any] = []
        for source in self.arguments:
            positional += rest if source == f"*{self.rest}" else [values[source]]
        keywords = {name: values[source] for name, source in self.keywords.items()}
        return config | dict(self.constants), positional, keywords


@cache
def layers() -> Mapping[str, Layer]:
    """By the names of the classes."""
    return {name: Layer(**entry) for name, entry in _read("layers.json").items()}


@cache
def operations() -> Mapping[str, Operation]:
    """By the names of the functions."""
    return {name: Operation(**entry) for name, entry in _read("operations.json").items()}


def _read(name: str) -> Any:
    return json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
