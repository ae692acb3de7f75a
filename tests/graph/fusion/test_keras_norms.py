"""Normalisations as TensorFlow's graph spells them become one Keras layer again."""

from __future__ import annotations

import numpy as np
import pytest

from tests.graph.fusion.test_norms import layers
from tests.helpers.keras_against_onnx import Array, graph, raise_and_compare, seeded

LAYER = """g (float[b,{sizes}] x) => (float[b,{sizes}] y{outputs}) {{
    mean = {mean}(x)
    negative = Neg({negated})
    centred = Sub(x, mean)
    square = Mul(centred, {centred})
    variance = {mean}(square)
    shifted = Add(variance, epsilon)
    root = Sqrt(shifted)
    inverse = Reciprocal(root)
    factor = Mul(inverse, gamma)
    scaled = Mul(x, factor)
    shift = Mul(negative, factor)
    {ending}
}}"""
BIAS = "biased = Add(shift, beta) y = Add(scaled, biased)"
RMS = """g (float[b,{sizes}] x) => (float[b,{sizes}] y) {{
    square = Mul(x, x)
    mean = {mean}(square)
    shifted = Add(mean, epsilon)
    root = Sqrt(shifted)
    inverse = Reciprocal(root)
    factor = Mul(inverse, gamma)
    y = Mul(x, factor)
}}"""
KINDS = {
    "images": ((6, 4, 5), "ReduceMean<axes=[1]>", (6, 1, 1)),
    "vectors": ((5, 6), "ReduceMean<axes=[-1]>", (6,)),
    "vectors by pooling": ((5, 6), "GlobalAveragePool", (1, 1, 6)),
    "two axes": ((4, 5, 6), "ReduceMean<axes=[1, 3]>", (4, 1, 6)),
}


def constants(shape: tuple[int, ...]) -> dict[str, Array]:
    return {
        "epsilon": np.array(0.01, np.float32),
        "gamma": seeded(shape, 1),
        "beta": seeded(shape, 2),
    }


def text(
    template: str = LAYER,
    kind: str = "images",
    *,
    outputs: str = "",
    centred: str = "centred",
    negated: str = "mean",
    ending: str = BIAS,
) -> str:
    sizes, mean, _ = KINDS[kind]
    return template.format(
        sizes=",".join(map(str, sizes)),
        mean=mean,
        outputs=outputs,
        centred=centred,
        negated=negated,
        ending=ending,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", [BIAS, "y = Add(shift, scaled)"], ids=["bias", "no bias"])
def test_a_layer_norm_is_one_layer_over_any_axes(kind: str, ending: str) -> None:
    sizes, _, shape = KINDS[kind]
    model = graph(text(kind=kind, ending=ending), constants(shape))
    raised = raise_and_compare(model, {"x": seeded((2, *sizes))})
    assert layers(raised) == ["LayerNormalization"]
    assert not raised.plan.permutations


@pytest.mark.parametrize("kind", ["images", "vectors", "vectors by pooling"])
def test_an_rms_norm_is_one_layer(kind: str) -> None:
    sizes, _, shape = KINDS[kind]
    raised = raise_and_compare(graph(text(RMS, kind), constants(shape)), {"x": seeded((2, *sizes))})
    assert layers(raised) == ["RMSNormalization"]


@pytest.mark.parametrize(
    "change",
    [
        {"outputs": ", float[b,1,4,5] variance"},
        {"centred": "x"},
        {"negated": "other"},
        {"ending": "y = Sub(scaled, shift)"},
    ],
    ids=["its variance is an output", "no square", "another mean", "a difference"],
)
def test_what_only_looks_like_a_layer_norm_stays(change: dict[str, str]) -> None:
    sizes, mean, shape = KINDS["images"]
    other = f"another = Exp(x)  other = {mean}(another)  negative ="
    model = graph(text(**change).replace("negative =", other), constants(shape))
    raised = raise_and_compare(model, {"x": abs(seeded((2, *sizes)))})
    assert "LayerNormalization" not in layers(raised)


def test_weights_over_other_axes_stay() -> None:
    model = graph(text(), constants((1, 4, 5)))
    raised = raise_and_compare(model, {"x": seeded((2, 6, 4, 5))})
    assert "LayerNormalization" not in layers(raised)
