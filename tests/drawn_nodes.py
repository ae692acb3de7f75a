"""Nodes to draw from: for every rule of the raise table, what its operator may be given.

A strategy gives a `Drawn`; `ROWS` has them by operator and by the operator set since which the
rule holds. The raising law runs over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto

from bridge.layout import Size

Array = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """An operand that the model computes.

    `free` has a symbol for each axis whose size the graph may leave open.
    """

    values: Array
    free: Mapping[int, str] = field(default_factory=dict)

    def shape(self, symbols: set[str]) -> tuple[Size, ...]:
        sizes = enumerate(self.values.shape)
        return tuple(
            self.free[axis] if self.free.get(axis) in symbols else size for axis, size in sizes
        )


Operand = Tensor | Array | None  # an array is a constant, None an optional input left out


@dataclass(frozen=True)
class Drawn:
    """One node. Where `operators` names several they are a chain: each takes the result of the one
    before and the next operand. `absent` are outputs that are left out."""

    operators: tuple[str, ...]
    operands: tuple[Operand, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1
    opset: int = 17
    absent: frozenset[int] = frozenset()


Strategy = st.SearchStrategy[Drawn]
Draw = st.DrawFn

ROWS: dict[tuple[str, int], Strategy] = {}

_SIZES = (1, 2, 3, 4, 4, 6, 6, 8)  # those of several factors can be shuffled
_LARGEST = 1500


def row(
    *operators: str, since: int = 1
) -> Callable[[Callable[..., Strategy]], Callable[..., Strategy]]:
    """Adds the rows of operators, each drawn by the function with the operator's name."""

    def add(strategy: Callable[..., Strategy]) -> Callable[..., Strategy]:
        ROWS.update({(name, since): strategy(name) for name in operators})
        return strategy

    return add


# What nodes are drawn from


def sizes(largest: int = 8) -> st.SearchStrategy[int]:
    return st.sampled_from([size for size in _SIZES if size <= largest])


# The shape of a tensor that is there already, and wants a node to read it.
_AT_HAND: ContextVar[Shape] = ContextVar("at_hand", default=())


@contextmanager
def drawn_for(shape: Shape) -> Iterator[None]:
    """Nodes that can take a tensor of this shape are drawn to do so."""
    token = _AT_HAND.set(shape)
    try:
        yield
    finally:
        _AT_HAND.reset(token)


@st.composite
def shapes(draw: Draw, low: int, high: int) -> Shape:
    """Equal sizes, distinct ones and ones; a fault can hide behind each."""
    if low <= len(_AT_HAND.get()) <= high and prod(_AT_HAND.get()) <= _LARGEST:
        return _AT_HAND.get()
    rank = draw(st.integers(low, high))
    equal = sizes(4).map(lambda size: (size,) * rank)
    any_sizes = st.lists(sizes(), min_size=rank, max_size=rank).map(tuple)
    shape = draw(st.one_of(equal, any_sizes, any_sizes))
    assume(prod(shape) <= _LARGEST)
    return shape


@st.composite
def values(draw: Draw, shape: Sequence[int], low: float = -2, high: float = 2) -> Array:
    """Floats; sometimes from a coarse grid, where many are equal."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    array = generator.uniform(low, high, tuple(shape))
    array = np.ceil(array * 2) / 2 if draw(st.integers(0, 3)) == 0 else array
    return array.astype(np.float32)


def vector(size: int, low: float = -2, high: float = 2) -> st.SearchStrategy[Array]:
    return values((size,), low, high)


@st.composite
def tensor(
    draw: Draw, shape: Shape, low: float = -2, high: float = 2, batch: int | None = 0
) -> Tensor:
    """A tensor whose axis `batch` may have any size when the model runs."""
    return Tensor(draw(values(shape, low, high)), {} if batch is None else {batch: "batch"})


@st.composite
def image(draw: Draw, shape: Shape, low: float = -2, high: float = 2) -> Tensor:
    """A tensor n c *s, of which but c each axis may have any size."""
    names = (("batch", 0), ("depth", 2), ("height", 3), ("width", 4))
    free = {axis: name for name, axis in names if axis < len(shape)}
    return Tensor(draw(values(shape, low, high)), free)


# Pointwise


@row("Abs", "Neg", "Sign", "Ceil", "Floor", "Round", "Exp", "Erf", "Cos", "Sin", "Identity")
@row("Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "Softplus", "Softsign")
@st.composite
def pointwise(draw: Draw, operator: str) -> Drawn:
    attributes = {}
    if operator in ("Elu", "LeakyRelu"):
        attributes = draw(st.sampled_from([{}, {"alpha": 0.5}]))
    return Drawn((operator,), (draw(image(draw(shapes(1, 5)))),), attributes)


@row("Log", "Reciprocal", "Sqrt")
@st.composite
def pointwise_above_zero(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), (draw(tensor(draw(shapes(1, 5)), 0.5)),))


@row("Cast")
@st.composite
def cast(draw: Draw, operator: str) -> Drawn:
    to = draw(st.sampled_from(["FLOAT", "INT32", "INT64", "BOOL"]))
    x = draw(tensor(draw(shapes(1, 5))))
    if draw(st.booleans()):
        x = replace(x, values=x.values.astype(np.int32))
    return Drawn((operator,), (x,), {"to": TensorProto.DataType.Value(to)})


@row("Dropout")
@st.composite
def dropout(draw: Draw, operator: str) -> Drawn:
    x = draw(tensor(draw(shapes(1, 5))))
    ratio = np.float32(0.3)
    operands, opset = draw(st.sampled_from([((x,), 17), ((x, ratio), 17), ((x,), 11)]))
    return Drawn((operator,), operands, {"ratio": 0.3} if opset < 12 else {}, opset=opset)


# Along an axis


@row("Softmax", since=13)
@st.composite
def softmax(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    attributes = draw(
        st.sampled_from([{"axis": draw(st.integers(-len(shape), len(shape) - 1))}, {}])
    )
    x = draw(image(shape))
    # A free axis that turns out to have size 1 is one more that Keras warns of when it runs.
    if x.values.shape[attributes.get("axis", -1)] == 1:
        x = Tensor(x.values)
    return Drawn((operator,), (x,), attributes)


@row("Softmax")
@st.composite
def softmax_flattened(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(2, 4))
    attributes = {"axis": draw(st.sampled_from([-1, len(shape) - 1]))}
    return Drawn((operator,), (draw(tensor(shape)),), attributes, opset=11)


@row("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum")
@row("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare")
@st.composite
def reduction(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    x = draw(tensor(shape, 0.5 if operator == "ReduceLogSum" else -2))
    chosen = sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    chosen = [axis - draw(st.sampled_from([0, len(shape)])) for axis in chosen]
    attributes = draw(st.sampled_from([{}, {"keepdims": 0}, {"keepdims": 1}]))
    form = draw(st.sampled_from(["none", "attribute", "input"]))
    if form == "none":
        return Drawn((operator,), (x,), attributes)
    if form == "input":
        return Drawn((operator,), (x, np.array(chosen, np.int64)), attributes, opset=18)
    return Drawn((operator,), (x,), {**attributes, "axes": chosen}, opset=11)


# Windows


@dataclass(frozen=True)
class Windows:
    """The spatial sizes of a tensor, and a window that fits them."""

    sizes: Shape
    kernel: Shape
    attributes: Mapping[str, Any]


@st.composite
def windows(draw: Draw, rank: int, dilated: bool, pooling: bool) -> Windows:
    one = st.tuples(
        st.sampled_from((1, 2, 3, 4, 6, 7)),
        st.integers(1, 3),  # kernel
        st.integers(1, 3),  # stride
        st.integers(1, 2) if dilated else st.just(1),
        st.integers(0, 2),  # pads
        st.integers(0, 2),
    )
    equal = one.map(lambda each: [each] * rank)
    drawn = draw(st.one_of(equal, st.lists(one, min_size=rank, max_size=rank)))
    spatial, kernel, strides, dilations, begins, ends = zip(*drawn, strict=True)
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": strides}
    attributes |= {"dilations": dilations} if max(dilations) > 1 else {}
    auto_pad = draw(st.sampled_from(["NOTSET"] * 4 + ["VALID", "SAME_UPPER", "SAME_LOWER"]))
    if auto_pad.startswith("SAME"):
        assume(max(dilations) == 1)
        # onnxruntime refuses a pooling with gaps between its windows under this option.
        assume(not pooling or all(k >= s for k, s in zip(kernel, strides, strict=True)))
        return Windows(spatial, kernel, {**attributes, "auto_pad": auto_pad})
    if auto_pad == "VALID":
        begins = ends = (0,) * rank
        attributes["auto_pad"] = auto_pad
    elif any(begins + ends):
        attributes["pads"] = begins + ends
    for size, width, dilation, begin, end in zip(
        spatial, kernel, dilations, begins, ends, strict=True
    ):
        assume(size + begin + end >= 1 + (width - 1) * dilation)
        assume(not pooling or max(begin, end) < width)
    return Windows(spatial, kernel, attributes)


@row("Conv")
@st.composite
def conv(draw: Draw, operator: str) -> Drawn:
    rank = draw(st.integers(1, 3))
    at = draw(windows(rank, dilated=True, pooling=False))
    group, inner, outer = draw(
        st.one_of(
            st.tuples(st.just(1), sizes(6), sizes(6)),  # dense
            st.tuples(st.sampled_from((4, 6)), st.just(1), st.just(1)),  # depthwise
            st.tuples(st.sampled_from((2, 3, 4, 6)), st.just(1), st.integers(1, 3)),
            st.tuples(st.integers(2, 3), st.integers(1, 3), st.integers(1, 3)),  # grouped
        )
    )
    batch = draw(st.integers(1, 3))
    assume(batch * group * inner * prod(at.sizes) <= _LARGEST)
    x = draw(image((batch, group * inner, *at.sizes)))
    w = draw(values((group * outer, inner, *at.kernel)))
    b = draw(st.sampled_from([None, draw(vector(group * outer))]))
    attributes = {**at.attributes, **({"group": group} if group > 1 else {})}
    return Drawn((operator,), (x, w) if b is None else (x, w, b), attributes)


@st.composite
def pooled(draw: Draw, rank: int) -> tuple[Tensor, dict[str, Any]]:
    at = draw(windows(rank, dilated=False, pooling=True))
    lead = draw(shapes(2, 2))
    assume(prod(lead + at.sizes) <= _LARGEST)
    return draw(image(lead + at.sizes)), dict(at.attributes)


def starts_inside(x: Tensor, attributes: Mapping[str, Any]) -> bool:
    """Whether rounding up lets no window begin in the padding behind an axis.

    Where one does, onnxruntime leaves it out, and ONNX's shape inference does not.
    """
    sizes, strides, kernel = x.values.shape[2:], attributes["strides"], attributes["kernel_shape"]
    pads = attributes.get("pads", (0,) * 2 * len(sizes))
    begins, ends = pads[: len(sizes)], pads[len(sizes) :]
    spans = map(sum, zip(sizes, begins, ends, strict=True))
    last = [-(-(span - k) // s) * s for span, k, s in zip(spans, kernel, strides, strict=True)]
    return all(at < size + begin for at, size, begin in zip(last, sizes, begins, strict=True))


@row("MaxPool")
@st.composite
def max_pool(draw: Draw, operator: str) -> Drawn:
    outputs = draw(st.sampled_from([1, 1, 2]))
    x, attributes = draw(pooled(draw(st.integers(1, 3)) if outputs == 1 else 2))
    if "auto_pad" not in attributes and starts_inside(x, attributes):
        attributes["ceil_mode"] = draw(st.integers(0, 1))
    return Drawn((operator,), (x,), attributes, outputs)


@row("AveragePool")
@st.composite
def average_pool(draw: Draw, operator: str) -> Drawn:
    x, attributes = draw(pooled(draw(st.integers(1, 3))))
    options: list[dict[str, Any]] = [{}, {"count_include_pad": 1}]
    if "auto_pad" not in attributes and starts_inside(x, attributes):
        options.append({"ceil_mode": 1})
    return Drawn((operator,), (x,), attributes | draw(st.sampled_from(options)))


@row("GlobalMaxPool", "GlobalAveragePool")
@st.composite
def global_pool(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), (draw(image(draw(shapes(3, 5)))),))


# Normalisations


@row("BatchNormalization")
@st.composite
def batch_normalization(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(2, 5))
    vectors = [draw(vector(shape[1])) for _ in range(3)]
    variance = draw(vector(shape[1], 0.25))
    attributes = draw(st.sampled_from([{}, {"epsilon": 0.01}]))
    return Drawn((operator,), (draw(image(shape)), *vectors, variance), attributes)


@row("LRN")
@st.composite
def lrn(draw: Draw, operator: str) -> Drawn:
    attributes = {"size": draw(st.sampled_from([1, 3, 5])), "alpha": 0.3}
    attributes |= draw(st.sampled_from([{}, {"beta": 0.5, "bias": 2.0}]))
    return Drawn((operator,), (draw(image(draw(shapes(4, 4)))),), attributes)


# Matrices


@row("Gemm")
@st.composite
def gemm(draw: Draw, operator: str) -> Drawn:
    rows, inner, columns = draw(shapes(3, 3))
    if draw(st.booleans()):
        return draw(dense(operator, rows, inner, columns))
    flip_a, flip_b = draw(st.sampled_from([(0, 0), (0, 1), (0, 1), (1, 0), (1, 1)]))
    attributes = {"transA": flip_a, "transB": flip_b}
    attributes |= draw(st.sampled_from([{}, {"alpha": 0.5}, {"alpha": -2.0, "beta": 3.0}]))
    b: Operand = draw(values((columns, inner) if flip_b else (inner, columns)))
    added = [None, (columns,), (1, columns), (1,), (), (rows, columns), (rows, 1)]
    shape_c = draw(st.sampled_from(added))
    c: Operand = None if shape_c is None else draw(values(shape_c))
    of_each_row = shape_c is not None and len(shape_c) == 2 and shape_c[0] == rows
    symbol = 1 if flip_a else 0
    a = draw(tensor((inner, rows) if flip_a else (rows, inner), batch=symbol))
    a = replace(a, free={}) if of_each_row else a
    computed = draw(st.sampled_from(["a", "a", "a", "b", "c", "abc"]))
    operands = [a if "a" in computed or "c" in computed else a.values]
    operands.append(Tensor(b) if "b" in computed else b)
    if c is not None:
        operands.append(Tensor(c) if "c" in computed and np.ndim(c) else c)
    return Drawn((operator,), tuple(operands), attributes)


@st.composite
def dense(draw: Draw, operator: str, rows: int, inner: int, columns: int) -> Drawn:
    """A matrix times a constant one, plus a row, as most nets have it."""
    flip = draw(st.integers(0, 1))
    b = draw(values((columns, inner) if flip else (inner, columns)))
    operands = (draw(tensor((rows, inner))), b, draw(vector(columns)))
    return Drawn((operator,), operands[: draw(st.integers(2, 3))], {"transB": flip})


@row("MatMul")
@st.composite
def matmul(draw: Draw, operator: str) -> Drawn:
    *lead, rows, inner, columns = draw(shapes(3, 5))
    left = draw(
        st.sampled_from([(*lead, rows, inner), (*lead, rows, inner), (rows, inner), (inner,)])
    )
    right_lead = draw(st.sampled_from([(), tuple(lead)]) | broadcast(tuple(lead)))
    right = (*right_lead, inner, columns)
    a, b = draw(values(left)), draw(values(right))
    computed = draw(st.sampled_from(["a", "a", "b", "ab"]))
    batch = {0: "batch"} if len(left) > 1 and len(right) == 2 else {}
    return Drawn(
        (operator,),
        (Tensor(a, batch) if "a" in computed else a, Tensor(b) if "b" in computed else b),
    )


@row("bridge::Linear")
@st.composite
def linear(draw: Draw, operator: str) -> Drawn:
    *lead, inner, columns = draw(shapes(3, 5))
    x, matrix = draw(tensor((*lead, inner))), draw(values((inner, columns)))
    return Drawn(("MatMul", "Add"), (x, matrix, draw(values((columns,)))))


# Two or more tensors, element by element


@st.composite
def broadcast(draw: Draw, shape: Shape) -> Shape:
    """A shape that broadcasts to a larger one."""
    kept = draw(st.integers(0, len(shape)))
    return tuple(draw(st.sampled_from([1, size])) for size in shape[len(shape) - kept :])


@st.composite
def merged(
    draw: Draw, least: int, most: int, low: float = -2, high: float = 2
) -> tuple[Operand, ...]:
    """Operands for one result: of its shape, or broadcast to it; one at least is computed."""
    shape = draw(shapes(1, 5))
    count = draw(st.integers(least, most))
    free = draw(st.booleans())
    operands: list[Operand] = []
    for index in range(count):
        own = draw(st.one_of(st.just(shape), broadcast(shape)))
        array = draw(values(own, low, high))
        batched = len(own) == len(shape) and own[0] == shape[0]
        constant = index > 0 and draw(st.booleans()) and not (free and batched and own[0] > 1)
        if constant or not own:
            operands.append(array)
        else:
            name = draw(st.sampled_from(["batch", "batch", "lot"]))
            operands.append(Tensor(array, {0: name} if free and batched else {}))
    assume(any(isinstance(operand, Tensor) for operand in operands))
    return tuple(draw(st.permutations(operands)))


@row("Add", "Sub", "Mul", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
@st.composite
def binary(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), draw(merged(2, 2)))


@row("Pow")
@st.composite
def binary_above_zero(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), draw(merged(2, 2, low=0.5)))


@row("Div")
@st.composite
def division(draw: Draw, operator: str) -> Drawn:
    if draw(st.booleans()):
        return Drawn((operator,), draw(merged(2, 2, low=0.5)))
    numbers = (_mapped(each, _without_zero) for each in draw(merged(2, 2, low=-9, high=9)))
    return Drawn((operator,), tuple(numbers))


@row("And", "Or", "Xor")
@st.composite
def logical(draw: Draw, operator: str) -> Drawn:
    operands = draw(merged(2, 2))
    return Drawn((operator,), tuple(_mapped(each, lambda array: array > 0) for each in operands))


@row("Mod")
@st.composite
def mod(draw: Draw, operator: str) -> Drawn:
    operands = draw(merged(2, 2, low=-9, high=9))
    numbers = tuple(_mapped(each, _without_zero) for each in operands)
    return Drawn((operator,), numbers, draw(st.sampled_from([{}, {"fmod": 1}])))


def _without_zero(array: Array) -> Array:
    numbers = np.asarray(array).astype(np.int32)
    return np.where(numbers == 0, 5, numbers).astype(np.int32)


def _mapped(operand: Operand, function: Callable[[Array], Array]) -> Operand:
    if isinstance(operand, Tensor):
        return replace(operand, values=function(operand.values))
    return None if operand is None else function(operand)


@row("Max", "Min", "Sum")
@st.composite
def several(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), draw(merged(1, 3)))


@st.composite
def factors(draw: Draw, shape: Shape) -> Array:
    """A constant over some axes of a tensor, the batch not among them."""
    padded = (1, *(draw(st.sampled_from([1, size])) for size in shape[1:]))
    least = next((axis for axis, size in enumerate(padded) if size != 1), len(padded))
    start = draw(st.integers(0, least))
    return draw(values(padded[start:]))


@row("bridge::Affine")
@st.composite
def affine(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(2, 5))
    scale = draw(factors(shape))
    return Drawn(("Mul", "Add"), (draw(image(shape)), scale, draw(values(scale.shape))))


@row("PRelu")
@st.composite
def prelu(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(2, 5))
    return Drawn((operator,), (draw(image(shape)), draw(factors(shape))))


# Names, groups and ends of axes


@row("Transpose")
@st.composite
def transpose(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    perm = draw(st.permutations(range(len(shape))))
    return Drawn((operator,), (draw(image(shape)),), draw(st.sampled_from([{"perm": perm}, {}])))


@row("Flatten")
@st.composite
def flatten(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    axis = draw(st.integers(-len(shape), len(shape)))
    return Drawn((operator,), (draw(tensor(shape)),), draw(st.sampled_from([{"axis": axis}, {}])))


@row("Reshape")
@st.composite
def reshape(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    keeps_batch = draw(st.booleans())
    head, rest = (shape[:1], shape[1:]) if keeps_batch else ((), shape)
    new = [*head, *draw(regrouped(prod(rest)))]
    free = {0: "batch"}
    if keeps_batch and draw(st.booleans()):
        new[0] = 0
    elif draw(st.booleans()):
        new[draw(st.integers(0, len(new) - 1))] = -1
        free = {0: "batch"} if new[0] == -1 and keeps_batch else {}
    else:
        free = {}
    return Drawn((operator,), (Tensor(draw(values(shape)), free), np.array(new, np.int64)))


@st.composite
def regrouped(draw: Draw, size: int) -> list[int]:
    """Any shape of so many elements."""
    result: list[int] = []
    while size > 1:
        factor = draw(st.sampled_from([each for each in range(2, size + 1) if size % each == 0]))
        result, size = [*result, factor], size // factor
    for _ in range(draw(st.integers(0 if result else 1, 1))):
        result.insert(draw(st.integers(0, len(result))), 1)
    return result


@row("Squeeze")
@st.composite
def squeeze(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(2, 5))
    assume(1 in shape and prod(shape) > 1)
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    chosen = sorted(draw(st.sets(st.sampled_from(ones), min_size=1)))
    x = draw(tensor(shape, batch=None if 0 in chosen else 0))
    if draw(st.booleans()) and 0 not in ones:
        return Drawn((operator,), (replace(x, free={}),))
    return draw(with_axes(operator, x, chosen))


@row("Unsqueeze")
@st.composite
def unsqueeze(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 4))
    rank = len(shape) + draw(st.integers(1, 2))
    chosen = draw(
        st.sets(st.integers(0, rank - 1), min_size=rank - len(shape), max_size=rank - len(shape))
    )
    return draw(with_axes(operator, draw(tensor(shape)), sorted(chosen)))


@st.composite
def with_axes(draw: Draw, operator: str, x: Tensor, axes: list[int]) -> Drawn:
    """Axes were an attribute before opset 13, and are an input since."""
    if draw(st.booleans()):
        return Drawn((operator,), (x,), {"axes": axes}, opset=11)
    return Drawn((operator,), (x, np.array(axes, np.int64)))


@row("Concat")
@st.composite
def concat(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    axis = draw(st.integers(0, len(shape) - 1))
    parts = draw(st.lists(sizes(), min_size=1, max_size=3))
    names = st.sampled_from(["batch", "batch", "lot"])
    operands = [
        Tensor(
            draw(values((*shape[:axis], size, *shape[axis + 1 :]))),
            {0: draw(names)} if axis else {},
        )
        for size in parts
    ]
    given = draw(st.sampled_from([axis, axis - len(shape)]))
    return Drawn((operator,), tuple(operands), {"axis": given})


@row("Pad", since=11)
@st.composite
def pad(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 4))
    mode = draw(st.sampled_from(["constant", "constant", "reflect", "edge"]))
    chosen = sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    x = draw(tensor(shape, batch=None if 0 in chosen else 0))
    widths = np.zeros((2, len(shape)), np.int64)
    for axis in chosen:
        most = min(2, shape[axis] - 1) if mode == "reflect" else 2
        widths[:, axis] = draw(st.tuples(st.integers(0, most), st.integers(0, most)))
    operands: list[Operand] = [x, widths.reshape(-1)]
    form = draw(st.sampled_from(["plain", "valued", "integers", "axes"]))
    if form == "valued" and mode == "constant":
        operands.append(np.float32(0.5))
    if form == "integers" and mode == "constant":
        operands = [_mapped(x, lambda array: array.astype(np.int64)), operands[1], np.int64(-1)]
    if form == "axes":
        given = [axis - draw(st.sampled_from([0, len(shape)])) for axis in chosen]
        operands = [x, widths[:, chosen].reshape(-1), None, np.array(given, np.int64)]
    opset = 18 if form == "axes" else 17
    return Drawn((operator,), tuple(operands), {"mode": mode}, opset=opset)
