"""Operators that only relabel, regroup, pad or concatenate axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridge.errors import GraphError, UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import (
    inner_layout,
    is_presentable,
)
from bridge.raising.building.recorder import Recorder
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


@raises("OptionalGetElement")
def optional_get_element(node: Node, x: Operand) -> Candidate:
    """x, which is there                            (onnx.ai/onnx/operators, OptionalGetElement)"""
    return regrouped(node, x)


@raises("OptionalHasElement")
def optional_has_element(node: Node, x: Operand | None = None) -> Candidate:
    """Whether there is an x                        (onnx.ai/onnx/operators, OptionalHasElement)"""
    answer = np.array(x is not None)
    weight = Weight((), lambda: answer, dtype=answer.dtype)
    return Candidate((None,), (Layout.identity(()),), lambda k: k.constant(weight))


@raises("Transpose")
def transpose(node: Node, x: Operand, *, perm: Sequence[int] | None = None) -> Candidate:
    """Another order of the logical axes; no data moves

    (onnx.ai/onnx/operators, Transpose)
    """
    order = tuple(reversed(range(x.rank))) if perm is None else tuple(perm)
    if sorted(order) != list(range(x.rank)):
        raise GraphError(
            "perm is no order of the axes",
            expected=f"each of 0 to {x.rank - 1} once",
            received=order,
        )
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
    """The same elements in another logical shape              (onnx.ai/onnx/operators, Reshape)"""
    return regrouped(node, x)


@raises("Unsqueeze")
def unsqueeze(
    node: Node, x: Operand, axes_input: Operand | None = None, *, axes: Sequence[int] | None = None
) -> Candidate:
    """Inserts axes of size 1                                (onnx.ai/onnx/operators, Unsqueeze)"""
    return regrouped(node, x)


@raises("Squeeze")
def squeeze(
    node: Node, x: Operand, axes_input: Operand | None = None, *, axes: Sequence[int] | None = None
) -> Candidate:
    """Removes axes of size 1                                  (onnx.ai/onnx/operators, Squeeze)"""
    named = axes if axes_input is None else axes_input.array().tolist()
    ones = [axis for axis, size in enumerate(x.shape) if size == 1]
    removed = ones if named is None else [axis % x.rank for axis in named]
    if any(isinstance(x.shape[axis], int) and x.shape[axis] != 1 for axis in removed):
        raise GraphError("it removes an axis that is not of size 1", received=x.shape)
    if not {*removed} <= {*ones}:
        return regrouped(node, x)
    return _relabelled(x, x.layout, x.layout.squeezed(removed))


def regrouped(node: Node, x: Operand) -> Candidate:
    """A new logical shape over the same elements: a relabelling if the layout allows it.

    If it does not, the tensor is first rearranged to the identity layout.
    """
    shape = _known(node.shape, x.layout)
    if shape.count(None) > 1:
        raise UnsupportedError(
            "a new shape of which more than one size is known only when the model runs",
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
    """The same elements in the same order, at most reshaped."""
    source, target = input_layout.stored_shape, output_layout.stored_shape

    def build(k: Recorder, x: Ref) -> Ref:
        return x if source == target else reshape_stored(k, x, source, target)

    return Candidate(
        (input_layout,),
        (output_layout,),
        build,
        backward=lambda output_layout: _regrouped(output_layout, x.shape),
    )


def _regrouped(layout: Layout, shape: Shape) -> Layout | None:
    """The layout of the same elements in another shape; None where several sizes stay open."""
    known = _known(shape, layout)
    return None if known.count(None) > 1 else layout.grouped(known)


def _known(shape: Shape, layout: Layout) -> tuple[int | str | None, ...]:
    """A shape for `Layout.grouped`, with None for a symbol that the tensor does not have."""
    symbols = {atom for atoms in layout.axes for atom in atoms if isinstance(atom, str)}
    return tuple(dim if isinstance(dim, int) or dim in symbols else None for dim in shape)


@raises("Concat")
def concat(node: Node, *operands: Operand, axis: int) -> list[Candidate]:
    """Concatenates along one axis, on which each part keeps its inner layout.

    The other axes are stored as in one of the parts, or in the preferred layout, which may help if
    parts have axes of size 1.

    (onnx.ai/onnx/operators, Concat)
    """
    axis %= len(node.shape)
    bases = [operand.layout for operand in operands if not operand.is_constant]
    bases += [] if node.preferred_layout is None else [node.preferred_layout]
    frames = dict.fromkeys(_frame(base, axis) for base in dict.fromkeys(bases))
    options = [_concatenated(operands, *frame, axis) for frame in frames if frame is not None]
    candidates = [candidate for candidate in options if candidate is not None]
    identity = tuple(Layout.identity(operand.shape) for operand in operands)
    return candidates or [_candidate(identity, Layout.identity(node.shape), axis)]


_Frame = tuple[tuple[int, ...], tuple[Layout, ...], tuple[Layout, ...]]


def _frame(base: Layout, axis: int) -> _Frame | None:
    """The order of the axes, and the inner layouts of those before and after the concatenated one;
    None if an axis has no stored axis of its own."""
    if not is_presentable(base):
        return None
    order = tuple(sorted(range(base.rank), key=lambda i: base.where(i) or 0))
    inner = [base.axis(i) for i in range(base.rank) if i != axis]
    return order, tuple(inner[:axis]), tuple(inner[axis:])


def _concatenated(
    operands: tuple[Operand, ...],
    order: tuple[int, ...],
    before: tuple[Layout, ...],
    after: tuple[Layout, ...],
    axis: int,
) -> Candidate | None:
    """All parts with their axes in one order and, except for the concatenated one, in the same
    inner layouts; None if these are not identity layouts and parts name a size differently, and
    if parts of unknown sizes are in other layouts."""
    parts = [inner_layout(operand, axis) for operand in operands]
    is_open = any(isinstance(part.logical_shape[0], str) for part in parts)
    if is_open and not all(part.is_identity for part in parts):
        return None
    input_layouts = []
    for operand, part in zip(operands, parts, strict=True):
        frame = zip((*before, part, *after), operand.shape, strict=True)
        axes = [_with_size(inner, size) for inner, size in frame]
        if None in axes:
            return None
        input_layouts.append(Layout.product([inner for inner in axes if inner is not None], order))
    output_layout = Layout.product([*before, Layout.concatenated(parts), *after], order)
    return _candidate(tuple(input_layouts), output_layout, order.index(axis))


def _with_size(inner: Layout, size: Size) -> Layout | None:
    """The layout of an axis with another size, or name of it; None unless it is the identity."""
    if inner.logical_shape == (size,):
        return inner
    return Layout.identity((size,)) if inner.is_identity else None


def _candidate(
    input_layouts: tuple[Layout, ...], output_layout: Layout, stored_axis: int
) -> Candidate:
    def build(k: Recorder, *refs: Ref) -> Ref:
        return k.layer("Concatenate", refs, axis=stored_axis) if len(refs) > 1 else refs[0]

    return Candidate(input_layouts, (output_layout,), build)
