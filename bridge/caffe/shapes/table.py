"""The table of shape rules: Caffe's own output shape of each layer, and the blobs it needs.

A rule takes the layer and the shapes of its bottoms and returns a `LayerShapes`. It follows the
LayerSetUp and Reshape functions of the layer's Caffe source and refuses, by ShapeError, what they
refuse.

A layer that needs no blobs can do without: what its lowering emits has its shape (`derive_shapes`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import prod
from types import SimpleNamespace
from typing import Any

from bridge.caffe import schema
from bridge.caffe.net import Layer, Shape
from bridge.errors import ShapeError
from bridge.registry import Registry


@dataclass(frozen=True)
class LayerShapes:
    """The shapes of a layer's tops, and of the blobs that it needs, in order.

    `weights` is None where only the caffemodel determines what kind of layer it is.
    """

    tops: tuple[Shape, ...]
    weights: tuple[Shape, ...] | None = ()


Rule = Callable[..., LayerShapes]
Arity = tuple[int, int | None]


@dataclass(frozen=True)
class _Entry:
    rule: Rule
    bottoms: Arity
    tops: Arity


TABLE = Registry[_Entry]("shape", "layer type")

# Collections of types, and the entry of those among them that TABLE lacks.
_DERIVED: list[tuple[Collection[str], _Entry]] = []

SOME: Arity = (1, None)

# The most numbers that a blob of Caffe can hold. (Blob::Reshape in src/caffe/blob.cpp)
MAX_SIZE = 2**31 - 1

# A dim that depends on the data, such as the number of detections.
DYNAMIC = -1


def shape(*types: str, bottoms: int | Arity = 1, tops: int | Arity = 1) -> Callable[[Rule], Rule]:
    """Register a rule for layer types; `bottoms` and `tops` are a number or the least and most."""
    return TABLE.register(types, lambda rule: _Entry(rule, _arity(bottoms), _arity(tops)))


def _arity(number: int | Arity) -> Arity:
    return (number, number) if isinstance(number, int) else number


def derive_shapes(types: Collection[str], rule: Rule) -> None:
    """Let a rule say the shapes of those types that have none of their own.

    The types are looked up when they are asked for. `bridge.lower`, which may import this folder
    and not the other way round, hands in its table, and a rule that lowers the layer.
    """
    _DERIVED.append((types, _Entry(rule, (0, None), (0, None))))


def knows(type_: str) -> bool:
    return type_ in TABLE or any(type_ in types for types, _ in _DERIVED)


def _entry(type_: str) -> _Entry:
    """Its own, or else that of the first collection that has it."""
    derived = (entry for types, entry in _DERIVED if type_ in types)
    return TABLE[type_] if type_ in TABLE else next(derived)


def named_by(word: str) -> str | None:
    """The one known type that a word names, ignoring case and underscores."""
    plain = _plain(word)
    known = {type_ for types in (TABLE, *(types for types, _ in _DERIVED)) for type_ in types}
    named = [type_ for type_ in known if _plain(type_) == plain]
    return named[0] if len(named) == 1 else None


def _plain(word: str) -> str:
    return word.replace("_", "").lower()


def layer_shapes(layer: Layer, bottoms: tuple[Shape, ...]) -> LayerShapes:
    """Apply the rule of a layer's type, which has one. Errors: ShapeError, and any BridgeError
    where the shapes are those of what its lowering emits."""
    entry = _entry(layer.type)
    for what, count, (least, most) in (
        ("bottom", len(bottoms), entry.bottoms),
        ("top", len(layer.tops), entry.tops),
    ):
        if count < least or (most is not None and count > most):
            expected = str(least) if least == most else f"{least} to {most or 'any number'}"
            require(False, layer, f"the number of its {what}s is wrong", expected, count)
    shapes = entry.rule(layer, *bottoms)
    count = len(shapes.tops)
    require(
        count == len(layer.tops), layer, "it needs a top for each bottom", count, len(layer.tops)
    )
    for blob_shape in (*shapes.tops, *(shapes.weights or ())):
        size = prod(blob_shape)
        require(size <= MAX_SIZE, layer, "a blob of it is too large", f"at most {MAX_SIZE}", size)
    return shapes


# ---- helpers for rules -----------------------------------------------------------------------


def require(
    holds: bool, layer: Layer, problem: str, expected: object = None, received: object = None
) -> None:
    """Refuse the layer unless the condition holds. Errors: ShapeError."""
    if not holds:
        raise ShapeError(problem, where=layer, expected=expected, received=received)


def text(shape: Shape) -> str:
    """A shape as messages print it: `1 3 224 224`."""
    return " ".join(map(str, shape)) or "a scalar"


def fields_of(layer: Layer, message: str) -> Mapping[str, Any]:
    """The fields of a layer's parameter message that the text sets."""
    return layer.params.get(message, {})


def parameters(layer: Layer, message: str) -> Any:
    """A layer's parameter message as an object, with Caffe's defaults for fields not set."""
    kind = schema.fields("LayerParameter")[message].message
    return SimpleNamespace(**{**schema.defaults(kind), **fields_of(layer, message)})


def axis_of(layer: Layer, axis: int, x: Shape, extra: int = 0) -> int:
    """An axis counted from the front; there may be `extra` more axes than those of `x`."""
    rank = len(x) + extra
    require(-rank <= axis < rank, layer, "no such axis", f"-{rank} to {rank - 1}", axis)
    return axis % rank


def same(layer: Layer, x: Shape, *rest: Shape) -> None:
    """Refuse unless all shapes are equal."""
    for other in rest:
        require(other == x, layer, "its inputs have different shapes", text(x), text(other))
