"""What a graph computes of sizes: each element of a small tensor of whole numbers, as a `Size`.

Exporters spell `x.view(x.size(0), -1)` out as Shape, Gather, Unsqueeze and Concat. ONNX's own data
propagation follows a few of these operators, and loses what a size is that has no name.
    (onnx.ai/onnx/operators)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from bridge import ir
from bridge.layout.size import Size, product, quotient, rounded_quotient, total

Elements: TypeAlias = "tuple[Size | None, ...]"
"""The elements of a scalar or a vector, None for one that is not known; a bool is 0 or 1."""

MAX_ELEMENTS = 64  # of a vector that says a shape, axes or pads
_NUMBERS = frozenset(("INT64", "INT32", "BOOL", "FLOAT", "DOUBLE"))


def elements_of(value: ir.Value | None, known: Mapping[ir.Value, Elements]) -> Elements | None:
    """Those of a small constant, or what is known of a computed tensor."""
    tensor = None if value is None else value.const_value
    if value is None or tensor is None:
        return None if value is None else known.get(value)
    if tensor.size > MAX_ELEMENTS or len(tensor.shape) > 1 or tensor.dtype.name not in _NUMBERS:
        return None
    numbers = tensor.numpy().ravel().tolist()
    return tuple(int(n) if _is_whole(n) else None for n in numbers)


class InputElements(Sequence["Elements | None"]):
    """The elements of each input of a node, read when they are asked for: most nodes have no use
    for them."""

    def __init__(
        self, inputs: Sequence[ir.Value | None], known: Mapping[ir.Value, Elements]
    ) -> None:
        self._inputs, self._known = inputs, known

    def __len__(self) -> int:
        return len(self._inputs)

    def __getitem__(self, index: Any) -> Any:
        return elements_of(self._inputs[index], self._known)


def _is_whole(number: float) -> bool:
    return abs(number) <= 2**63 and number == int(number)  # neither NaN nor infinity


def sizes_of(value: ir.Value | None) -> Elements | None:
    """The sizes of a tensor."""
    if value is None or value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else size.value for size in value.shape)


def computed_elements(node: ir.Node, inputs: Sequence[Elements | None]) -> Elements | None:
    """The elements of the node's only output; None where they are not known at all."""
    of_node, rule = _RULES_OF_NODES.get(node.op_type), _RULES.get(node.op_type)
    shape = node.outputs[0].shape
    if (of_node or rule) is None or (shape is not None and len(shape) > 1):
        return None
    elements = of_node(node, inputs) if of_node else rule(inputs) if rule else None
    return elements if elements is not None and len(elements) <= MAX_ELEMENTS else None


# --- rules ----------------------------------------------------------------------------------------

_Inputs: TypeAlias = "Sequence[Elements | None]"
_Rule: TypeAlias = Callable[["_Inputs"], "Elements | None"]
_Binary: TypeAlias = Callable[[Size, Size], "Size | None"]


def _shape(node: ir.Node) -> Elements | None:
    sizes = sizes_of(node.inputs[0])
    start, end = node.attributes.get_int("start", 0), node.attributes.get_int("end", None)
    return None if sizes is None else sizes[start:end]


def _size(node: ir.Node) -> Elements | None:
    return _reduced(sizes_of(node.inputs[0]), product)


def _same(inputs: _Inputs) -> Elements | None:
    return inputs[0]


def _gather(inputs: _Inputs) -> Elements | None:
    data, indices = inputs
    if data is None or indices is None:
        return None
    count = len(data)
    return tuple(
        data[index] if isinstance(index, int) and -count <= index < count else None
        for index in indices
    )


def _slice(inputs: _Inputs) -> Elements | None:
    data, start, end, _, step = (*inputs, *[None] * 4)[:5]
    key = [
        bound[0]
        for bound in (start, end, step or (1,))
        if bound is not None and len(bound) == 1 and isinstance(bound[0], int)
    ]
    return None if data is None or len(key) < 3 else data[key[0] : key[1] : key[2]]


def _concat(inputs: _Inputs) -> Elements | None:
    parts = [part for part in inputs if part is not None]
    return tuple(e for part in parts for e in part) if len(parts) == len(inputs) else None


def _filled(node: ir.Node, count: Elements | None) -> Elements | None:
    """ConstantOfShape, of a vector."""
    value = node.attributes.get_tensor("value", None)
    number = 0 if value is None else value.numpy().ravel()[0].item()
    whole = isinstance(number, int) or float(number).is_integer()
    if count is None or len(count) > 1 or not all(_is_few(number) for number in count) or not whole:
        return None
    return (int(number),) * (int(count[0] or 0) if count else 1)


def _expanded(inputs: _Inputs) -> Elements | None:
    x, count = inputs
    if x is None or count is None or len(count) != 1 or len(x) != 1 or not _is_few(count[0]):
        return None
    return x * int(count[0] or 0)


def _is_few(number: Size | None) -> bool:
    return isinstance(number, int) and 0 <= number <= MAX_ELEMENTS


def _selected(inputs: _Inputs) -> Elements | None:
    """Where: elements of which both are the same need no condition."""
    rows = _broadcast(inputs)
    if rows is None:
        return None
    return tuple(
        (one if condition else other)
        if isinstance(condition, int)
        else one
        if one == other
        else None
        for condition, one, other in rows
    )


def _binary(function: _Binary) -> _Rule:
    def rule(inputs: _Inputs) -> Elements | None:
        rows = _broadcast(inputs)
        if rows is None:
            return None
        return tuple(
            None if one is None or other is None else function(one, other) for one, other in rows
        )

    return rule


def _broadcast(inputs: _Inputs) -> Sequence[Elements] | None:
    """The elements that meet, one row for each result."""
    parts = [part for part in inputs if part is not None]
    count = max(map(len, parts), default=0)
    if len(parts) < len(inputs) or any(len(part) not in (1, count) for part in parts):
        return None
    return list(zip(*(part * count if len(part) == 1 else part for part in parts), strict=True))


def _divided(node: ir.Node, inputs: _Inputs) -> Elements | None:
    is_float = node.outputs[0].dtype is not None and node.outputs[0].dtype.is_floating_point()
    return _binary(quotient if is_float else _whole_quotient)(inputs)


def _whole_quotient(one: Size, other: Size) -> Size | None:
    """Of whole numbers, rounded towards 0; sizes are not negative."""
    if isinstance(one, int) and one < 0:
        return None
    if isinstance(other, int) and other > 0:
        return rounded_quotient(one, other)
    return quotient(one, other)


def difference(one: Size, other: Size) -> Size:
    return total((one, product((-1, other))))


def _remainder(one: Size, other: Size) -> Size | None:
    if isinstance(one, int) and isinstance(other, int) and one >= 0 and other > 0:
        return one % other
    return 0 if quotient(one, other) is not None else None


def _compared(function: Callable[[int], bool]) -> _Binary:
    """A comparison, of which the difference of both decides."""

    def compare(one: Size, other: Size) -> Size | None:
        apart = difference(one, other)
        return int(function(apart)) if isinstance(apart, int) else None

    return compare


def _equal(one: Size, other: Size) -> Size | None:
    # A size is never negative, as is the -1 of a shape that says "as it was".
    if isinstance(one, int) != isinstance(other, int) and min(_numbers(one, other)) < 0:
        return 0
    return _compared(lambda apart: apart == 0)(one, other)


def _numbers(*sizes: Size) -> list[int]:
    return [size for size in sizes if isinstance(size, int)]


def _extreme(pick: Callable[[int, int], int]) -> _Binary:
    def extreme(one: Size, other: Size) -> Size | None:
        apart = difference(one, other)
        if not isinstance(apart, int):
            return None
        return one if pick(apart, 0) == apart else other

    return extreme


def _reduce(function: Callable[[Sequence[Size]], Size]) -> _Rule:
    return lambda inputs: _reduced(inputs[0], function)


def _reduced(x: Elements | None, function: Callable[[Sequence[Size]], Size]) -> Elements | None:
    known = [element for element in x or () if element is not None]
    return None if x is None or len(known) < len(x) else (function(known),)


def _not(inputs: _Inputs) -> Elements | None:
    x = inputs[0]
    return x and tuple(1 - int(e) if isinstance(e, int) else None for e in x)


def _negative(inputs: _Inputs) -> Elements | None:
    x = inputs[0]
    return x and tuple(None if e is None else product((-1, e)) for e in x)


def _cast(node: ir.Node, inputs: _Inputs) -> Elements | None:
    dtype = node.outputs[0].dtype
    return inputs[0] if dtype is not None and dtype.name in _NUMBERS - {"BOOL"} else None


_RULES_OF_NODES: Mapping[str, Callable[[Any, _Inputs], Elements | None]] = {
    "Shape": lambda node, _: _shape(node),
    "Size": lambda node, _: _size(node),
    "Cast": _cast,
    "ConstantOfShape": lambda node, inputs: _filled(node, inputs[0]),
    "Div": _divided,
}
_RULES: Mapping[str, _Rule] = {
    **dict.fromkeys(
        ("Identity", "Squeeze", "Unsqueeze", "Reshape", "Floor", "Ceil", "Round"), _same
    ),
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Expand": _expanded,
    "Where": _selected,
    "Not": _not,
    "Neg": _negative,
    "Add": _binary(lambda a, b: total((a, b))),
    "Sub": _binary(difference),
    "Mul": _binary(lambda a, b: product((a, b))),
    "Mod": _binary(_remainder),
    "Max": _binary(_extreme(max)),
    "Min": _binary(_extreme(min)),
    "Equal": _binary(_equal),
    "Greater": _binary(_compared(lambda apart: apart > 0)),
    "GreaterOrEqual": _binary(_compared(lambda apart: apart >= 0)),
    "Less": _binary(_compared(lambda apart: apart < 0)),
    "LessOrEqual": _binary(_compared(lambda apart: apart <= 0)),
    "ReduceProd": _reduce(product),
    "ReduceSum": _reduce(total),
}
