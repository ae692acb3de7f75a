"""The table of Caffe layers: which function lowers which layer type.

A rule's signature is the layer's schema: after the emitter, the layer and its bottoms come, as
keyword arguments, the fields of the layer's parameter message with Caffe's own defaults:

    @layer("LRN", params="lrn_param")
    def lrn(e: Emitter, layer: Layer, x: Value, *, local_size: int = 5, ...) -> Value:

It gives back one value for each top (a lone one as it is).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError, UsageError
from bridge.lower.emitter import Emitter
from bridge.lower.values import Value

Rule = Callable[..., Any]

# Fields that say how Caffe learns, computes or reports, not what: no rule need name them.
_OF_NO_EFFECT = frozenset(
    {"engine", "weight_filler", "bias_filler", "filler", "scale_filler", "force_nd_im2col"}
    | {"debug_info", "save_output_param", "visualize", "visualize_threshold", "save_file"}
)


@dataclass(frozen=True)
class Entry:
    """A rule, the message that it unpacks (None: it takes no parameters), whether what it emits
    is spelled out for one batch size, and the release that first had it."""

    rule: Rule
    params: str | None
    fixed_batch: bool
    since: str

    def apply(self, e: Emitter, layer: Layer, *bottoms: Value) -> tuple[Value, ...]:
        """The layer's tops, emitted. Raises UnsupportedLayerError where the rule is not made for
        these bottoms or settings."""
        signature = inspect.signature(self.rule)
        try:
            call = signature.bind(e, layer, *bottoms, **self.arguments(layer))
        except TypeError as error:
            raise UnsupportedLayerError(f"no rule for it as it is: {error}", where=layer) from error
        tops: Value | tuple[Value, ...] = self.rule(*call.args, **call.kwargs)
        return tops if isinstance(tops, tuple) else (tops,)

    def arguments(self, layer: Layer) -> dict[str, Any]:
        """The layer's own settings, as keyword arguments.

        A rule that takes any (`**settings`) has them all. Otherwise raises UnsupportedLayerError
        where the text sets a field that the rule does not know.
        """
        given = layer.params.get(self.params, {}) if self.params else {}
        parameters = inspect.signature(self.rule).parameters
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            return dict(given)
        unknown = [name for name in given if name not in parameters and name not in _OF_NO_EFFECT]
        if unknown:
            raise UnsupportedLayerError(
                f"{self.params} has settings that are not carried over: {', '.join(unknown)}",
                where=layer,
            )
        return {name: value for name, value in given.items() if name in parameters}


TABLE: dict[str, Entry] = {}


def layer(
    *types: str, params: str | None = None, fixed_batch: bool = False, since: str = "0.1"
) -> Callable[[Rule], Rule]:
    """Registers a rule for Caffe layer types; a type that has one already is refused."""

    def register(rule: Rule) -> Rule:
        for type_ in types:
            if type_ in TABLE:
                raise UsageError(
                    f"the layer type {type_!r} has a rule already",
                    expected="one rule for each type",
                    received=f"{TABLE[type_].rule.__module__} and {rule.__module__}",
                )
            TABLE[type_] = Entry(rule, params, fixed_batch, since)
        return rule

    return register
