"""What exporters spell out becomes one Keras layer again, with as many parameters."""

from __future__ import annotations

import onnx
import pytest

from tests.helpers.keras_against_onnx import (
    Array,
    Raised,
    graph,
    raise_and_compare,
    seeded,
)

CHANNELS = seeded((1, 3, 1, 1), 5)

X = seeded((2, 3, 4, 4))


def layers(raised: Raised) -> list[str]:
    """The kinds of all operations but the inputs, and but what only names an output."""
    kinds = [type(operation).__name__ for operation in raised.model.operations][1:]
    return [kind for kind in kinds if kind != "Identity"]


@pytest.mark.parametrize("last", ["Div", "Mul"])
def test_standardised_images_are_one_layer_with_its_weights(last: str) -> None:
    text = f"g (float[b,3,4,4] x) => (float[b,3,4,4] y) {{ m = Sub(x, mean)  y = {last}(m, by) }}"
    constants = {"mean": CHANNELS, "by": abs(CHANNELS) + 0.1}
    raised = raise_and_compare(graph(text, constants), {"x": X})
    assert layers(raised)[0] == "Normalization"
    assert raised.model.count_params() == 7
    assert not raised.model.trainable_weights


@pytest.mark.parametrize("by", [0 * CHANNELS + 2, CHANNELS, CHANNELS * 0, abs(CHANNELS) * 1e-8])
def test_what_is_no_deviation_stays_apart(by: Array) -> None:
    text = "g (float[b,3,4,4] x) => (float[b,3,4,4] y) { m = Sub(x, mean)  y = Mul(m, by) }"
    fused = layers(raise_and_compare(graph(text, {"mean": CHANNELS, "by": by}), {"x": X}))
    assert ("Normalization" in fused) == bool((by > 1e-6).all())


def affine(names: tuple[str, str], constants: tuple[Array, Array]) -> onnx.ModelProto:
    model = graph(
        "g (float[b,3,4,4] x) => (float[b,3,4,4] y) { m = Mul(x, scale)  y = Add(shift, m) }",
        dict(zip(("scale", "shift"), constants, strict=True)),
    )
    for node, name in zip(model.graph.node, names, strict=True):
        node.name = name
    return model


def test_tensorflows_batch_norm_is_one_again() -> None:
    names = ("net/bn1/batchnorm/mul_1", "net/bn1/batchnorm/add_1")
    raised = raise_and_compare(affine(names, (CHANNELS, CHANNELS + 1)), {"x": X})
    assert layers(raised) == ["BatchNormalization"]
    layer = raised.model.layers[1]
    assert layer.name == "net>bn1"
    assert layer.count_params() == 4 * 3


@pytest.mark.parametrize(
    ("names", "constants"),
    [
        (("mul", "add"), (CHANNELS, CHANNELS)),
        (("bn/batchnorm/mul_1", "add"), (CHANNELS, CHANNELS)),
        (("bn/batchnorm/mul_1", "bn/batchnorm/add_1"), (seeded((1, 1, 4, 1)),) * 2),
    ],
    ids=["no names", "one name", "not over channels"],
)
def test_other_products_and_sums_are_none(
    names: tuple[str, str], constants: tuple[Array, Array]
) -> None:
    raised = raise_and_compare(affine(names, constants), {"x": X})
    assert "BatchNormalization" not in layers(raised)


@pytest.mark.parametrize("shape", [(2, 3), (2, 5, 3), (2, 5, 4, 3)])
def test_a_product_and_a_row_are_one_dense_layer(shape: tuple[int, ...]) -> None:
    lead = ",".join(["b", *map(str, shape[1:-1])])
    text = f"g (float[{lead},3] x) => (float[{lead},7] y) {{ p = MatMul(x, w)  y = Add(p, c) }}"
    model = graph(text, {"w": seeded((3, 7)), "c": seeded((7,), 2)})
    raised = raise_and_compare(model, {"x": seeded(shape)}, "onnx")
    assert [name for name in layers(raised) if name != "Permute"] == ["Dense"]
    assert raised.model.count_params() == 3 * 7 + 7


def test_a_product_that_is_given_out_too_stays_apart() -> None:
    text = "g (float[b,3] x) => (float[b,7] y, float[b,7] p) { p = MatMul(x, w)  y = Add(p, c) }"
    model = graph(text, {"w": seeded((3, 7)), "c": seeded((7,), 2)})
    raised = raise_and_compare(model, {"x": seeded((2, 3))})
    assert raised.plan.outputs == ("y", "p")


def test_what_corrects_an_average_is_no_weight_behind_a_transpose_either() -> None:
    text = """g (float[b,3,4,4] x) => (float[b,2,2,3] y) {
        p = AveragePool<kernel_shape=[2,2], strides=[2,2]>(x)
        t = Transpose<perm=[0,2,3,1]>(p)  y = Mul(t, factor)
    }"""
    raised = raise_and_compare(graph(text, {"factor": seeded((1, 2, 2, 1))}), {"x": X})
    assert not raised.model.weights
