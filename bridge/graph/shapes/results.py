"""The shapes of results whose sizes ONNX's inference does not follow: sums, products and quotients
of free sizes, and shapes that the graph computes.    (onnx.ai/onnx/operators)"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from bridge.graph.shapes.elements import Elements, difference
from bridge.graph.shapes.known import Known, Sizes, known_sizes, product_of
from bridge.graph.shapes.maps import MAP_RULES
from bridge.layout.size import Size, product, quotient, rounded_quotient, total


def result_shapes(known: Known) -> Sequence[Sizes | None] | None:
    """The shapes of the outputs, with None for a size that is not known; None where the operator
    is left to ONNX's inference."""
    rule = _RULES.get(known.node.op_type)
    return None if rule is None or known.sizes(0) is None else rule(known)


def broadcast(*shapes: Sizes) -> list[Size | None]:
    """The shape to which all of these are broadcast. Two free sizes that differ may be 1.

    Raises ValueError for numbers that do not fit.
    """
    rank = max(map(len, shapes))
    columns = zip(*((1,) * (rank - len(shape)) + (*shape,) for shape in shapes), strict=True)
    return [_one_size(column) for column in columns]


def _one_size(sizes: Iterable[Size | None]) -> Size | None:
    others = {size for size in sizes if size != 1}
    numbers = {size for size in others if isinstance(size, int)}
    if len(numbers) > 1:
        raise ValueError(f"no shape has all of these: {sorted(numbers)}")
    if numbers:
        return numbers.pop()
    return others.pop() if len(others) == 1 else None if others else 1


# --- shapes that are computed ---------------------------------------------------------------------


def _reshape(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    target = known.elements[1]
    if target is None:
        return None
    keeps = not known.node.attributes.get_int("allowzero", 0)
    sizes = [
        (x[axis] if axis < len(x) else None) if size == 0 and keeps else size
        for axis, size in enumerate(target)
    ]
    rest = [size for size in sizes if size != -1]
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = _rest(x, rest)
    elif sizes.count(None) == 1:
        sizes[sizes.index(None)] = _rest(x, [size for size in sizes if size is not None])
    return [sizes]


def _rest(whole: Sizes, others: Sizes) -> Size | None:
    """What is left for an axis beside others; sizes that both have need not be known."""
    left, right = [*whole], [*others]
    if None in left or None in right:
        return None
    return quotient(product(known_sizes(left)), product(known_sizes(right)))


def _flatten(known: Known) -> Sequence[Sizes | None]:
    x = known.x
    axis = known.node.attributes.get_int("axis", 1)
    axis += len(x) * (axis < 0)
    return [[product_of(x[:axis]), product_of(x[axis:])]]


def _expand(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    target = known.elements[1]
    return None if target is None else [broadcast(x, target)]


def _constant_of_shape(known: Known) -> Sequence[Sizes | None] | None:
    return None if known.elements[0] is None else [known.elements[0]]


def _range(known: Known) -> Sequence[Sizes | None] | None:
    if not all(elements and elements[0] is not None for elements in known.elements):
        return None
    start, limit, step = (elements[0] for elements in known.elements if elements)
    if start is None or limit is None or not isinstance(step, int) or step < 1:
        return None
    return [[rounded_quotient(total((difference(limit, start), step - 1)), step)]]


def _tile(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    repeats = known.elements[1]
    if repeats is None or len(repeats) != len(x):
        return None
    return [[product_of(pair) for pair in zip(x, repeats, strict=True)]]


def _top_k(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    count = known.elements[1] if len(known.elements) > 1 else None
    if count is None or len(count) != 1:
        return None
    axis = known.node.attributes.get_int("axis", -1) % len(x)
    return [[*x[:axis], count[0], *x[axis + 1 :]]] * 2


# --- parts and pieces -----------------------------------------------------------------------------


def _slice(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    starts, ends, axes, steps = (_bounds(known, index, name) for index, name in _SLICE)
    if starts is None or ends is None:
        return None
    steps = steps or (1,) * len(starts)
    sizes = [*x]
    for axis, *key in zip(axes or range(len(starts)), starts, ends, steps, strict=False):
        if not isinstance(axis, int):
            return None
        sizes[axis] = _length(x[axis], *key)
    return [sizes]


_SLICE = ((1, "starts"), (2, "ends"), (3, "axes"), (4, "steps"))


def _bounds(known: Known, index: int, attribute: str) -> Elements | None:
    if attribute in known.node.attributes:
        return tuple(known.node.attributes.get_ints(attribute))
    return known.elements[index] if index < len(known.elements) else None


def _length(
    size: Size | None, start: Size | None, end: Size | None, step: Size | None
) -> Size | None:
    """The size of a slice."""
    if size is None or start is None or end is None or not isinstance(step, int) or step == 0:
        return None
    if isinstance(size, int) and isinstance(start, int) and isinstance(end, int):
        return len(range(size)[slice(start, end, step)])
    if step < 0:
        whole = step == -1 and start == -1 and isinstance(end, int) and end <= -(2**31)
        return size if whole else None
    first = total((size, start)) if isinstance(start, int) and start < 0 else start
    last = _end(size, end)
    if last is None:
        return None
    return rounded_quotient(total((difference(last, first), step - 1)), step)


# What exporters write for "to the end"; no axis is as long.
_FAR = 10**9


def _end(size: Size, end: Size) -> Size | None:
    """Where a slice ends, from the beginning. A table that is cut to a free size, as that of
    positions, is assumed to be long enough, without which the graph cannot run."""
    if isinstance(end, int):
        return size if end >= _FAR else total((size, end)) if end < 0 else None if end else 0
    apart = difference(size, end)
    return size if isinstance(apart, int) and apart < 0 else end


def _split(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    axis, outputs = known.node.attributes.get_int("axis", 0) % len(x), len(known.node.outputs)
    lengths: Sizes | None = known.integers(1, "split")
    if lengths is None and len(known.shapes) < 2 and (size := x[axis]) is not None:
        lengths = [quotient(size, outputs)] * outputs
    if lengths is None or len(lengths) != outputs:
        return None
    return [[*x[:axis], length, *x[axis + 1 :]] for length in lengths]


def _concat(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    axis = known.node.attributes.get_int("axis", 0) % max(1, len(x))
    parts = [shape for shape in known.shapes if shape is not None and len(shape) == len(x)]
    if len(parts) < len(known.shapes):
        return None
    along = [part[axis] for part in parts]
    sizes = [_one_of(column) for column in zip(*parts, strict=True)]
    sizes[axis] = None if None in along else total(known_sizes(along))
    return [sizes]


def _one_of(sizes: Sequence[Size | None]) -> Size | None:
    """One size that all of these are: a number, or else the first of them."""
    known = known_sizes(sizes)
    return next((size for size in known if isinstance(size, int)), known[0] if known else None)


def _pad(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    pads = _bounds(known, 1, "pads")
    axes: Sequence[int] | None = [*range(len(x))]
    if len(known.shapes) > 3 and known.shapes[3] is not None:
        axes = known.integers(3, "axes")
    if pads is None or axes is None or len(pads) != 2 * len(axes):
        return None
    sizes = [*x]
    for axis, begin, end in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        parts = (x[axis], begin, end)
        sizes[axis] = None if None in parts else total(known_sizes(parts))
    return [sizes]


def _affine_grid(known: Known) -> Sequence[Sizes | None] | None:
    size = known.elements[1]
    return None if size is None else [[size[0], *size[2:], len(size) - 2]]


def _broadcast(known: Known) -> Sequence[Sizes | None] | None:
    shapes = [shape for shape in known.shapes if shape is not None]
    if "broadcast" in known.node.attributes:  # of opset 6, along an axis
        return None
    return [broadcast(*shapes)] if len(shapes) == len(known.shapes) else None


def _same(known: Known) -> Sequence[Sizes | None]:
    return [known.x]


# Of these ONNX infers nothing, for want of a rule of its own.
OF_ONE_TYPE = frozenset(("GroupNormalization", "MeanVarianceNormalization", "LpNormalization"))

_BROADCAST = "Add Sub Mul Div Pow Mod Max Min Sum Mean Where And Or Xor Equal Greater Less"
_BROADCAST += " GreaterOrEqual LessOrEqual BitShift BitwiseAnd BitwiseOr BitwiseXor"

_RULES: Mapping[str, Callable[[Known], Sequence[Sizes | None] | None]] = {
    **dict.fromkeys(_BROADCAST.split(), _broadcast),
    **dict.fromkeys(OF_ONE_TYPE, _same),
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Expand": _expand,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "Tile": _tile,
    "TopK": _top_k,
    "Slice": _slice,
    "Split": _split,
    "Concat": _concat,
    "Pad": _pad,
    "AffineGrid": _affine_grid,
    **MAP_RULES,
}
