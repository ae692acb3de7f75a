"""What the text sets and the graph would not have: refused where it counts, or else told.

That a field is unknown shows in no number of ours, so that only a refusal keeps the numbers right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bridge.caffe import schema
from bridge.caffe.files.complaint import Complaint, Kind
from bridge.caffe.files.harmless import is_harmless
from bridge.caffe.files.prototxt import Message
from bridge.caffe.files.untyped import Untyped
from bridge.caffe.net import Layer, Net
from bridge.errors import UnknownFieldError, UsageError, did_you_mean
from bridge.lower.cut import measures
from bridge.lower.table import TABLE, Entry

# Messages whose fields decide which layers there are, and what they read and write.
_RULES = ("NetStateRule",)
_WIRING = (*_RULES, "LayerParameter", "V1LayerParameter")


@dataclass(frozen=True)
class _Told:
    """A complaint and the layer that it is about, None for the net's own."""

    complaint: Complaint
    layer: Layer | None
    counts: bool

    def line(self, verdict: str = "") -> str:
        layer = self.layer and f"layer '{self.layer.name}' ({self.layer.type})"
        return self.complaint.line(layer, verdict)


def settled(net: Net, kept: Net, ignored: Sequence[str] = ()) -> Net:
    """What is `kept` of a net, with a warning for each field that has no part in it.

    `ignored` names fields, as `field` or `message.field`, without which the net is lowered.
    Raises UnknownFieldError (once, for all fields), and UsageError for a name that is no such
    field's.
    """
    told = list(_told(net, kept))
    _refuse_idle(ignored, told)
    counting = [each for each in told if each.counts and not each.complaint.is_named(ignored)]
    if counting:
        raise _refusal(counting)
    layers = tuple(_without(layer, ignored) for layer in kept.layers)
    notes = _grouped(told, ignored)
    return replace(kept, layers=layers, warnings=(*kept.warnings, *notes))


def without_effect(net: Net, kept: Net) -> tuple[str, ...]:
    """A line for each field that nobody knows and on which no output depends."""
    return tuple(_grouped((each for each in _told(net, kept) if not each.counts), ()))


def _told(net: Net, kept: Net) -> Iterator[_Told]:
    """All complaints of a net, and whether they count."""
    for complaint in net.complaints:
        yield _Told(complaint, None, not is_harmless(complaint))
    for layer in net.aside:
        yield from _of_idle(layer, _RULES)
    leading = set(map(id, kept.layers))
    for layer in net.layers:
        if id(layer) not in leading:
            yield from _of_idle(layer, _WIRING)
        else:
            for complaint in complaints(layer):
                counts = complaint.kind is not Kind.UNREAD and not is_harmless(complaint)
                yield _Told(complaint, layer, counts)


def complaints(layer: Layer) -> list[Complaint]:
    """What the text sets of a layer that neither the schema nor its rule knows."""
    entry = TABLE.get(layer.type)
    if entry is None:
        return list(layer.complaints)
    unknown = [each for each in layer.complaints if not entry.takes(each)]
    settings = (_setting(layer, entry, name) for name in entry.not_carried_over(layer))
    return [*unknown, *settings, *_unread(layer, entry)]


# Messages that Caffe gives to layers of any type.
_OF_ALL = ("transform_param", "loss_param")


def _unread(layer: Layer, entry: Entry) -> Iterator[Complaint]:
    """The messages of other types of layers. Caffe reads none of them, and a warning is enough; but
    no Caffe has the messages of all forks and could tell of a mistake among them."""
    if entry.is_plug_in:
        return
    read = (entry.params, *entry.also, *_OF_ALL)
    for name, given in layer.params.items():
        if name in schema.fields("LayerParameter") and name not in read:
            is_fork = name in schema.of_forks("LayerParameter")
            yield Complaint(
                where=given.where if isinstance(given, Message) else layer.where,
                path=(name,),
                message="LayerParameter",
                kind=Kind.SETTING if is_fork else Kind.UNREAD,
                problem=f"'{name}' is not read by a {layer.type} layer",
                suggestion=did_you_mean(name, [entry.params] if entry.params else []),
            )


def _setting(layer: Layer, entry: Entry, name: str) -> Complaint:
    """A field that is known, but not to the rule."""
    holder = str(entry.params)
    given = layer.params[holder]
    known = schema.fields("LayerParameter").get(holder)
    fate = f"not read by a {layer.type} layer" if name in entry.unread else "not carried over"
    return Complaint(
        where=given.location(name) if isinstance(given, Message | Untyped) else layer.where,
        path=(holder, name),
        message=known.message if known else holder,
        kind=Kind.SETTING,
        problem=f"'{name}' of {holder} is {fate}",
        suggestion=did_you_mean(name, entry.settings) if isinstance(given, Untyped) else "",
    )


def _of_idle(layer: Layer, counting: Collection[str]) -> Iterator[_Told]:
    """Of a layer that no output needs, those count that may be why: of rules, of its tops."""
    for complaint in layer.complaints:
        is_cause = complaint.message in counting and complaint.is_scalar
        counts = is_cause and not measures(layer) and not is_harmless(complaint)
        yield _Told(complaint, layer, counts)


def _without(layer: Layer, ignored: Collection[str]) -> Layer:
    """A layer without the settings that are to be ignored."""
    entry = TABLE.get(layer.type)
    if entry is None or not ignored:
        return layer
    names = [
        name
        for name in entry.not_carried_over(layer)
        if _setting(layer, entry, name).is_named(ignored)
    ]
    given = layer.params.get(str(entry.params), {})
    if isinstance(given, Untyped):
        left: Mapping[str, Any] = given.without(names)
    else:
        left = {name: value for name, value in given.items() if name not in names}
    return replace(layer, params={**layer.params, str(entry.params): left}) if names else layer


def _refusal(told: Sequence[_Told]) -> UnknownFieldError:
    names = dict.fromkeys(each.complaint.name for each in told)
    flags = " ".join(f"--ignore-field {name}" for name in names)
    return UnknownFieldError(
        "the text sets what is not understood, and what outputs may depend on:"
        + "".join(f"\n  {each.line()}" for each in told),
        hint=f"correct the text; or leave out what cannot matter: {flags}",
    )


def _refuse_idle(ignored: Sequence[str], told: Sequence[_Told]) -> None:
    """Refuses a name to be ignored that nothing in the text has."""
    for name in ignored:
        if not any(each.complaint.is_named((name,)) for each in told):
            known = sorted({each.complaint.name for each in told})
            raise UsageError(
                f"there is no unknown field {name!r} to ignore",
                expected=", ".join(known) or "nothing, for every field is understood",
            )


def _grouped(told: Iterable[_Told], ignored: Collection[str]) -> Iterator[str]:
    """Warnings; what is said of many layers is one, with the first of them."""
    groups: dict[str, list[_Told]] = {}
    for each in told:
        groups.setdefault(each.complaint.problem, []).append(each)
    for first, *others in groups.values():
        more = f", and in {len(others)} more" if others else ""
        asked = ", as asked" if first.complaint.is_named(ignored) else ""
        yield first.line(f"ignored{asked}{more}")
