"""New names, groups and ends of axes."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import onnx
from hypothesis import assume
from hypothesis import strategies as st

from bridge.convert import raise_onnx
from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Tensor,
    image,
    nodes_of,
    shapes,
    sizes,
    tensor,
    values,
)


@nodes_of("Identity")
@nodes_of("OptionalGetElement", "OptionalHasElement")
@st.composite
def identity(draw: Draw, operator: str) -> NodeExample:
    return NodeExample((operator,), (draw(image(draw(shapes(1, 5)))),), opset=18)


@nodes_of("Transpose")
@st.composite
def transpose(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 5))
    perm = draw(st.permutations(range(len(shape))))
    return NodeExample(
        (operator,), (draw(image(shape)),), draw(st.sampled_from([{"perm": perm}, {}]))
    )


@nodes_of("Flatten")
@st.composite
def flatten(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 5))
    axis = draw(st.integers(-len(shape), len(shape)))
    return NodeExample(
        (operator,), (draw(tensor(shape)),), draw(st.sampled_from([{"axis": axis}, {}]))
    )


@nodes_of("Reshape")
@st.composite
def reshape(draw: Draw, operator: str) -> NodeExample:
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
    return NodeExample((operator,), (Tensor(draw(values(shape)), free), np.array(new, np.int64)))


@st.composite
def regrouped(draw: Draw, size: int) -> list[int]:
    """Any shape of so many elements."""
    result: list[int] = []
    while size > 1:
        factor = draw(st.sampled_from([n for n in range(2, size + 1) if size % n == 0]))
        result, size = [*result, factor], size // factor
    for _ in range(draw(st.integers(0 if result else 1, 1))):
        result.insert(draw(st.integers(0, len(result))), 1)
    return result


@nodes_of("Squeeze")
@st.composite
def squeeze(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(2, 5))
    assume(1 in shape and prod(shape) > 1)
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    axes = sorted(draw(st.sets(st.sampled_from(ones), min_size=1)))
    x = draw(tensor(shape, batch=None if 0 in axes else 0))
    if draw(st.booleans()) and 0 not in ones:
        return NodeExample((operator,), (replace(x, free={}),))
    return draw(with_axes(operator, x, axes))


@nodes_of("Unsqueeze")
@st.composite
def unsqueeze(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    rank = len(shape) + draw(st.integers(1, 2))
    axes = draw(
        st.sets(st.integers(0, rank - 1), min_size=rank - len(shape), max_size=rank - len(shape))
    )
    return draw(with_axes(operator, draw(tensor(shape)), sorted(axes)))


@st.composite
def with_axes(draw: Draw, operator: str, x: Tensor, axes: list[int]) -> NodeExample:
    """Axes were an attribute before opset 13, and are an input since."""
    if draw(st.booleans()):
        return NodeExample((operator,), (x,), {"axes": axes}, opset=11)
    return NodeExample((operator,), (x, np.array(axes, np.int64)))


@nodes_of("Concat")
@st.composite
def concat(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 5))
    axis = draw(st.integers(0, len(shape) - 1))
    parts = draw(st.lists(sizes(), min_size=1, max_size=3))
    names = st.sampled_from(["batch", "batch", "samples"])
    operands = [
        Tensor(
            draw(values((*shape[:axis], size, *shape[axis + 1 :]))),
            {0: draw(names)} if axis else {},
        )
        for size in parts
    ]
    attributes = {"axis": draw(st.sampled_from([axis, axis - len(shape)]))}
    return NodeExample((operator,), tuple(operands), attributes)


# Examples


def test_a_transpose_and_its_inverse_leave_nothing_to_do() -> None:
    text = """g (float[n,2,3,4] x) => (float[n,2,3,4] y) {
        last = Transpose<perm=[0,2,3,1]>(x)  r = Relu(last)  y = Transpose<perm=[0,3,1,2]>(r)
    }"""
    plan = raise_and_compare(graph(text), {"x": seeded((2, 2, 3, 4))}).plan
    assert [call.target for call in plan.calls] == ["layers.ReLU"]


def test_flattened_maps_of_unknown_channels_are_concatenated(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["": 17]> g (float[1, C, 6, 8] x) => (float[1, D] y) {
      a = MaxPool <kernel_shape = [6, 8]> (x) c = Flatten <axis = 1> (a)
      b = MaxPool <kernel_shape = [3, 4], strides = [3, 4]> (x) d = Flatten <axis = 1> (b)
      y = Concat <axis = 1> (c, d) }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "net.onnx")
    report = raise_onnx(tmp_path / "net.onnx").report
    assert report is not None
    assert report.ok
