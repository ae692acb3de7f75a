"""A random graph under construction, and what is known of its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.helpers.keras_against_onnx import OPSET, complete, in_onnxruntime

Array = NDArray[Any]
Shape = tuple[int, ...]

# Their results are equal to the last digit in every runtime, if their operands are.
EXACT = frozenset(
    """
    Abs And ArgMax ArgMin Cast Ceil Clip Compress Concat DepthToSpace Dropout Equal Expand Flatten
    Floor Gather GatherElements GatherND GlobalMaxPool Greater GreaterOrEqual Identity Less
    LessOrEqual Max MaxPool Min Neg Not Or Pad ReduceMax ReduceMin Relu Reshape Round Sign Slice
    SpaceToDepth Split Squeeze Tile TopK Transpose Unsqueeze Where Xor
    """.split()
)


@dataclass
class Graph:
    """`shapes` has the floats that later nodes can read, by name, with their shapes in one run.
    A free batch is the first axis of all of them."""

    draw: st.DrawFn
    generator: np.random.Generator
    opset: int = OPSET
    free_batch: bool = False
    shapes: dict[str, Shape] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    feeds: dict[str, Array] = field(default_factory=dict)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def input(self, array: Array) -> str:
        name = f"data/{len(self.feeds)}"
        self.feeds[name] = array
        self.exact.add(name)
        if array.dtype == np.float32 and array.ndim and np.isfinite(array).all():
            self.shapes[name] = array.shape
        return name

    def values(self, *shape: int) -> Array:
        return self.generator.uniform(-1, 1, shape).astype(np.float32)

    def constant(self, array: Array) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(onnx.numpy_helper.from_array(array, name))
        self.exact.add(name)
        return name

    def node(self, operator: str, inputs: Sequence[str], shape: Shape, **attributes: Any) -> str:
        """Adds a node with one result."""
        name = f"{operator.lower()}/{len(self.nodes)}"
        self.add(operator, inputs, [name], **attributes)
        self.shapes[name] = shape
        return name

    def add(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> None:
        name = f"{operator.lower()}/{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(operator, inputs, outputs, name, **attributes))
        if (
            operator in EXACT
            and "reduction" not in attributes
            and self.exact.issuperset(filter(None, inputs))
        ):
            self.exact.update(filter(None, outputs))

    def run(self, names: Sequence[str]) -> dict[str, Array]:
        """The numbers that some of its values have."""
        return in_onnxruntime(self._model(names, free_batch=False), self.feeds)

    def model(self) -> onnx.ModelProto:
        """The model, whose outputs are all values that no node reads, and one more."""
        results = [name for node in self.nodes for name in node.output if name]
        read = {name for node in self.nodes for name in node.input}
        extra = self.draw(st.sampled_from(results))
        outputs = [name for name in results if name not in read or name == extra]
        return self._model(outputs, self.free_batch)

    def _model(self, outputs: Sequence[str], free_batch: bool) -> onnx.ModelProto:
        graph = onnx.helper.make_graph(
            self.nodes,
            "random",
            [_value_info(name, array, free_batch) for name, array in self.feeds.items()],
            [onnx.ValueInfoProto(name=name) for name in outputs],
            self.constants,
        )
        opsets = [onnx.helper.make_opsetid("", self.opset)]
        return complete(onnx.helper.make_model(graph, ir_version=8, opset_imports=opsets))


def _value_info(name: str, array: Array, free_batch: bool) -> onnx.ValueInfoProto:
    kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    shape = ["batch", *array.shape[1:]] if free_batch else array.shape
    return onnx.helper.make_tensor_value_info(name, kind, shape)
