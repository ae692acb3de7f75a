from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.caffe import Layer, Net, read
from bridge.caffe.fillers import Filler, fillers
from bridge.caffe.match import with_filled_weights
from bridge.caffe.shapes import layer_shapes
from bridge.errors import ShapeError, UnsupportedError
from tests.helpers.golden_cases import case

ReadText = Callable[..., Net]
Shape = tuple[int, ...]


def layer(
    read_text: ReadText, type_: str, param: str, bottoms: str = 'bottom: "x"', name: str = "l"
) -> Layer:
    text = 'input: "x" input_shape { dim: 1 dim: 2 dim: 4 dim: 4 } '
    text += f'layer {{ name: "{name}" type: "{type_}" {bottoms} top: "y" {param} }}'
    return read_text(text).layers[0]


def filled(read_text: ReadText, filler: str, shape: Shape, name: str = "l") -> NDArray[np.float32]:
    """What a filler of a Convolution's weights gives."""
    param = f"convolution_param {{ weight_filler {{ {filler} }} }}"
    (first,) = fillers(layer(read_text, "Convolution", param, name=name), (shape,)) or ()
    array = first.blob.array()
    assert array.dtype == np.float32
    return array


@pytest.mark.parametrize(
    ("type_", "param", "shapes", "values"),
    [
        ("Scale", "scale_param { bias_term: true }", [(2,), (2,)], [1, 0]),
        ("Scale", "scale_param { filler { value: 3 } }", [(2,)], [3]),
        ("Bias", "", [(2,)], [0]),
        ("PReLU", "", [(2,)], [0.25]),
        ("Normalize", "norm_param { scale_filler { value: 20 } }", [(2,)], [20]),
        ("Convolution", "convolution_param { weight_filler { } }", [(1, 2, 3, 3), (1,)], [0, 0]),
    ],
)
def test_constant_fillers_are_exact(
    read_text: ReadText, type_: str, param: str, shapes: list[Shape], values: list[float]
) -> None:
    blobs = fillers(layer(read_text, type_, param), tuple(shapes))
    assert blobs is not None
    for filler, shape, value in zip(blobs, shapes, values, strict=True):
        assert filler.is_exact
        np.testing.assert_array_equal(filler.blob.array(), np.full(shape, value, np.float32))
        assert filler.blob.span is None


@pytest.mark.parametrize(
    ("type_", "param", "shapes"),
    [
        ("Convolution", "", [(1, 2, 3, 3)]),
        ("Convolution", 'convolution_param { weight_filler { type: "msra" } }', [(1, 2, 3, 3)]),
        ("InnerProduct", 'inner_product_param { weight_filler { type: "gaussian" } }', [(1, 2)]),
        ("Convolution", "convolution_param { weight_filler { typee: 'msra' } }", [(1, 2, 3, 3)]),
        ("BatchNorm", "", [(2,), (2,), (1,)]),
        ("Parameter", "", [(2,)]),
    ],
)
def test_others_are_not(read_text: ReadText, type_: str, param: str, shapes: list[Shape]) -> None:
    blobs = fillers(layer(read_text, type_, param), tuple(shapes))
    assert blobs is not None
    assert not any(filler.is_exact for filler in blobs)


@pytest.mark.parametrize("narrowed", [False, True])
def test_a_dense_block_is_filled_kind_by_kind(read_text: ReadText, narrowed: bool) -> None:
    text = f"""numTransition: 2 growthRate: 3 use_BC: {str(narrowed).lower()}
        Filter_Filler {{ type: "msra" }}"""
    block = layer(read_text, "DenseBlock", f"denseblock_param {{ {text} }}")
    weights = layer_shapes(block, ((1, 2, 4, 4),)).weights
    assert weights is not None
    blobs = fillers(block, weights)
    assert blobs is not None
    assert [filler.shape for filler in blobs] == list(weights)
    kinds = ["msra", 1, 0, 0, 1] * (2 if narrowed else 1)
    expected = [kind for kind in kinds for _ in range(2)] + [1]
    assert [filler.settings.get("value", filler.kind) for filler in blobs] == expected


def test_the_lstm_of_a_fork_has_its_bias_last(read_text: ReadText) -> None:
    text = "num_output: 1 weight_filler { value: 2 } bias_filler { value: 3 }"
    shapes = ((4, 2), (4, 1), (4,))
    blobs = fillers(layer(read_text, "Lstm", f"lstm_param {{ {text} }}"), shapes)
    assert blobs is not None
    assert [filler.settings["value"] for filler in blobs] == [2, 2, 3]


def test_nobody_knows_what_fills_a_layer_of_ones_own(read_text: ReadText) -> None:
    assert fillers(layer(read_text, "MyLayer", ""), ((2,),)) is None


def test_a_scale_by_its_second_bottom_has_a_bias_alone(read_text: ReadText) -> None:
    param = "scale_param { bias_term: true bias_filler { value: 2 } filler { value: 5 } }"
    blobs = fillers(layer(read_text, "Scale", param, 'bottom: "x" bottom: "x"'), ((2,),))
    assert blobs is not None
    np.testing.assert_array_equal(blobs[0].blob.array(), [2, 2])


def test_statistics_begin_as_those_of_normal_data(read_text: ReadText) -> None:
    blobs = fillers(layer(read_text, "BatchNorm", ""), ((2,), (2,), (1,)))
    assert blobs is not None
    assert [filler.blob.array().tolist() for filler in blobs] == [[0, 0], [1, 1], [1]]


def test_the_matrices_of_a_recurrent_layer_have_one_filler_and_its_biases_another(
    read_text: ReadText,
) -> None:
    param = 'recurrent_param { num_output: 2 weight_filler { type: "uniform" } bias_filler {'
    net = layer(read_text, "LSTM", f"{param} value: 7 }} }}")
    blobs = fillers(net, ((8, 3), (8,), (8, 2)))
    assert blobs is not None
    assert [filler.kind for filler in blobs] == ["uniform", "constant", "uniform"]
    assert blobs[1].blob.array()[0] == 7


def test_a_bilinear_kernel_is_that_of_caffe() -> None:
    """The golden net's weights were made by Caffe's own filler."""
    folder = case("deconv_bilinear_up2")
    (deconv,) = read(folder.prototxt, folder.caffemodel).layers
    blobs = fillers(deconv, tuple(blob.shape for blob in deconv.blobs))
    assert blobs is not None
    assert blobs[0].is_exact
    np.testing.assert_allclose(blobs[0].blob.array(), deconv.blobs[0].array(), rtol=1e-6)


# ---- random ones, by what Caffe's own tests hold them to (test_filler.cpp) -------------------

LARGE = (40, 30, 5, 4)  # fan in 600, fan out 800


def test_uniform(read_text: ReadText) -> None:
    values = filled(read_text, 'type: "uniform" min: 1 max: 2', LARGE)
    assert (values.min() >= 1, values.max() < 2) == (True, True)
    assert abs(values.mean() - 1.5) < 0.01
    assert abs(values.var() - 1 / 12) < 0.002


def test_gaussian(read_text: ReadText) -> None:
    values = filled(read_text, 'type: "gaussian" mean: 10 std: 0.1', LARGE)
    assert abs(values.mean() - 10) < 0.005
    assert abs(values.std() - 0.1) < 0.002


def test_a_sparse_gaussian_leaves_some_weights_for_each_output(read_text: ReadText) -> None:
    values = filled(read_text, 'type: "gaussian" sparse: 10', LARGE)
    assert abs((values != 0).mean() - 10 / 40) < 0.02
    assert abs(values[values != 0].std() - 1) < 0.05


def test_positive_unitball(read_text: ReadText) -> None:
    values = filled(read_text, 'type: "positive_unitball"', LARGE)
    assert values.min() >= 0
    np.testing.assert_allclose(values.reshape(40, -1).sum(1), 1, rtol=1e-5)


FANS = [("", 600), ("variance_norm: FAN_OUT", 800), ("variance_norm: AVERAGE", 700)]


@pytest.mark.parametrize(("norm", "fan"), FANS)
def test_xavier(read_text: ReadText, norm: str, fan: int) -> None:
    values = filled(read_text, f'type: "xavier" {norm}', LARGE)
    limit = sqrt(3 / fan)
    assert 0.99 * limit < np.abs(values).max() <= limit
    assert abs(values.mean()) < 0.01 * limit
    assert abs(values.std() * sqrt(fan) - 1) < 0.02


@pytest.mark.parametrize(("norm", "fan"), FANS)
def test_msra(read_text: ReadText, norm: str, fan: int) -> None:
    values = filled(read_text, f'type: "msra" {norm}', LARGE)
    assert abs(values.mean() * sqrt(fan)) < 0.04
    assert abs(values.std() - sqrt(2 / fan)) < 0.02 * sqrt(2 / fan)


def test_a_vector_is_all_that_comes_out_of_it(read_text: ReadText) -> None:
    values = filled(read_text, 'type: "xavier" variance_norm: FAN_OUT', (300,))
    assert 0.9 * sqrt(3 / 300) < np.abs(values).max() <= sqrt(3 / 300)


def test_what_is_drawn_is_the_same_each_time_and_another_for_each_blob(
    read_text: ReadText,
) -> None:
    filler = 'type: "gaussian"'
    one = filled(read_text, filler, (2, 3))
    np.testing.assert_array_equal(one, filled(read_text, filler, (2, 3)))
    assert (one != filled(read_text, filler, (2, 3), name="other")).all()
    drawn = [Filler((6,), {"type": "uniform"}, (1, index)).values() for index in (0, 1)]
    assert (drawn[0] != drawn[1]).all()


# ---- refusals --------------------------------------------------------------------------------


def test_an_unknown_filler_is_refused(read_text: ReadText) -> None:
    with pytest.raises(UnsupportedError, match="has an unknown type") as refusal:
        filled(read_text, 'type: "orthogonal"', (2, 2))
    assert "layer 'l'" in str(refusal.value.where)
    assert (refusal.value.received, "xavier" in refusal.value.expected) == ("orthogonal", True)


@pytest.mark.parametrize("shape", [(1, 2, 3, 4), (2, 2)])
def test_a_bilinear_kernel_must_be_square(read_text: ReadText, shape: Shape) -> None:
    with pytest.raises(ShapeError, match="square"):
        filled(read_text, 'type: "bilinear"', shape)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("scale_bias: true", [0, 1, 1, 1, 0]),
        ("scale_filler { value: 2 } bias_filler { value: 3 }", [0, 1, 1, 2, 3]),
        ("filler { value: 2 } shift_filler { value: 3 }", [0, 1, 1, 2, 3]),
        ("use_weight_bias: true bias_term: false", [0, 1, 1, 1]),
        ("", [0, 1, 1]),
    ],
)
def test_a_batch_norm_of_forks_has_fillers(
    read_text: ReadText, text: str, values: list[int]
) -> None:
    norm = layer(read_text, "BatchNorm", f"batch_norm_param {{ {text} }}")
    blobs = fillers(norm, layer_shapes(norm, ((1, 2, 4, 4),)).weights or ()) or ()
    assert [float(filler.values()[0]) for filler in blobs] == values


IMAGE = 'input: "x" input_shape { dim: 2 dim: 3 dim: 4 dim: 4 }'
BN = 'layer { name: "n" type: "BN" bottom: "x" top: "n" bn_param { %s } }'


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("slope_filler { value: 2 } bias_filler { value: 3 } frozen: true", [2, 3, 0, 1]),
        ("bn_mode: INFERENCE scale_filler { value: 2 }", [2, 0]),
    ],
)
def test_a_bn_without_a_caffemodel_is_told_by_its_fields(
    read_text: ReadText, text: str, values: list[int]
) -> None:
    (layer,) = with_filled_weights(read_text(IMAGE + BN % text)).layers
    arrays = [blob.array() for blob in layer.blobs]
    np.testing.assert_array_equal(arrays, [np.full((1, 3, 1, 1), value) for value in values])


@pytest.mark.parametrize("text", ["", "eps: 1e-5", "scale_filler { } var_eps: 1e-9"])
def test_a_bn_that_no_field_tells_has_no_blobs(read_text: ReadText, text: str) -> None:
    assert with_filled_weights(read_text(IMAGE + BN % text)).layers[0].blobs == ()


def test_a_bn_has_the_blobs_of_its_caffemodel(read_text: ReadText) -> None:
    blobs = [np.ones(3)] * 4
    (layer,) = read_text(IMAGE + BN % "scale_filler { } shift_filler { }", {"n": blobs}).layers
    assert [blob.shape for blob in layer.blobs] == [(3,)] * 4
