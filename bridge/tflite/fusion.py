"""Activations that the operator before them computes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bridge.tflite.graph import Operator, Tensor
from bridge.tflite.schema import BUILTINS, FUSED, TABLES

_FIELD = "fused_activation_function"


def fused(operators: Sequence[Operator], outputs: Iterable[Tensor]) -> Sequence[Operator]:
    """The same function, with an activation in the operator before it where that has the option
    and nothing else reads its result."""
    uses = Counter(tensor for operator in operators for tensor in operator.inputs)
    uses.update(outputs)
    kept: dict[Tensor, Operator] = {}  # by the first result
    for operator in operators:
        before = kept.get(operator.inputs[0]) if operator.inputs[0] is not None else None
        if before is None or not _fits(before, operator) or uses[operator.inputs[0]] > 1:
            kept[operator.outputs[0]] = operator
            continue
        del kept[before.outputs[0]]
        options = {**before.options, _FIELD: FUSED[operator.code]}
        kept[operator.outputs[0]] = replace(before, options=options, outputs=operator.outputs)
    return list(kept.values())


def _fits(before: Operator, activation: Operator) -> bool:
    return (
        activation.code in FUSED
        and _FIELD in TABLES.get(BUILTINS[before.code].options, {})
        and _FIELD not in before.options
        and before.outputs[0].dtype == "float32"
    )
