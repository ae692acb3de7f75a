"""A Keras model run in stages, each on exactly what onnxruntime has there.

Where boxes are sorted and thinned out the last bit of a score decides, of some thousands of boxes
some always lie as near as that, and another implementation of a convolution sums in another order.
So no tolerance holds for what comes behind. What holds is: up to there all numbers are right, and
from the same numbers on all boxes are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import onnx
from numpy.typing import NDArray

from bridge import ir
from bridge.caffe import Net
from bridge.check.compare import Row, compare
from bridge.check.runners import run_keras
from bridge.keras.build import build
from bridge.raising import Plan
from bridge.raising.plan import Ref
from tests.helpers.keras_against_onnx import in_onnxruntime

Array = NDArray[Any]

SELECTING = ("NonMaxSuppression", "TopK")


def stages(net: Net, graph: ir.Graph, plan: Plan) -> list[list[str]]:
    """The values to compare, stage by stage: the bottoms of the layers that select boxes, then
    what the selecting itself takes, then the outputs."""
    selecting = [node for node in graph if node.op_type in SELECTING]
    layers = {(node.name or "").split("/")[0] for node in selecting}
    bottoms = [bottom for layer in net.layers if layer.name in layers for bottom in layer.bottoms]
    taken = [value.name or "" for node in selecting for value in node.inputs if value is not None]
    inputs = {entry.value for entry in plan.inputs}
    selected = [
        [name for name in dict.fromkeys(names) if name in plan.values.keys() - inputs]
        for names in (bottoms, taken)
    ]
    return [*filter(None, selected), list(plan.outputs)]


@dataclass(frozen=True)
class Staged:
    plan: Plan
    model: keras.Model

    @classmethod
    def of(cls, plan: Plan) -> Staged:
        return cls(plan, build(plan))

    def compared(
        self, proto: onnx.ModelProto, feeds: Mapping[str, Array], steps: Sequence[Sequence[str]]
    ) -> Iterator[Row]:
        """How each value of each stage fares."""
        known = {output.name for output in proto.graph.output}
        names = {name for step in steps for name in step}
        proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names - known)
        expected = in_onnxruntime(proto, feeds)
        taken = dict(feeds)
        for step in steps:
            received = self._run(taken, step)
            for name in step:
                yield compare(name, expected[name], received[name])
            taken |= {name: expected[name] for name in step}

    def _run(self, taken: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
        values = self.plan.values
        tensors = {name: self._tensor(values[name].ref) for name in (*taken, *names)}
        inputs, outputs = ([tensors[name] for name in names_] for names_ in (taken, names))
        part = keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)
        arrays = [values[name].layout.apply(array) for name, array in taken.items()]
        results = zip(names, run_keras(part, arrays), strict=True)
        return {name: values[name].layout.undo(result) for name, result in results}

    def _tensor(self, ref: Ref) -> Any:
        for call_input, tensor in zip(self.plan.inputs, self.model.inputs, strict=True):
            if call_input.id == ref.call:
                return tensor
        name = next(call.name for call in self.plan.calls if call.id == ref.call)
        result = next(x for x in self.model.operations if x.name == name).output
        return result if ref.item is None else result[ref.item]
