"""Normalisations that PyTorch's exporters spell out become one Keras layer again."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.keras_against_onnx import Array, Raised, graph, raise_and_compare, seeded

GROUPS = """g (float[b,6,4,5] x) => (float[b,6,4,5] y) {
    split = Reshape(x, apart)
    norm = InstanceNormalization<epsilon=0.001>(split, scale, bias)
    %s
}"""
AFFINE = "back = Reshape(norm, together)  scaled = Mul(back, gamma)  y = Add(scaled, beta)"
X = {"x": seeded((2, 6, 4, 5))}


def layers(raised: Raised) -> list[str]:
    """The kinds of all operations but the inputs, and but what only names an output."""
    kinds = [type(operation).__name__ for operation in raised.model.operations][1:]
    return [kind for kind in kinds if kind != "Identity"]


def group_constants(scale: float = 1) -> dict[str, Array]:
    return {
        "apart": np.array([0, 3, -1]),
        "together": np.array([-1, 6, 4, 5]),
        "scale": np.full(3, scale, np.float32),
        "bias": np.zeros(3, np.float32),
        "gamma": seeded((6, 1, 1), 1),
        "beta": seeded((6, 1, 1), 2),
    }


@pytest.mark.parametrize(
    "nodes",
    [AFFINE, AFFINE.replace("together", "sizes").replace("back", "sizes = Shape(x)  back", 1)],
    ids=["to numbers", "to the shape of x"],
)
def test_pytorchs_group_norm_is_one_layer(nodes: str) -> None:
    raised = raise_and_compare(graph(GROUPS % nodes, group_constants()), X)
    assert layers(raised) == ["GroupNormalization"]
    assert not raised.plan.permutations


def test_a_scale_of_its_own_for_each_group_stays() -> None:
    raised = raise_and_compare(graph(GROUPS % AFFINE, group_constants(scale=3)), X)
    assert len(layers(raised)) > 1


def test_a_reshape_across_images_is_no_group_norm() -> None:
    text = GROUPS.replace("b,", "4,") % AFFINE
    constants = group_constants() | {"apart": np.array([2, 3, 80])}
    raised = raise_and_compare(graph(text, constants), {"x": seeded((4, 6, 4, 5))})
    assert len(layers(raised)) > 1


LAYER = """g (float[b,5,6] x) => (float[b,5,6] y) {
    mean = ReduceMean<axes=%s>(x)
    centred = Sub(x, mean)
    square = %s
    variance = ReduceMean<axes=[-1]>(square)
    shifted = Add(variance, epsilon)
    root = Sqrt(shifted)
    normal = Div(centred, root)
    %s
}"""


def layer_constants() -> dict[str, Array]:
    return {
        "two": np.array(2, np.float32),
        "epsilon": np.array(0.01, np.float32),
        "gamma": seeded((6,), 1),
        "beta": seeded((6,), 2),
    }


@pytest.mark.parametrize("square", ["Pow(centred, two)", "Mul(centred, centred)"])
@pytest.mark.parametrize(
    "ending", ["scaled = Mul(normal, gamma)  y = Add(scaled, beta)", "y = Mul(normal, gamma)"]
)
def test_pytorchs_layer_norm_is_one_layer(square: str, ending: str) -> None:
    model = graph(LAYER % ("[-1]", square, ending), layer_constants())
    raised = raise_and_compare(model, {"x": seeded((2, 5, 6))})
    assert layers(raised) == ["LayerNormalization"]


@pytest.mark.parametrize(
    ("axes", "square"), [("[1]", "Pow(centred, two)"), ("[-1]", "Mul(centred, x)")]
)
def test_what_only_looks_like_a_layer_norm_stays(axes: str, square: str) -> None:
    """The mean over another axis, or another product than the square."""
    text = LAYER % (axes, square.replace(", x", ", centred"), "y = Mul(normal, gamma)")
    if "x)" in square:
        text = text.replace("Sqrt(shifted)", "Exp(shifted)")
    raised = raise_and_compare(graph(text, layer_constants()), {"x": seeded((2, 5, 6))})
    assert "LayerNormalization" not in layers(raised)
