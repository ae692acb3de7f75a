"""Constants that are computed from constants, each by its node alone in onnxruntime.

So a node means what the graph's own opset says of it; ONNX's reference takes the newest meaning
of many operators. A large result is computed whenever it is read, and never kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from bridge import ir
from bridge.errors import GraphError, words_of
from bridge.types import Array

if TYPE_CHECKING:
    import onnx

Type: TypeAlias = tuple[int, tuple[int, ...]]
"""The ONNX dtype and the shape."""

# Results of more elements are computed when they are read: more than a shape or a table of indices
# has, and fewer than a layer's weights.
SMALL = 2**16

# The dtypes that onnxruntime takes from NumPy: half to double, whole numbers and bool.
_NUMBERS = frozenset((1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13))

_SIZES = (8, 16, 32, 64)
_FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)", "tensor(bool)")
_INTEGERS = (f"tensor({sign}int{size})" for sign in ("", "u") for size in _SIZES)
_NUMBERS_OF_RESULTS = frozenset((*_FLOATS, *_INTEGERS))

# Of these ONNX infers no size, for it depends on the numbers; it is the input's times its rank at
# most.
FINDING = frozenset(("Compress", "NonZero", "Unique"))


@dataclass(frozen=True, eq=False)
class ConstantNode:
    """A node whose inputs are all constants, as far as it has any."""

    node: onnx.NodeProto
    inputs: Mapping[str, ir.TensorBase]
    opset: int
    where: str

    def types(self) -> Mapping[str, tuple[int, tuple[int, ...]]] | None:
        """The ONNX dtype and the shape of each result, by name; None where ONNX cannot tell.

        Raises GraphError for inputs that the operator does not take.
        """
        import onnx
        from onnx.shape_inference import InferenceError, infer_node_outputs

        try:
            schema = onnx.defs.get_schema(self.node.op_type, self.opset, "")
            known = {name: _type(tensor) for name, tensor in self.inputs.items()}
            small = {n: _proto(tensor) for n, tensor in self.inputs.items() if tensor.size <= SMALL}
            opsets = [onnx.helper.make_opsetid("", self.opset)]
            inferred = infer_node_outputs(schema, self.node, known, small, opset_imports=opsets)
        except (onnx.defs.SchemaError, onnx.checker.ValidationError):
            return None  # no operator of ONNX for these dtypes
        except InferenceError as error:
            raise GraphError(
                "the node does not fit its inputs, which are constants",
                where=self.where,
                received=words_of(error),
            ) from error
        if self.node.op_type in FINDING:
            return self._at_most(inferred)
        types = {name: _sizes(type_) for name, type_ in inferred.items()}
        complete = {name: type_ for name, type_ in types.items() if type_ is not None}
        return complete if complete.keys() == {*filter(None, self.node.output)} else None

    def _at_most(
        self, inferred: Mapping[str, onnx.TypeProto]
    ) -> Mapping[str, tuple[int, tuple[int, ...]]] | None:
        tensors = self.inputs.values()
        if any(tensor.size > SMALL for tensor in tensors):
            return None
        size = max(tensor.size * max(1, len(tensor.shape)) for tensor in tensors)
        return {name: (type_.tensor_type.elem_type, (size,)) for name, type_ in inferred.items()}

    @property
    def can_run(self) -> bool:
        """Whether onnxruntime has the operator for these dtypes."""
        if any(tensor.dtype.value not in _NUMBERS for tensor in self.inputs.values()):
            return False
        session = self._session()
        return session is not None and all(
            output.type in _NUMBERS_OF_RESULTS for output in session.get_outputs()
        )

    def run(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """The results by name. Raises GraphError where they cannot be computed."""
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        self._refuse_division_by_zero(feeds)
        session = self._session()
        if session is None:
            raise GraphError("onnxruntime does not have this operator", where=self.where)
        names = [name for name in self.node.output if name]
        try:
            return dict(zip(names, session.run(names, dict(feeds)), strict=True))
        except (errors.Fail, errors.InvalidArgument, errors.RuntimeException) as error:
            raise GraphError(
                "it cannot be computed from its inputs, which are constants",
                where=self.where,
                received=words_of(error),
            ) from error

    def _session(self) -> Any:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # no pool for one node
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        try:
            return onnxruntime.InferenceSession(
                self._model().SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except (errors.NotImplemented, errors.InvalidGraph, errors.Fail):
            return None

    def _model(self) -> onnx.ModelProto:
        import onnx
        from onnx import helper

        inputs = [
            helper.make_tensor_value_info(name, tensor.dtype.value, tensor.shape.numpy())
            for name, tensor in self.inputs.items()
        ]
        results = [onnx.ValueInfoProto(name=name) for name in self.node.output if name]
        graph = helper.make_graph([self.node], "constant", inputs, results)
        opsets = [helper.make_opsetid("", self.opset)]
        model: onnx.ModelProto = helper.make_model_gen_version(graph, opset_imports=opsets)
        return model

    def _refuse_division_by_zero(self, feeds: Mapping[str, Array]) -> None:
        """Refuses what would end onnxruntime's process: dividing whole numbers by 0."""
        if self.node.op_type not in ("Div", "Mod") or len(self.node.input) < 2:
            return
        divisor = feeds[self.node.input[1]]
        if divisor.dtype.kind in "iu" and not divisor.all():
            raise GraphError("it divides whole numbers by 0", where=self.where)


def _type(tensor: ir.TensorBase) -> onnx.TypeProto:
    from onnx.helper import make_tensor_type_proto

    return make_tensor_type_proto(tensor.dtype.value, tensor.shape.numpy())


def _proto(tensor: ir.TensorBase) -> onnx.TensorProto:
    return ir.write_tensor(tensor)


def _sizes(type_: onnx.TypeProto) -> Type | None:
    tensor = type_.tensor_type
    if not type_.HasField("tensor_type") or not tensor.HasField("shape"):
        return None
    if not all(dim.HasField("dim_value") for dim in tensor.shape.dim):
        return None
    return tensor.elem_type, tuple(dim.dim_value for dim in tensor.shape.dim)


# --- results that are computed when they are read -------------------------------------------------

_NODE = "bridge.constant_node"  # under which such a tensor has the node that gives it


def unread(node: ConstantNode, name: str, dtype: int, shape: Sequence[int]) -> ir.LazyTensor:
    """A result of a node, computed whenever it is read."""
    tensor = ir.LazyTensor(
        lambda: ir.Tensor(computed(node)[name], name=name),
        dtype=ir.DataType(dtype),
        shape=ir.Shape(shape),
        name=name,
    )
    tensor.meta[_NODE] = node
    return tensor


def computed(node: ConstantNode) -> Mapping[str, Array]:
    """The results of a node by name. Each node that it needs runs once, and what that gives is
    dropped after its last use: so neither long chains nor results that many nodes share are a
    burden."""
    nodes = _needed(node)
    uses = Counter(name for needed in nodes for name in needed.inputs)
    arrays: dict[str, Array] = {}
    for needed in nodes:
        feeds = {
            name: arrays[name] if name in arrays else tensor.numpy()
            for name, tensor in needed.inputs.items()
        }
        results = needed.run(feeds)
        uses.subtract([*needed.inputs])
        arrays.update(results)
        arrays = {name: array for name, array in arrays.items() if uses[name] or name in results}
    return arrays


def _needed(node: ConstantNode) -> Sequence[ConstantNode]:
    """A node and those whose results it needs, in the order in which they run."""
    ordered: dict[ConstantNode, None] = {}
    waiting = [node]
    while waiting:
        before = [source for source in _sources(waiting[-1]) if source not in ordered]
        if before:
            waiting += before
        else:
            ordered[waiting.pop()] = None
    return list(ordered)


def _sources(node: ConstantNode) -> Sequence[ConstantNode]:
    return [tensor.meta[_NODE] for tensor in node.inputs.values() if _NODE in tensor.meta]


# --- initializers ---------------------------------------------------------------------------------


def new_constant(graph: ir.Graph, name: str, tensor: ir.TensorBase) -> ir.Value:
    """A new initializer. Its name is free: a folded result's own, or derived from one."""
    value = ir.Value(
        name=name,
        shape=ir.Shape(tensor.shape.numpy()),
        type=ir.TensorType(tensor.dtype),
        const_value=tensor,
    )
    graph.register_initializer(value)
    return value
