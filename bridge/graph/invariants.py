"""What holds of every graph that the passes hand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil, prod
from typing import Any

from bridge import ir
from bridge.errors import GraphError, UnsupportedError
from bridge.files.memory import MAX_RANK, refuse_large
from bridge.graph.definitions import refuse_unfit


def check(model: ir.Model) -> None:
    """Refuses a graph that breaks a rule.

    - every value has a name of its own, a type, and a shape; except in a graph with operators
      that are not ONNX's, whose shapes nobody knows: the raise refuses those, all at once
    - no value is a text: Keras computes with numbers
    - a node reads only what is there before it: inputs, initializers, results of earlier nodes
    - the channels of a Conv, ConvTranspose or Gemm are those that its weight is for;
      neither ONNX's checker nor onnxruntime's loader looks at that
    - each node is what ONNX defines, in its inputs, attributes and shapes
    - no value has more axes than NumPy's arrays may have, and no size below 0
    - no value takes more memory than one array may (`bridge.files.memory`)

    Raises GraphError at the first fault, UnsupportedError for a text, UsageError for memory.
    """
    graph = model.graph
    known: set[str] = set()
    foreign = any(node.domain for node in graph)
    # Old files list initializers among the inputs too: both are one value.
    for value in {id(v): v for v in (*graph.inputs, *graph.initializers.values())}.values():
        _declare(value, known, foreign, "the graph's beginning")
    opset = model.opset_imports[""]
    for node in graph:
        where = where_of(node)
        for operand in node.inputs:
            if operand is not None and operand.name not in known:
                raise GraphError(f"it reads {operand.name!r} before it is computed", where=where)
        for value in node.outputs:
            _declare(value, known, foreign, where)
        _refuse_references(node, where)
        _refuse_mismatches(node, where)
        refuse_unfit(node, opset, where)
    for value in graph.outputs:
        if value.name not in known:
            raise GraphError(f"no node computes the output {value.name!r}")


def refuse_unproduced(model: ir.Model) -> None:
    """Refuses a graph that reads what nothing produces, before a pass takes the node for what the
    file says of its result. Raises GraphError."""
    graphs = [
        model.graph,
        *(graph for node in model.graph.all_nodes() for graph in node.subgraphs()),
    ]
    known = {
        id(value) for graph in graphs for value in (*graph.inputs, *graph.initializers.values())
    }
    for node in model.graph.all_nodes():
        for operand in node.inputs:
            if operand is not None and operand.producer() is None and id(operand) not in known:
                raise GraphError(
                    f"it reads {operand.name!r}, which nothing computes", where=where_of(node)
                )


def where_of(node: ir.Node) -> str:
    """A node as messages name it: by its name, or else by that of what it gives."""
    return f"node '{node.name or next((v.name for v in node.outputs), '')}' ({node.op_type})"


def _declare(value: ir.Value, known: set[str], foreign: bool, where: str) -> None:
    if not value.name:
        return  # an optional result that nobody asked for
    if value.name in known:
        raise GraphError(f"two values are called {value.name!r}", where=where)
    known.add(value.name)
    if value.dtype is not None and value.dtype.name == "STRING":
        raise UnsupportedError(f"{value.name!r} is a text, and Keras takes numbers", where=where)
    if not foreign and (value.dtype is None or value.shape is None):
        missing = "type" if value.dtype is None else "shape"
        raise GraphError(
            f"the {missing} of {value.name!r} is not known", where=where, hint=_hint(where)
        )

    sizes = [size for size in value.shape or () if isinstance(size, int)]
    if value.dtype is not None and 0 not in sizes:
        refuse_large(ceil(value.dtype.itemsize * prod(sizes)), f"{value.name!r}", where)
    if value.shape is not None and len(value.shape) > MAX_RANK:
        raise UnsupportedError(
            f"{value.name!r} has more axes than NumPy's arrays may have",
            where=where,
            expected=f"at most {MAX_RANK}",
            received=len(value.shape),
        )


def _hint(where: str) -> str | None:
    if not where.endswith("(If)"):
        return None
    return (
        "the branches give results of different shapes. If sizes of the inputs decide between "
        "them, fix these with --input-shape NAME:DIMS; if an input does, --input-value NAME:NUMBER"
    )


Fact = tuple[str, Any, Any]


def _refuse_references(node: ir.Node, where: str) -> None:
    """Functions are inlined by now, and attributes refer to theirs alone."""
    for attribute in node.attributes.values():
        if attribute.refers_to:
            raise GraphError(
                f"the attribute '{attribute.name}' is that of a function, and the node is in none",
                where=where,
                expected="a number, a text or a tensor",
                received=f"a reference to '{attribute.refers_to}'",
            )


def _refuse_mismatches(node: ir.Node, where: str) -> None:
    facts = _CHANNELS.get(node.op_type)
    for problem, expected, received in facts(node) if facts else ():
        if isinstance(expected, int) and isinstance(received, int) and expected != received:
            raise GraphError(problem, where=where, expected=expected, received=received)


def _dim(node: ir.Node, operand: int, axis: int) -> Any:
    """The size of an operand's axis, None where it is not known."""
    shape = _shape(node, operand)
    return shape[axis] if shape is not None and axis < len(shape) else None


def _group(node: ir.Node) -> int:
    return node.attributes.get_int("group", 1)


def _rank(node: ir.Node, operand: int) -> int | None:
    shape = _shape(node, operand)
    return None if shape is None else len(shape)


def _shape(node: ir.Node, operand: int) -> ir.Shape | None:
    value = node.inputs[operand] if operand < len(node.inputs) else None
    return None if value is None else value.shape


def _conv(node: ir.Node) -> Iterator[Fact]:
    yield "the input's axes are not those of the weight", _rank(node, 1), _rank(node, 0)
    per_group = _dim(node, 1, 1)
    channels = per_group * _group(node) if isinstance(per_group, int) else None
    yield "the input's channels do not fit the weight", channels, _dim(node, 0, 1)
    yield "the bias does not fit the weight", _dim(node, 1, 0), _dim(node, 2, 0)


def _conv_transpose(node: ir.Node) -> Iterator[Fact]:
    yield "the input's axes are not those of the weight", _rank(node, 1), _rank(node, 0)
    per_group = _dim(node, 1, 1)
    channels = per_group * _group(node) if isinstance(per_group, int) else None
    yield "the input's channels do not fit the weight", _dim(node, 1, 0), _dim(node, 0, 1)
    yield "the bias does not fit the weight", channels, _dim(node, 2, 0)


def _gemm(node: ir.Node) -> Iterator[Fact]:
    rows, columns = node.attributes.get_int("transA", 0), node.attributes.get_int("transB", 0)
    yield "the factors do not fit", _dim(node, 1, columns), _dim(node, 0, 1 - rows)


def _batch_norm(node: ir.Node) -> Iterator[Fact]:
    for operand, what in enumerate(("scale", "bias", "mean", "variance"), start=1):
        yield f"the {what} does not fit the channels", _dim(node, 0, 1), _dim(node, operand, 0)


def _ranks(node: ir.Node) -> Iterator[Fact]:
    for operand, (what, rank) in enumerate(_RANKS[node.op_type].items()):
        yield f"the {what} has other axes", rank, _rank(node, operand)


def _recurrent(node: ir.Node) -> Iterator[Fact]:
    yield from _ranks(node)
    gates, hidden = _GATES[node.op_type], _dim(node, 2, 2)
    if isinstance(hidden, int):
        rows = gates * hidden
        yield "the weight does not fit the state", rows, _dim(node, 1, 1)
        yield "the weight of the state is not square for each gate", rows, _dim(node, 2, 1)
        yield "the bias does not fit the state", 2 * rows, _dim(node, 3, 1)


_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}

# How many axes the first inputs have, where ONNX's inference does not look.
_RECURRENT = {"input": 3, "weight": 3, "weight of the state": 3, "bias": 2}
_BOXES = {"input of boxes": 3, "input of scores": 3}
_RANKS = {"NonMaxSuppression": _BOXES, **dict.fromkeys(_GATES, _RECURRENT)}


def _lists(node: ir.Node) -> Iterator[Fact]:
    """Sizes, axes and counts are lists; onnxruntime takes a single number for one at times."""
    for operand in range(1, len(node.inputs)):
        rank = _rank(node, operand)
        if rank is not None and rank > 1:
            yield f"its input {operand} is no list of numbers", 1, rank


_OF_LISTS = """
    Expand Pad Reshape Resize Slice Split Squeeze Tile TopK Unsqueeze ReduceL1 ReduceL2 ReduceLogSum
    ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare
"""

_CHANNELS: dict[str, Callable[[ir.Node], Iterator[Fact]]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "BatchNormalization": _batch_norm,
    **dict.fromkeys(_OF_LISTS.split(), _lists),
    **dict.fromkeys(_RANKS, _ranks),
    **dict.fromkeys(_GATES, _recurrent),
}
