"""Small constants, computed beforehand: exporters spell out arithmetic on shapes as nodes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx_ir as ir

# More elements than a shape or a table of anchors has, and fewer than a layer's weights: those
# are never copied.
SMALL = 2**16

_RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
_RANDOM |= {"Bernoulli", "Multinomial"}


def fold_constants(model: ir.Model) -> None:
    """Every standard node of small constants becomes an initializer, and so does a Shape whose
    input's shape is known; what gives an output of the graph stays a node."""
    opset = model.opset_imports[""]
    for node in list(model.graph):
        results = _results(node, opset) if _may_fold(node) else None
        if results is not None:
            for value, array in zip(node.outputs, results, strict=True):
                _make_constant(model.graph, value, array)
            model.graph.remove(node, safe=True)


def settle_reshapes(model: ir.Model) -> None:
    """A Reshape whose target is computed gets a constant one, where its result's shape is known
    but for one dim: with 0 for a dim that stays in place, -1 for one that does not."""
    taken = {value.name for node in model.graph for value in node.outputs}
    taken.update(model.graph.initializers, (value.name for value in model.graph.inputs))
    for node in model.graph:
        if node.op_type != "Reshape" or node.domain or len(node.inputs) != 2:
            continue
        x, target = node.inputs
        shape = node.outputs[0].shape
        if x is None or target is None or target.const_value is not None or shape is None:
            continue
        sizes = [_target(size, axis, x.shape) for axis, size in enumerate(shape)]
        name = f"{node.outputs[0].name}.shape"
        if (
            sizes.count(-1) <= 1
            and name not in taken
            and not node.attributes.get_int("allowzero", 0)
        ):
            node.replace_input_with(1, _constant(model.graph, name, np.asarray(sizes, np.int64)))


def _target(size: int | ir.SymbolicDim, axis: int, source: ir.Shape | None) -> int:
    if isinstance(size, int):
        return size
    stays = size.value is not None and source is not None and axis < len(source)
    return 0 if stays and source is not None and source[axis] == size else -1


def _may_fold(node: ir.Node) -> bool:
    import onnx_ir as ir

    graphs = (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
    return (
        node.domain == ""
        and node.op_type not in _RANDOM
        and not any(attribute.type in graphs for attribute in node.attributes.values())
        and not any(value.is_graph_output() for value in node.outputs)
    )


def _results(node: ir.Node, opset: int) -> Sequence[Any] | None:
    """What the node gives, None where that is not known or not small."""
    if node.op_type == "Shape" and not node.attributes and node.inputs[0] is not None:
        shape = node.inputs[0].shape
        fixed = shape is not None and shape.is_static()
        return [np.asarray(shape.numpy(), np.int64)] if shape is not None and fixed else None
    feeds = {}
    for value in node.inputs:
        if value is not None and value.name:
            tensor = value.const_value
            if tensor is None or tensor.size > SMALL:
                return None
            feeds[value.name] = tensor.numpy()
    return _computed(node, feeds, opset) if feeds and _is_small(node) else None


def _is_small(node: ir.Node) -> bool:
    """Whether the results are: a Tile or an Expand may well make much of little."""
    shapes = [value.shape for value in node.outputs]
    return all(shape is not None and shape.is_static() for shape in shapes) and all(
        prod(shape.numpy()) <= SMALL for shape in shapes if shape is not None
    )


def _computed(node: ir.Node, feeds: dict[str, NDArray[Any]], opset: int) -> Sequence[Any] | None:
    """The results by ONNX's own reference, None where it does not know the operator."""
    import onnx_ir as ir
    from onnx.reference import ReferenceEvaluator

    try:
        evaluator = ReferenceEvaluator(ir.serde.serialize_node(node), opsets={"": opset})
        with np.errstate(all="ignore"):
            return list(evaluator.run(None, feeds))
    except (NotImplementedError, RuntimeError, TypeError, ValueError):
        return None  # it raises any of these for what it does not know; then the node stays


def _make_constant(graph: ir.Graph, value: ir.Value, array: Any) -> None:
    from onnx_ir.convenience import replace_all_uses_with

    if value.name:
        replace_all_uses_with(value, _constant(graph, value.name, array))


def _constant(graph: ir.Graph, name: str, array: Any) -> ir.Value:
    """A new initializer. Its name is free: a folded result's own, or made of one."""
    import onnx_ir as ir

    tensor = ir.Tensor(np.asarray(array), name=name)
    value = ir.Value(
        name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor
    )
    graph.register_initializer(value)
    return value
