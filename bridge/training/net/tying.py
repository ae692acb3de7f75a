"""Layers that share all their parameters as one layer of Keras, applied several times: so a file
keeps them shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bridge.raising.names import encode
from bridge.raising.plan import Call, Plan, Ref
from bridge.training.net.parameters import Parameters
from bridge.training.net.weight_maps import WeightMap

# A normalisation remembers each batch by the name of its layer, which is applied once.
_APART = frozenset({"layers.BatchNormalization"})


def tied(
    plan: Plan, weight_maps: Sequence[WeightMap], parameters: Parameters
) -> tuple[Plan, Sequence[WeightMap]]:
    """The plan, in which a layer that has just the parameters of an earlier one, and its options,
    is that one again, and the maps of its weights. An output that two layers would give one name
    has an Identity of its own."""
    if not parameters.are_shared:
        return plan, weight_maps
    by_layer: dict[str, list[WeightMap]] = {}
    for weight_map in weight_maps:
        by_layer.setdefault(weight_map.layer, []).append(weight_map)
    first: dict[Any, Call] = {}
    calls, again = [], dict[int, str]()
    for call in plan.calls:
        key = _key(call, by_layer)
        known = call if key is None else first.setdefault(key, call)
        if known is not call:
            again[call.id] = call.name
            call = replace(call, name=known.name, options={}, weights={}, again=known.id)
        calls.append(call)
    own = [weight_map for weight_map in weight_maps if weight_map.layer not in again.values()]
    return replace(plan, **_named(plan, calls, again)), own


def _key(call: Call, by_layer: Mapping[str, Sequence[WeightMap]]) -> Any:
    """What two calls have in common that can be one layer; None for one that stays apart."""
    own = by_layer.get(call.name, ())
    whole = own and all(not weight_map.is_constant for weight_map in own)
    if call.again is not None or call.target in _APART or not whole:
        return None
    positions = tuple((w.role, w.positions.shape, w.positions.tobytes()) for w in own)
    return call.target, repr(sorted(call.options.items())), positions


def _named(plan: Plan, calls: list[Call], again: Mapping[int, str]) -> dict[str, Any]:
    """Identities behind the outputs that come from a layer applied again."""
    named = dict(plan.named)
    for name, ref in _returned(plan):
        if ref.call in again:
            number = max(call.id for call in calls) + 1
            calls.append(Call(number, encode(name), "layers.Identity", (ref,), {}, {}))
            named[name] = Ref(number)
    return {"calls": tuple(calls), "named": named}


def _returned(plan: Plan) -> Iterator[tuple[str, Ref]]:
    return zip(plan.outputs, plan.returned, strict=True)
