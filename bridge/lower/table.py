"""The table of Caffe layers: which function lowers which layer type.

A rule's signature is the layer's schema: after the emitter, the layer and its bottoms come, as
keyword arguments, the fields of the layer's parameter message with Caffe's own defaults:

    @layer("LRN", params="lrn_param")
    def lrn(e: Emitter, layer: Layer, x: Value, *, local_size: int = 5, ...) -> Value:

It returns one value for each top (a single one without a tuple).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bridge.caffe.files.complaint import Complaint, Kind
from bridge.caffe.files.harmless import is_harmless_name
from bridge.caffe.files.untyped import Untyped
from bridge.caffe.net import Layer
from bridge.errors import BridgeError, UnsupportedLayerError, UsageError, words_of
from bridge.lower.emitter import Emitter
from bridge.lower.settings import Setting, read, settings
from bridge.lower.values import Value
from bridge.registry import Registry, mismatch

Rule = Callable[..., Any]


@dataclass(frozen=True)
class Entry:
    """A rule, the message that it unpacks (None: it takes no parameters), whether what it emits
    holds for one batch size only, the release that first had it, the other messages that it reads,
    and the fields of its own message that only other layer types read."""

    rule: Rule
    params: str | None
    fixed_batch: bool
    since: str
    also: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.rule)

    @cached_property
    def settings(self) -> Mapping[str, Setting]:
        """The rule's arguments, by name."""
        return settings(self.rule)

    @cached_property
    def takes_any(self) -> bool:
        """Whether the rule has an argument `**settings`."""
        parameters = self.signature.parameters.values()
        return any(p.kind is p.VAR_KEYWORD for p in parameters)

    @cached_property
    def is_plug_in(self) -> bool:
        return not self.rule.__module__.startswith("bridge.")

    def apply(self, e: Emitter, layer: Layer, *bottoms: Value) -> tuple[Value, ...]:
        """The layer's tops, emitted.

        Raises UnsupportedLayerError where the rule does not accept these bottoms, tops or settings;
        UsageError where a plug-in's rule fails.
        """
        arguments = self.arguments(layer)
        try:
            call = self.signature.bind(e, layer, *bottoms, **arguments)
        except TypeError as error:
            problem = mismatch(self.signature, 2, len(bottoms), arguments, ("bottom", "field"))
            raise UnsupportedLayerError(problem, where=layer) from error
        result = self._result(layer, call)
        tops = result if isinstance(result, tuple) else (result,)
        if len(tops) != len(layer.tops):
            raise UnsupportedLayerError(
                "its rule returns another number of tops",
                where=layer,
                expected=f"{len(tops)} tops",
                received=", ".join(layer.tops) or "none",
            )
        return tops

    def _result(self, layer: Layer, call: inspect.BoundArguments) -> Any:
        """What the rule returns; any failure of a plug-in's rule is reported as the plug-in's."""
        if not self.is_plug_in:
            return self.rule(*call.args, **call.kwargs)
        rule = f"{self.rule.__module__}.{self.rule.__qualname__}"
        try:
            result = self.rule(*call.args, **call.kwargs)
        except BridgeError:
            raise
        except (Exception, SystemExit) as error:  # anything may go wrong in foreign code
            raise UsageError(
                f"the plug-in's rule {rule} failed",
                where=layer,
                received=f"{type(error).__name__}: {words_of(error)}",
            ) from error
        for value in result if isinstance(result, tuple) else (result,):
            if not isinstance(value, Value):
                raise UsageError(
                    f"the plug-in's rule {rule} returns something other than a value of the graph",
                    where=layer,
                    expected="for each top, a value that one of the emitter's operators returned",
                    received=type(value).__name__,
                )
        return result

    def arguments(self, layer: Layer) -> dict[str, Any]:
        """The layer's own settings, as keyword arguments.

        A rule that takes any (`**settings`) gets them all. Otherwise raises UnsupportedLayerError
        where the text sets a field that the rule does not know, and PrototxtError where a field
        that only a plug-in knows has a value of another kind than the plug-in declares.
        """
        unknown = self.not_carried_over(layer)
        if unknown:
            raise UnsupportedLayerError(
                f"{self.params} has settings that are not supported: {', '.join(unknown)}",
                where=layer,
            )
        fields = self._fields(layer)
        if isinstance(fields, Untyped):
            fields = {name: read(fields, name, self._setting(name)) for name in fields}
        of_plug_in = {
            c.name: read(c.written, c.name, self._setting(c.name))
            for c in layer.complaints
            if c.path[:-1] == (self.params,) and self.takes(c) and c.written is not None
        }
        known = {n: value for n, value in fields.items() if self.takes_any or n in self.settings}
        return {**known, **of_plug_in}

    def not_carried_over(self, layer: Layer) -> list[str]:
        """The fields of the layer's message that the rule does not know, and that matter."""
        names = [name for name in self._fields(layer) if name not in self.settings]
        if self.takes_any:
            return [name for name in names if name in self.unread]
        return [name for name in names if not is_harmless_name(name)]

    def takes(self, complaint: Complaint) -> bool:
        """Whether the rule, of a plug-in, knows what the schema does not. One without a message
        gets the whole layer."""
        if not self.is_plug_in or complaint.path[0] != (self.params or complaint.path[0]):
            return False
        is_field = len(complaint.path) == 2 and complaint.kind is not Kind.TWICE
        return len(complaint.path) == 1 or (
            is_field and (self.takes_any or complaint.name in self.settings)
        )

    def _fields(self, layer: Layer) -> Mapping[str, Any]:
        return layer.params.get(self.params, {}) if self.params else {}

    def _setting(self, name: str) -> Setting:
        return self.settings.get(name, Setting())


TABLE = Registry[Entry]("layer", "layer type")


def layer(
    *types: str,
    params: str | None = None,
    fixed_batch: bool = False,
    since: str = "0.1",
    also: tuple[str, ...] = (),
    unread: tuple[str, ...] = (),
) -> Callable[[Rule], Rule]:
    """Register a rule for Caffe layer types; a type that already has one is refused."""
    return TABLE.register(types, lambda rule: Entry(rule, params, fixed_batch, since, also, unread))
