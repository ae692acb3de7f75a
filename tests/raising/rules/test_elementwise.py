"""Functions of several tensors, element by element."""

from __future__ import annotations

import pytest
from hypothesis import assume
from hypothesis import strategies as st

from bridge.layout import Layout
from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Array,
    Draw,
    NodeExample,
    Operand,
    Shape,
    Tensor,
    broadcast,
    image,
    map_values,
    nodes_of,
    shapes,
    values,
)


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
            name = draw(st.sampled_from(["batch", "batch", "samples"]))
            operands.append(Tensor(array, {0: name} if free and batched else {}))
    assume(any(isinstance(operand, Tensor) for operand in operands))
    return tuple(draw(st.permutations(operands)))


@nodes_of("Add", "Sub", "Mul", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
@st.composite
def binary(draw: Draw, operator: str) -> NodeExample:
    return NodeExample((operator,), draw(merged(2, 2)))


@nodes_of("And", "Or", "Xor")
@st.composite
def logical(draw: Draw, operator: str) -> NodeExample:
    operands = draw(merged(2, 2))
    return NodeExample(
        (operator,), tuple(map_values(operand, lambda x: x > 0) for operand in operands)
    )


@nodes_of("Max", "Min", "Sum")
@st.composite
def several(draw: Draw, operator: str) -> NodeExample:
    return NodeExample((operator,), draw(merged(1, 3)))


@nodes_of("Where")
@st.composite
def where(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    operands = [draw(values(draw(ones_in(shape)))) for _ in range(3)]
    computed = draw(st.sampled_from([(0,), (1,), (0, 1), (1, 2), (0, 1, 2)]))
    operands[computed[0]] = draw(values(shape))
    operands[0] = operands[0] > 0
    return NodeExample(
        (operator,),
        tuple(Tensor(array) if i in computed else array for i, array in enumerate(operands)),
    )


@st.composite
def ones_in(draw: Draw, shape: Shape) -> Shape:
    """The shape, with some axes of size 1."""
    return tuple(draw(st.sampled_from([1, size])) for size in shape)


@nodes_of("bridge::Affine")
@st.composite
def affine(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(2, 5))
    scale = draw(factors(shape))
    return NodeExample(("Mul", "Add"), (draw(image(shape)), scale, draw(values(scale.shape))))


@nodes_of("PRelu")
@st.composite
def prelu(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(2, 5))
    return NodeExample((operator,), (draw(image(shape)), draw(factors(shape))))


@st.composite
def factors(draw: Draw, shape: Shape) -> Array:
    """A constant over some axes of a tensor, the batch not among them."""
    padded = (1, *(draw(st.sampled_from([1, size])) for size in shape[1:]))
    least = next((axis for axis, size in enumerate(padded) if size != 1), len(padded))
    start = draw(st.integers(0, least))
    return draw(values(padded[start:]))


# Examples


CUBE = Layout.identity((2, 2, 2))


@pytest.mark.parametrize("operator", ["Add", "Mul"])
def test_an_operand_along_a_middle_axis_as_long_as_the_last(operator: str) -> None:
    """Keras would take it for a bias of the last axis."""
    text = f"g (float[2,2,2] x, float[2,1] v) => (float[2,2,2] y) {{ y = {operator}(x, v) }}"
    feeds = {"x": seeded((2, 2, 2)), "v": seeded((2, 1), 1)}
    raise_and_compare(graph(text), feeds, layouts={"x": CUBE, "v": Layout.identity((2, 1))})


def test_a_bias_along_a_middle_axis_as_long_as_the_last() -> None:
    text = "g (float[2,2,2] x) => (float[2,2,2] y) { a = Mul(x, s)  y = Add(a, t) }"
    model = graph(text, {"s": seeded((2, 1)), "t": seeded((2, 1), 1)})
    plan = raise_and_compare(model, {"x": seeded((2, 2, 2))}, layouts={"x": CUBE}).plan
    assert [call.target for call in plan.calls][-1] != "ops.add"


def test_a_batch_as_long_as_the_channels() -> None:
    """Only when the model runs is it known which axis Keras takes."""
    text = "g (float[n,3,3,3] x, float[n,1,1,1] v) => (float[n,3,3,3] y) { y = Add(x, v) }"
    raise_and_compare(graph(text), {"x": seeded((3, 3, 3, 3)), "v": seeded((3, 1, 1, 1), 1)})


def test_an_operand_over_part_of_a_stored_axis() -> None:
    """One value for each channel, against n (c h w)."""
    text = "g (float[2,2,2] x, float[2,1] v) => (float[2,2,2] y) { y = Mul(x, v) }"
    feeds = {"x": seeded((2, 2, 2)), "v": seeded((2, 1), 1)}
    merged = Layout(((2,), (2,), (2,)), ((0,), (1, 2)))
    raise_and_compare(graph(text), feeds, layouts={"x": merged, "v": Layout.identity((2, 1))})


def test_slopes_over_part_of_a_stored_axis() -> None:
    text = "g (float[1,1,1,2,2] x) => (float[1,1,1,2,2] y) { y = PRelu(x, s) }"
    merged = Layout(((1,), (1,), (1,), (2,), (2,)), ((0,), (1, 2, 3, 4)))
    model = graph(text, {"s": seeded((1, 1, 1, 1, 2))})
    raise_and_compare(model, {"x": seeded((1, 1, 1, 2, 2))}, layouts={"x": merged})


def test_slopes_along_the_first_stored_axis() -> None:
    """Keras has none for the batch, so the batch goes first."""
    text = "g (float[2,3] x) => (float[2,3] y) { y = PRelu(x, s) }"
    transposed = Layout.ordered((2, 3), (1, 0))
    model = graph(text, {"s": seeded((3,))})
    raise_and_compare(model, {"x": seeded((2, 3))}, layouts={"x": transposed})


def test_slopes_along_an_axis_of_unknown_size() -> None:
    """Keras's layer wants the size; without one it is what ONNX says the operator is made of."""
    text = "g (float[n,2,d] x) => (float[n,2,d] y) { y = PRelu(x, s) }"
    raise_and_compare(graph(text, {"s": seeded((1, 1, 2))}), {"x": seeded((3, 2, 2))})


def test_the_maximum_of_two_constants_and_a_tensor() -> None:
    """Of constants alone Keras makes no node."""
    text = "g (float[2] x) => (float[2] y) { y = Max(a, b, x) }"
    model = graph(text, {"a": seeded((2,), 1), "b": seeded((2,), 2)})
    raise_and_compare(model, {"x": seeded((2,))}, layouts={"x": Layout.identity((2,))})


def test_a_constant_spanning_an_axis_of_unknown_size_is_no_weight() -> None:
    text = "g (float[n,2,d] x) => (float[n,2,2] y) { y = Mul(x, s) }"
    model, identity = graph(text, {"s": seeded((1, 1, 2))}), Layout.identity(("n", 2, "d"))
    raised = raise_and_compare(model, {"x": seeded((2, 2, 2))}, layouts={"x": identity})
    assert raised.model.weights == []


def test_an_axis_whose_size_only_the_result_knows() -> None:
    text = "g (float[n,2,d] x) => (float[n,2,2] y) { a = Mul(x, s)  y = Add(a, t) }"
    merged = Layout((("n",), (2,), ("d",)), ((0,), (1, 2)))
    model = graph(text, {"s": seeded((1, 2, 2)), "t": seeded((1, 2, 2), 1)})
    raise_and_compare(model, {"x": seeded((2, 2, 2))}, layouts={"x": merged})


def test_a_broadcast_over_more_axes_than_tensorflow_takes() -> None:
    """Interleaved atoms, of which every second one is broadcast over."""
    text = "g (float[8,8] x, float[8,1] v) => (float[8,8] y) { y = Sub(x, v) }"
    interleaved = Layout(((2, 2, 2), (2, 2, 2)), ((0, 3, 1, 4, 2, 5),))
    feeds = {"x": seeded((8, 8)), "v": seeded((8, 1), 1)}
    raise_and_compare(graph(text), feeds, layouts={"x": interleaved, "v": Layout.identity((8, 1))})
