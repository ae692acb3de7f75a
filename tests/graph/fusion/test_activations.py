"""Activations that exporters spell out become one again, where their numbers are exactly those."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
import onnx
import pytest

from bridge.graph.fusion.activations import fuse_activations
from tests.helpers.keras_against_onnx import graph, prepared, raise_and_compare, seeded

X = {"x": 4 * seeded((2, 3, 4, 4))}
NUMBERS = {
    "zero": 0,
    "one": 1,
    "three": 3,
    "two": 2,
    "six": 6,
    "half": 0.5,
    "sixth": 1 / 6,
    "root": sqrt(2),
    "inverse": sqrt(0.5),
    "scale": sqrt(2 / pi),
    "coefficient": 0.044715,
}
ERF = "erf = Erf(argument)  whole = Add(erf, one)"
CUBE = """cube = Pow(x, three)  small = Mul(coefficient, cube)  inner = Add(x, small)
    argument = Mul(scale, inner)  t = Tanh(argument)  whole = Add(one, t)"""
RELU6 = "shifted = Add(x, three)  limited = Clip(shifted, zero, six)"

SPELLED = {
    "silu": ("Swish", "s = Sigmoid(x)  y = Mul(x, s)"),
    "silu the other way round": ("Swish", "s = Sigmoid(x)  y = Mul(s, x)"),
    "silu of Keras": ("Swish", "same = Mul(one, x)  s = Sigmoid(same)  y = Mul(x, s)"),
    "mish": ("Mish", "p = Softplus(x)  t = Tanh(p)  y = Mul(x, t)"),
    "gelu of PyTorch": (
        "Gelu",
        f"argument = Div(x, root)  {ERF}  product = Mul(x, whole)  y = Mul(product, half)",
    ),
    "gelu of PyTorch's newer exporter": (
        "Gelu",
        f"argument = Div(x, root)  {ERF}  part = Mul(half, whole)  y = Mul(x, part)",
    ),
    "gelu of Keras": (
        "Gelu",
        f"argument = Mul(x, inverse)  {ERF}  part = Mul(half, x)  y = Mul(part, whole)",
    ),
    "gelu by tanh": ("Gelu", f"{CUBE}  part = Mul(half, x)  y = Mul(part, whole)"),
    "gelu by tanh and products": (
        "Gelu",
        CUBE.replace("Pow(x, three)", "Mul(x, square)").replace(
            "cube", "square = Mul(x, x)  cube", 1
        )
        + "  part = Mul(whole, x)  y = Mul(part, half)",
    ),
    "gelu by tanh of a product": (
        "Gelu",
        """square = Mul(x, x)  small = Mul(square, coefficient)  inner = Add(one, small)
        scaled = Mul(x, scale)  argument = Mul(scaled, inner)  t = Tanh(argument)
        whole = Add(t, one)  part = Mul(half, whole)  y = Mul(part, x)""",
    ),
    "hard sigmoid": ("HardSigmoid", f"{RELU6}  y = Div(limited, six)"),
    "hard sigmoid by a sixth": (
        "HardSigmoid",
        "part = Mul(x, sixth)  shifted = Add(part, half)  y = Clip(shifted, zero, one)",
    ),
    "hard swish of PyTorch": (
        "HardSwish",
        "s = HardSigmoid<alpha=0.16666667163372>(x)  y = Mul(x, s)",
    ),
    "hard swish of Keras": (
        "HardSwish",
        f"{RELU6}  part = Mul(limited, sixth)  y = Mul(x, part)",
    ),
    "hard swish of a product": (
        "HardSwish",
        f"{RELU6}  product = Mul(x, limited)  y = Div(product, six)",
    ),
}


def spelled(nodes: str, outputs: str = "", **numbers: float) -> onnx.ModelProto:
    constants = {**NUMBERS, **numbers}
    used = {name: np.float32(number) for name, number in constants.items() if name in nodes}
    return graph(
        f"g (float[b,3,4,4] x) => (float[b,3,4,4] y{outputs}) {{ {nodes} }}",
        used,
    )


def kinds(model: onnx.ModelProto) -> list[str]:
    ready = prepared(model)
    fuse_activations(ready.graph)
    return [node.op_type for node in ready.graph]


@pytest.mark.parametrize("name", SPELLED)
def test_a_spelling_is_the_operator_again(name: str) -> None:
    kind, nodes = SPELLED[name]
    model = spelled(nodes)
    assert kinds(model) == [kind]
    assert len(raise_and_compare(model, X).plan.calls) == 1


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("gelu of PyTorch", {"root": 1.4142}),
        ("gelu of PyTorch", {"half": 0.500001}),
        ("gelu of PyTorch", {"one": 2}),
        ("gelu by tanh", {"coefficient": 0.0447}),
        ("gelu by tanh", {"scale": 0.79788}),
        ("gelu by tanh", {"three": 2}),
        ("hard swish of Keras", {"sixth": 0.1667}),
        ("hard sigmoid", {"six": 7}),
    ],
)
def test_other_numbers_are_another_function(name: str, numbers: dict[str, float]) -> None:
    kind, nodes = SPELLED[name]
    model = spelled(nodes, **numbers)
    assert kind not in kinds(model)
    raise_and_compare(model, X)


@pytest.mark.parametrize(
    ("name", "read"),
    [("silu", "s"), ("mish", "p"), ("gelu of PyTorch", "product"), ("gelu by tanh", "cube")],
)
def test_what_is_read_elsewhere_too_stays(name: str, read: str) -> None:
    kind, nodes = SPELLED[name]
    model = spelled(nodes, f", float[b,3,4,4] {read}")
    assert kind not in kinds(model)
    raise_and_compare(model, X)


@pytest.mark.parametrize(
    "nodes",
    [
        "s = Sigmoid(x)  r = Relu(x)  y = Mul(r, s)",
        "s = HardSigmoid<alpha=0.2>(x)  y = Mul(x, s)",
        "s = HardSigmoid<alpha=0.16666667, beta=0.4>(x)  y = Mul(x, s)",
        "r = Relu(x)  p = Softplus(x)  t = Tanh(p)  y = Mul(r, t)",
    ],
)
def test_what_only_looks_like_an_activation_stays(nodes: str) -> None:
    model = spelled(nodes)
    assert kinds(model)[-1] == "Mul"
    raise_and_compare(model, X)


def test_a_number_with_more_axes_stays() -> None:
    text = "g (float[3] x) => (float[1,3] y) { s = Sigmoid(x)  m = Mul(one, x)  y = Mul(m, s) }"
    model = graph(text, {"one": np.ones((1, 1), np.float32)})
    assert kinds(model) == ["Sigmoid", "Mul", "Mul"]


def test_a_gate_of_integers_stays() -> None:
    nodes = "s = Add(x, three)  l = Clip(s, zero, six)  y = Div(l, six)"
    text = f"g (int32[3] x) => (int32[3] y) {{ {nodes} }}"
    numbers = {"zero": 0, "three": 3, "six": 6}
    model = graph(text, {name: np.int32(number) for name, number in numbers.items()})
    assert kinds(model) == ["Add", "Clip", "Div"]


def test_numbers_rounded_to_half_floats_are_other_numbers() -> None:
    """Graphs of halves are computed in single precision, with the numbers that they have."""
    nodes = SPELLED["gelu of PyTorch"][1]
    text = f"g (float16[b,3] x) => (float16[b,3] y) {{ {nodes} }}"
    used = {name: np.float16(NUMBERS[name]) for name in ("root", "one", "half")}
    assert "Gelu" not in kinds(graph(text, used))


def test_a_long_product_is_no_activation_and_takes_no_time() -> None:
    nodes = ["v0 = Mul(x, half)"]
    nodes += [f"v{i} = Mul(v{i - 1}, half)" for i in range(1, 40)]
    assert kinds(spelled("  ".join([*nodes, "y = Mul(v39, half)"]))) == ["Mul"] * 41
