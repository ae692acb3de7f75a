"""Updates at indices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Array,
    Draw,
    NodeExample,
    Operand,
    Tensor,
    nodes_of,
    shapes,
    tensor,
    values,
)

REDUCTIONS = st.sampled_from([{}, *({"reduction": name} for name in ("add", "mul", "max", "min"))])


@st.composite
def known_or_not(draw: Draw, array: Array) -> Operand:
    return draw(st.sampled_from([array, Tensor(array), Tensor(array)]))


@nodes_of("Scatter")
@nodes_of("ScatterElements", since=11)
@st.composite
def scatter_elements(draw: Draw, operator: str) -> NodeExample:
    """Each index once: which of two updates at one index counts, ONNX leaves open."""
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    number = draw(st.integers(1, shape[axis]))
    sizes = (*shape[:axis], number, *shape[axis + 1 :])
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    indices = generator.random(shape).argsort(axis).take(range(number), axis=axis)
    indices = indices - draw(st.sampled_from([0, shape[axis]]))
    operands = (
        draw(known_or_not(draw(values(shape)))),
        draw(known_or_not(indices)),
        draw(known_or_not(draw(values(sizes)))),
    )
    if operator == "Scatter":
        return NodeExample((operator,), any_computed(operands), {"axis": axis}, opset=10)
    attributes = {"axis": axis, **draw(REDUCTIONS)}
    return NodeExample((operator,), any_computed(operands), attributes, opset=18)


def any_computed(operands: tuple[Operand, ...]) -> tuple[Operand, ...]:
    """At least the first one is computed."""
    if any(isinstance(operand, Tensor) for operand in operands):
        return operands
    return Tensor(np.asarray(operands[0])), *operands[1:]


@nodes_of("ScatterND", since=11)
@st.composite
def scatter_nd(draw: Draw, operator: str) -> NodeExample:
    """Each index once, as above."""
    shape = draw(shapes(1, 4))
    depth = draw(st.integers(1, len(shape)))
    all_indices = np.stack(np.indices(shape[:depth]), axis=-1).reshape(-1, depth)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    number = draw(st.integers(1, min(4, len(all_indices))))
    indices = generator.permutation(all_indices)[:number].astype(np.int64)
    if draw(st.booleans()):
        indices = indices[:, None]
    updates = draw(values((*indices.shape[:-1], *shape[depth:])))
    operands = (
        draw(known_or_not(draw(values(shape)))),
        draw(known_or_not(indices - draw(st.sampled_from([0, shape[0]])) * (depth == 1))),
        draw(known_or_not(updates)),
    )
    return NodeExample((operator,), any_computed(operands), draw(REDUCTIONS), opset=18)


@nodes_of("TensorScatter")
@st.composite
def tensor_scatter(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(3, 4))
    axis = draw(st.integers(1, len(shape) - 1))
    mode = draw(st.sampled_from(["linear", "circular"]))
    length = draw(st.integers(1, shape[axis]))
    latest = shape[axis] - (length if mode == "linear" else 1)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    starts = generator.integers(0, latest + 1, shape[0]).astype(np.int64)
    update = draw(values((*shape[:axis], length, *shape[axis + 1 :])))
    operands = (draw(tensor(shape)), draw(known_or_not(update)), draw(known_or_not(starts)))
    attributes = {"axis": axis - draw(st.sampled_from([0, len(shape)])), "mode": mode}
    return NodeExample((operator,), operands[: draw(st.integers(2, 3))], attributes, opset=24)


# Examples


def test_several_updates_at_one_index_add_up() -> None:
    text = """g (float[3] x, int64[4] indices, float[4] updates) => (float[3] y) {
        y = ScatterElements<reduction="add">(x, indices, updates)
    }"""
    feeds = {"x": seeded((3,)), "indices": np.array([2, 0, 2, 2]), "updates": seeded((4,), 1)}
    raise_and_compare(graph(text, opset=18), feeds)


@pytest.mark.parametrize("constants", [["indices"], ["indices", "updates"], ["indices", "x"]])
def test_constant_indices(constants: list[str]) -> None:
    arrays = {"indices": np.array([-1, 0]), "updates": seeded((2,), 1), "x": seeded((3,), 2)}
    names = {"x": "float[3] x", "updates": "float[2] updates", "z": "float[3] z"}
    inputs = ", ".join(text for name, text in names.items() if name not in constants)
    text = f"""g ({inputs}) => (float[3] y, float[3] a) {{
        y = ScatterElements(x, indices, updates)
        a = Abs(z)
    }}"""
    feeds = {name: array for name, array in arrays.items() if name not in constants}
    model = graph(text, {name: arrays[name] for name in constants})
    raise_and_compare(model, {**feeds, "z": seeded((3,))})
