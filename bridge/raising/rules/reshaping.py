"""Operators that only rename, regroup, join or cut axes."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.candidates import (
    inner_layout,
    is_presentable,
    resized,
    with_identity_axes,
)
from bridge.raising.building.padding import zeros_around
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import sliced
from bridge.raising.plan import Ref, Size
from bridge.raising.search.permuting import reshape as reshape_stored
from bridge.raising.table import Candidate, Node, Operand, Shape, raises


@raises("Identity")
def identity(node: Node, x: Operand) -> Candidate:
    """x itself                                                (onnx.ai/onnx/operators, Identity)"""
    if x.is_constant:
        weight = x.weight()
        return Candidate((None,), (x.layout,), lambda k: k.constant(weight))
    return Candidate((x.layout,), (x.layout,), lambda _, x: x)


@raises("Transpose")
def transpose(node: Node, x: Operand, *, perm: Sequence[int] | None = None) -> Candidate:
    """Nothing moves: the axes have other places in the logical shape, and the same in store.

    (onnx.ai/onnx/operators, Transpose)
    """
    order = tuple(reversed(range(x.rank))) if perm is None else tuple(perm)
    backward = sorted(range(x.rank), key=order.__getitem__)
    return Candidate(
        (x.layout,),
        (x.layout.permuted(order),),
        lambda _, x: x,
        backward=lambda output_layout: output_layout.permuted(backward),
    )


@raises("Flatten")
def flatten(node: Node, x: Operand, *, axis: int = 1) -> Candidate:
    """n c h w -> n (c h w)                                  (onnx.ai/onnx/operators, Flatten)"""
    return regrouped(node, x)


@raises("Reshape")
def reshape(node: Node, x: Operand, shape: Operand, *, allowzero: int = 0) -> Candidate:
    """The same numbers in another logical shape               (onnx.ai/onnx/operators, Reshape)"""
    return regrouped(node, x)


@raises("Unsqueeze")
def unsqueeze(
    node: Node, x: Operand, axes_input: Operand | None = None, *, axes: Sequence[int] | None = None
) -> Candidate:
    """More axes of size 1                                   (onnx.ai/onnx/operators, Unsqueeze)"""
    return regrouped(node, x)


@raises("Squeeze")
def squeeze(
    node: Node, x: Operand, axes_input: Operand | None = None, *, axes: Sequence[int] | None = None
) -> Candidate:
    """Fewer axes of size 1, the others lie as they did        (onnx.ai/onnx/operators, Squeeze)"""
    given = axes if axes_input is None else axes_input.array().tolist()
    ones = [axis for axis, size in enumerate(x.shape) if size == 1]
    gone = ones if given is None else [axis % x.rank for axis in given]
    if not {*gone} <= {*ones}:
        return regrouped(node, x)
    return _relabelled(x, x.layout, x.layout.squeezed(gone))


def regrouped(node: Node, x: Operand) -> Candidate:
    """A new logical shape over the same elements: a relabelling wherever the axes allow it.

    Where they do not, the tensor is brought to ONNX's order first.
    """
    shape = _known(node.shape, x.layout)
    if shape.count(None) > 1:
        raise UnsupportedError(
            "a new shape of which more than one size is only known when the model runs",
            received=f"{x.shape} -> {node.shape}",
            hint="fix the sizes of the inputs",
        )
    layout, input_layout = x.layout.grouped(shape), x.layout
    if layout is None:
        input_layout = Layout.identity(x.shape)
        layout = input_layout.grouped(_known(node.shape, input_layout)) or Layout.identity(
            node.shape
        )
    return _relabelled(x, input_layout, layout)


def _relabelled(x: Operand, input_layout: Layout, output_layout: Layout) -> Candidate:
    """A tensor whose elements stay as they are wanted, in another shape."""
    have, then = input_layout.stored_shape, output_layout.stored_shape

    def build(k: Recorder, x: Ref) -> Ref:
        return x if have == then else reshape_stored(k, x, have, then)

    return Candidate(
        (input_layout,),
        (output_layout,),
        build,
        backward=lambda output_layout: output_layout.grouped(_known(x.shape, output_layout)),
    )


def _known(shape: Shape, layout: Layout) -> tuple[int | str | None, ...]:
    """A shape for `grouped`: a symbol that the tensor does not have is what is left over."""
    symbols = {atom for atoms in layout.axes for atom in atoms if isinstance(atom, str)}
    return tuple(dim if isinstance(dim, int) or dim in symbols else None for dim in shape)


@raises("Pad", since=11)
def pad(
    node: Node,
    x: Operand,
    pads: Operand,
    value: Operand | None = None,
    axes: Operand | None = None,
    *,
    mode: str = "constant",
) -> Candidate:
    """Adds to both ends of axes                                  (onnx.ai/onnx/operators, Pad)"""
    widths = [int(width) for width in pads.array()]
    logical = range(x.rank) if axes is None else [int(axis) % x.rank for axis in axes.array()]
    half = len(widths) // 2
    if min(widths) < 0 or mode not in ("constant", "edge", "reflect"):
        raise UnsupportedError("this kind of Pad", received=f"mode {mode}, pads {widths}")
    padded = [
        axis for axis, b, e in zip(logical, widths[:half], widths[half:], strict=True) if b + e
    ]
    input_layout = with_identity_axes(x, padded)
    pairs = [(0, 0)] * len(input_layout.stored_shape)
    for axis, begin, end in zip(logical, widths[:half], widths[half:], strict=True):
        if axis in padded and (place := input_layout.where(axis)) is not None:
            pairs[place] = (begin, end)
    output_layout = resized(input_layout, node.shape, padded)
    if mode == "edge":
        return Candidate(
            (input_layout,), (output_layout,), lambda k, x: _with_edges_again(k, x, pairs)
        )
    options: dict[str, object] = {"pad_width": pairs, "mode": mode}
    if mode == "constant":
        options["constant_values"] = 0 if value is None else value.array().item()
        if options["constant_values"] == 0 and _has_a_layer(pairs):
            return Candidate(
                (input_layout,), (output_layout,), lambda k, x: zeros_around(k, x, pairs[1:-1])
            )
    return Candidate((input_layout,), (output_layout,), lambda k, x: k.op("pad", x, **options))


def _has_a_layer(pairs: Sequence[tuple[int, int]]) -> bool:
    """Whether Keras has a layer that pads these stored axes: not the first, nor the last."""
    return 3 <= len(pairs) <= 5 and not any(pairs[0] + pairs[-1])


def _with_edges_again(k: Recorder, x: Ref, pairs: Sequence[tuple[int, int]]) -> Ref:
    """With the first and the last place of each stored axis so often before and behind it."""
    for axis, (begin, end) in enumerate(pairs):
        if begin + end:
            first, last = (sliced(k, x, axis, at, None) for at in (slice(0, 1), slice(-1, None)))
            x = k.layer("Concatenate", [*[first] * begin, x, *[last] * end], axis=axis)
    return x


@raises("Concat")
def concat(node: Node, *operands: Operand, axis: int) -> list[Candidate]:
    """Joins along one axis, each part in its own inner order there.

    The other axes lie as in one of the parts, or as it is wished, which may suit where parts have
    axes of size 1.

    (onnx.ai/onnx/operators, Concat)
    """
    if any(operand.is_constant for operand in operands):
        raise UnsupportedError("a constant among the joined tensors")
    axis %= len(node.shape)
    bases = [operand.layout for operand in operands]
    bases += [] if node.preferred_layout is None else [node.preferred_layout]
    frames = dict.fromkeys(_frame(base, axis) for base in dict.fromkeys(bases))
    steps = [_joined(operands, *frame, axis) for frame in frames if frame is not None]
    found = [step for step in steps if step is not None]
    plain = [Layout.identity(operand.shape) for operand in operands]
    return found or [_join(tuple(plain), Layout.identity(node.shape), axis)]


_Frame = tuple[tuple[int, ...], tuple[Layout, ...], tuple[Layout, ...]]


def _frame(base: Layout, axis: int) -> _Frame | None:
    """In which order the axes lie, and how those before and behind one of them are inside; None
    where they do not lie apart."""
    if not is_presentable(base):
        return None
    order = tuple(sorted(range(base.rank), key=lambda each: base.where(each) or 0))
    inner = [base.axis(each) for each in range(base.rank) if each != axis]
    return order, tuple(inner[:axis]), tuple(inner[axis:])


def _joined(
    operands: tuple[Operand, ...],
    order: tuple[int, ...],
    before: tuple[Layout, ...],
    behind: tuple[Layout, ...],
    axis: int,
) -> Candidate | None:
    """The parts with their axes in an order, all but one of them with the same inner orders; None
    where these are not plain and another part calls a free size by another name."""
    parts = [inner_layout(operand, axis) for operand in operands]
    input_layout = []
    for operand, part in zip(operands, parts, strict=True):
        frame = zip((*before, part, *behind), operand.shape, strict=True)
        own = [_sized(inner, size) for inner, size in frame]
        if None in own:
            return None
        input_layout.append(Layout.product([each for each in own if each is not None], order))
    joined = Layout.product([*before, Layout.concatenated(parts), *behind], order)
    return _join(tuple(input_layout), joined, order.index(axis))


def _sized(inner: Layout, size: Size) -> Layout | None:
    """An axis in the same inner order, for another size or name of it; None where it has none."""
    if inner.logical_shape == (size,):
        return inner
    return Layout.identity((size,)) if inner.is_identity else None


def _join(input_layout: tuple[Layout, ...], output_layout: Layout, place: int) -> Candidate:
    def build(k: Recorder, *refs: Ref) -> Ref:
        return k.layer("Concatenate", refs, axis=place) if len(refs) > 1 else refs[0]

    return Candidate(input_layout, (output_layout,), build)
