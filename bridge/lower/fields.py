"""Fields that the text sets and the graph would lack: an error where they matter, else a warning.

An unknown field changes no number that we could check, so only an error keeps the numbers right.
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
from bridge.errors import UnknownFieldError, UsageError, did_you_mean, lines_of
from bridge.lower.cut import measures
from bridge.lower.table import TABLE, Entry

# Messages whose fields determine which layers there are, and what they read and write.
_RULES = ("NetStateRule",)
_WIRING = (*_RULES, "LayerParameter", "V1LayerParameter")


@dataclass(frozen=True)
class _Finding:
    """A complaint, the layer that it is about (None for the net's own), and whether it matters."""

    complaint: Complaint
    layer: Layer | None
    matters: bool

    def line(self, verdict: str = "") -> str:
        layer = self.layer and f"layer '{self.layer.name}' ({self.layer.type})"
        return self.complaint.line(layer, verdict)


def settled(net: Net, kept: Net, ignored: Sequence[str] = ()) -> Net:
    """What is `kept` of a net, with a warning for each field that is left out.

    `ignored` names fields, as `field` or `message.field`, to lower the net without.
    Raises UnknownFieldError (once, for all fields), and UsageError for a name that is not an
    unknown field's.
    """
    findings = list(_findings(net, kept))
    _refuse_unused(ignored, findings)
    errors = [f for f in findings if f.matters and not f.complaint.is_named(ignored)]
    if errors:
        raise _refusal(errors)
    layers = tuple(_without(layer, ignored) for layer in kept.layers)
    notes = _grouped(findings, ignored)
    return replace(kept, layers=layers, warnings=(*kept.warnings, *notes))


def without_effect(net: Net, kept: Net) -> tuple[str, ...]:
    """A line for each unknown field on which no output depends."""
    return tuple(_grouped((f for f in _findings(net, kept) if not f.matters), ()))


def _findings(net: Net, kept: Net) -> Iterator[_Finding]:
    """All complaints of a net, and whether they matter."""
    for complaint in net.complaints:
        yield _Finding(complaint, None, not is_harmless(complaint))
    for layer in net.aside:
        yield from _of_unused(layer, _RULES)
    used = set(map(id, kept.layers))
    for layer in net.layers:
        if id(layer) not in used:
            yield from _of_unused(layer, _WIRING)
        else:
            for complaint in complaints(layer):
                matters = complaint.kind is not Kind.UNREAD and not is_harmless(complaint)
                yield _Finding(complaint, layer, matters)


def complaints(layer: Layer) -> list[Complaint]:
    """The fields that the text sets in a layer and that neither the schema nor its rule knows."""
    entry = TABLE.get(layer.type)
    if entry is None:
        return list(layer.complaints)
    unknown = [complaint for complaint in layer.complaints if not entry.takes(complaint)]
    settings = (_setting(layer, entry, name) for name in entry.not_carried_over(layer))
    return [*unknown, *settings, *_unread(layer, entry)]


# Messages that layers of any type may have.
_OF_ALL = ("transform_param", "loss_param")


def _unread(layer: Layer, entry: Entry) -> Iterator[Complaint]:
    """The messages of other layer types. Caffe reads none of them, so a warning is enough; but no
    Caffe knows the messages of all forks, and a mistake among those would go unnoticed."""
    if entry.is_plug_in:
        return
    read = (entry.params, *entry.also, *_OF_ALL)
    for name, fields in layer.params.items():
        if name in schema.fields("LayerParameter") and name not in read:
            is_fork = name in schema.of_forks("LayerParameter")
            yield Complaint(
                where=fields.where if isinstance(fields, Message) else layer.where,
                path=(name,),
                message="LayerParameter",
                kind=Kind.SETTING if is_fork else Kind.UNREAD,
                problem=f"'{name}' is not read by a {layer.type} layer",
                suggestion=did_you_mean(name, [entry.params] if entry.params else []),
            )


def _setting(layer: Layer, entry: Entry, name: str) -> Complaint:
    """A field that the schema knows, but the rule does not."""
    holder = str(entry.params)
    fields = layer.params[holder]
    known = schema.fields("LayerParameter").get(holder)
    problem = f"not read by a {layer.type} layer" if name in entry.unread else "not supported"
    return Complaint(
        where=fields.location(name) if isinstance(fields, Message | Untyped) else layer.where,
        path=(holder, name),
        message=known.message if known else holder,
        kind=Kind.SETTING,
        problem=f"'{name}' of {holder} is {problem}",
        suggestion=did_you_mean(name, entry.settings) if isinstance(fields, Untyped) else "",
    )


def _of_unused(layer: Layer, relevant: Collection[str]) -> Iterator[_Finding]:
    """In a layer that no output needs, complaints matter that may be the reason: rules, tops."""
    for complaint in layer.complaints:
        is_cause = complaint.message in relevant and complaint.is_scalar
        matters = is_cause and not measures(layer) and not is_harmless(complaint)
        yield _Finding(complaint, layer, matters)


def _without(layer: Layer, ignored: Collection[str]) -> Layer:
    """A layer without the settings to be ignored."""
    entry = TABLE.get(layer.type)
    if entry is None or not ignored:
        return layer
    names = [
        name
        for name in entry.not_carried_over(layer)
        if _setting(layer, entry, name).is_named(ignored)
    ]
    fields = layer.params.get(str(entry.params), {})
    if isinstance(fields, Untyped):
        rest: Mapping[str, Any] = fields.without(names)
    else:
        rest = {name: value for name, value in fields.items() if name not in names}
    return replace(layer, params={**layer.params, str(entry.params): rest}) if names else layer


def _refusal(findings: Sequence[_Finding]) -> UnknownFieldError:
    names = dict.fromkeys(finding.complaint.name for finding in findings)
    flags = " ".join(f"--ignore-field {name}" for name in names)
    return UnknownFieldError(
        "the text sets fields that are not understood and that outputs may depend on:",
        lines=lines_of(findings, _Finding.line),
        hint=f"correct the text; or ignore fields that do not matter: {flags}",
    )


def _refuse_unused(ignored: Sequence[str], findings: Sequence[_Finding]) -> None:
    """Refuse a name to be ignored that no unknown field has."""
    for name in ignored:
        if not any(finding.complaint.is_named((name,)) for finding in findings):
            known = sorted({finding.complaint.name for finding in findings})
            raise UsageError(
                f"there is no unknown field {name!r} to ignore",
                expected=", ".join(known) or "none, since every field is understood",
            )


def _grouped(findings: Iterable[_Finding], ignored: Collection[str]) -> Iterator[str]:
    """Warnings; one that is about many layers is given once, for the first of them."""
    groups: dict[str, list[_Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.complaint.problem, []).append(finding)
    for first, *others in groups.values():
        more = f", and in {len(others)} more" if others else ""
        requested = ", as requested" if first.complaint.is_named(ignored) else ""
        yield first.line(f"ignored{requested}{more}")
