from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.caffe.fillers import filled
from golden_cases import case

ReadText = Callable[..., Net]


def layer(read_text: ReadText, type_: str, param: str, bottoms: str = 'bottom: "x"') -> Net:
    text = 'input: "x" input_shape { dim: 1 dim: 2 dim: 4 dim: 4 } '
    text += f'layer {{ name: "l" type: "{type_}" {bottoms} top: "y" {param} }}'
    return read_text(text).layers[0]


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
def test_constant_fillers(
    read_text: ReadText, type_: str, param: str, shapes: list[tuple[int, ...]], values: list[float]
) -> None:
    blobs = filled(layer(read_text, type_, param), tuple(shapes))
    assert blobs is not None
    for blob, shape, value in zip(blobs, shapes, values, strict=True):
        np.testing.assert_array_equal(blob.array(), np.full(shape, value, np.float32))
        assert blob.span is None


@pytest.mark.parametrize(
    ("type_", "param", "shapes"),
    [
        ("Convolution", "", [(1, 2, 3, 3), (1,)]),
        ("Convolution", 'convolution_param { weight_filler { type: "msra" } }', [(1, 2, 3, 3)]),
        ("Convolution", 'convolution_param { weight_filler { type: "bilinear" } }', [(1, 2, 3, 4)]),
        ("InnerProduct", 'inner_product_param { bias_filler { type: "gaussian" } }', [(1, 2)]),
        ("BatchNorm", "", [(2,), (2,), (1,)]),
        ("MyLayer", "", [(2,)]),
    ],
)
def test_other_fillers_are_not_exact(
    read_text: ReadText, type_: str, param: str, shapes: list[tuple[int, ...]]
) -> None:
    assert filled(layer(read_text, type_, param), tuple(shapes)) is None


def test_a_scale_by_its_second_bottom_has_a_bias_alone(read_text: ReadText) -> None:
    param = "scale_param { bias_term: true bias_filler { value: 2 } filler { value: 5 } }"
    blobs = filled(layer(read_text, "Scale", param, 'bottom: "x" bottom: "x"'), ((2,),))
    assert blobs is not None
    np.testing.assert_array_equal(blobs[0].array(), [2, 2])


def test_a_bilinear_kernel_is_that_of_caffe(read_text: ReadText) -> None:
    """The golden net's weights were made by Caffe's own filler."""
    from bridge.caffe import read

    folder = case("deconv_bilinear_up2")
    net = read(folder.prototxt, folder.caffemodel)
    (deconv,) = net.layers
    made = filled(deconv, tuple(blob.shape for blob in deconv.blobs))
    assert made is not None
    np.testing.assert_allclose(made[0].array(), deconv.blobs[0].array(), rtol=1e-6)
