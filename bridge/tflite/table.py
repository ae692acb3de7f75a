"""The registry of emitters: one function for each layer and each function of Keras.

An emitter is called with the `Graph`, the arguments of the call and, as keyword arguments, its
options and its weights by Keras's names; its own defaults are Keras's. It returns the tensor of the
result, or several, or raises NotWrittenError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import Signature, signature
from typing import Any

from bridge.archive.tables import layers
from bridge.registry import AnyRule, Registry, mismatch
from bridge.tflite.graph import Graph, NotWrittenError, Tensor

Results = Tensor | Sequence[Tensor]
Emitter = Callable[..., Results]


@dataclass(frozen=True)
class Entry:
    """An emitter, whose signature says which arguments and options it takes. The `implied` are
    options that change nothing, among others because the weights say the same."""

    rule: Emitter
    implied: frozenset[str] = frozenset()

    @cached_property
    def signature(self) -> Signature:
        return signature(self.rule)

    def called(self, graph: Graph, arguments: Sequence[Any], options: Mapping[str, Any]) -> Results:
        """Raises NotWrittenError for arguments and options that the emitter does not take."""
        options = {name: value for name, value in options.items() if name not in self.implied}
        try:
            self.signature.bind(graph, *arguments, **options)
        except TypeError:
            words = ("argument", "option")
            reason = mismatch(self.signature, 1, len(arguments), options, words)
            raise NotWrittenError(reason) from None
        return self.rule(graph, *arguments, **options)


TABLE = Registry[Entry]("writes", "layer or function of Keras")


def writes(*targets: str, implied: str = "") -> Callable[[AnyRule], AnyRule]:
    """Registers an emitter for calls, `layers.<Class>` or `ops.<function>`."""
    names = frozenset(implied.split())

    def entry(rule: AnyRule) -> Entry:
        return Entry(rule, names)

    return TABLE.register(targets, entry)


def without_defaults(target: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a layer that say more than Keras's defaults, and that inference depends on."""
    group, kind = target.split(".")
    table = layers().get(kind) if group == "layers" else None
    defaults = {} if table is None else {**table.config, "dtype": "float32"}
    return {
        name: value
        for name, value in options.items()
        if name != "trainable" and not (name in defaults and defaults[name] == value)
    }
