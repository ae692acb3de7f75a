"""Each shape rule alone: its arithmetic at the corners, and what it refuses as Caffe would."""

from __future__ import annotations

import pytest

from bridge.caffe.files.prototxt import interpret
from bridge.caffe.files.textformat import parse
from bridge.caffe.net import Input, Layer, Net, Shape
from bridge.caffe.shapes import DYNAMIC, LayerShapes, infer, known_weights, layer_shapes, shape
from bridge.errors import Location, ShapeError, UnsupportedLayerError, UsageError

HERE = Location("net.prototxt", 7, 1)


def layer(type_: str, bottoms: int, tops: int, params: str = "") -> Layer:
    message, notes = interpret(parse(params, "net.prototxt"), "LayerParameter")
    assert not notes
    names = tuple(f"b{i}" for i in range(bottoms)), tuple(f"t{i}" for i in range(tops))
    return Layer("l", type_, *names, HERE, dict(message))


def made(type_: str, params: str, *bottoms: Shape, tops: int = 1) -> LayerShapes:
    return layer_shapes(layer(type_, len(bottoms), tops, params), bottoms)


IMAGE = (2, 4, 6, 7)

EACH_AXIS = """convolution_param { num_output: 6 group: 2 bias_term: false
  kernel_h: 1 kernel_w: 2 stride_h: 3 stride_w: 2 pad_h: 1 }"""


@pytest.mark.parametrize(
    ("type_", "params", "bottoms", "tops", "weights"),
    [
        # kernels, strides and pads for each axis
        (
            "Convolution",
            "convolution_param { num_output: 6 kernel_size: [3, 5] stride: [2, 1] pad: [0, 2] }",
            [IMAGE],
            [(2, 6, 2, 7)],
            [(6, 4, 3, 5), (6,)],
        ),
        (
            "Convolution",
            EACH_AXIS,
            [IMAGE],
            [(2, 6, 3, 3)],
            [(6, 2, 1, 2)],
        ),
        (
            "Convolution",
            "convolution_param { num_output: 1 kernel_size: 3 dilation: 2 axis: -3 }",
            [IMAGE, IMAGE],
            [(2, 1, 2, 3), (2, 1, 2, 3)],
            [(1, 4, 3, 3), (1,)],
        ),
        (
            "Convolution",
            "convolution_param { num_output: 5 kernel_size: 3 axis: 2 }",
            [IMAGE],
            [(2, 4, 5, 5)],
            [(5, 6, 3), (5,)],
        ),
        (
            "ConvolutionDepthwise",
            "convolution_param { num_output: 4 kernel_size: 3 pad: 1 bias_term: false }",
            [IMAGE],
            [IMAGE],
            [(4, 1, 3, 3)],
        ),
        (
            "DepthwiseConvolution",
            "convolution_param { num_output: 4 kernel_size: 3 group: 2 }",
            [IMAGE],
            [(2, 4, 4, 5)],
            [(4, 2, 3, 3), (4,)],
        ),
        (  # a group for each channel is what only its weights could tell
            "DepthwiseConvolution",
            "convolution_param { num_output: 4 kernel_size: 3 }",
            [IMAGE],
            [(2, 4, 4, 5)],
            [(4, 4, 3, 3), (4,)],
        ),
        (
            "Deconvolution",
            "convolution_param { num_output: 6 kernel_size: 3 stride: 2 pad: 1 group: 2 }",
            [IMAGE],
            [(2, 6, 11, 13)],
            [(4, 3, 3, 3), (6,)],
        ),
        ("Im2col", "convolution_param { kernel_size: 3 }", [IMAGE], [(2, 36, 4, 5)], []),
        # pooling rounds up; with padding a window that begins behind it is dropped, on both axes
        ("Pooling", "pooling_param { kernel_size: 3 stride: 2 }", [IMAGE], [(2, 4, 3, 3)], []),
        (
            "Pooling",
            "pooling_param { kernel_size: 3 stride: 2 round_mode: FLOOR }",
            [IMAGE],
            [(2, 4, 2, 3)],
            [],
        ),
        (
            "Pooling",
            "pooling_param { kernel_size: 3 stride: 2 ceil_mode: false }",
            [IMAGE],
            [(2, 4, 2, 3)],
            [],
        ),
        (
            "Pooling",
            "pooling_param { kernel_size: 2 stride: 2 pad: 1 }",
            [(1, 1, 5, 6)],
            [(1, 1, 3, 4)],
            [],
        ),
        (
            "Pooling",
            "pooling_param { kernel_size: 2 stride: 3 pad_h: 1 pad_w: 0 }",
            [(1, 1, 3, 3)],
            [(1, 1, 2, 1)],
            [],
        ),
        ("Pooling", "pooling_param { kernel_size: 1 stride: 3 }", [(1, 1, 3, 3)],
         [(1, 1, 2, 2)], []),
        ("Pooling", "pooling_param { global_pooling: true }", [IMAGE], [(2, 4, 1, 1)], []),
        ("Pooling", "pooling_param { kernel_size: 2 }", [IMAGE], [(2, 4, 5, 6)] * 2, []),
        ("SPP", "spp_param { pyramid_height: 3 }", [IMAGE], [(2, 4 * (1 + 4 + 16))], []),
        ("SPP", "spp_param { pyramid_height: 1 }", [IMAGE], [(2, 4, 1, 1)], []),
        # dense
        (
            "InnerProduct",
            "inner_product_param { num_output: 5 axis: -2 transpose: true }",
            [IMAGE],
            [(2, 4, 5)],
            [(42, 5), (5,)],
        ),
        (
            "Embed",
            "embed_param { num_output: 3 input_dim: 9 bias_term: false }",
            [(2, 4)],
            [(2, 4, 3)],
            [(9, 3)],
        ),
        # normalisation
        ("BatchNorm", "", [(5,)], [(5,)], [(1,), (1,), (1,)]),
        ("MVN", "", [(5,)], [(5, 1, 1, 1)], []),
        ("Normalize", "norm_param { channel_shared: false }", [IMAGE], [IMAGE], [(4,)]),
        ("PReLU", "prelu_param { channel_shared: true }", [IMAGE], [IMAGE], [()]),
        # operands that span axes
        ("Scale", "", [IMAGE], [IMAGE], [(4,)]),
        ("Scale", "scale_param { axis: 0 num_axes: -1 bias_term: true }", [IMAGE], [IMAGE],
         [IMAGE, IMAGE]),
        ("Scale", "scale_param { num_axes: 0 }", [IMAGE], [IMAGE], [()]),
        ("Scale", "scale_param { axis: -2 bias_term: true }", [IMAGE, (6, 7)], [IMAGE], [(6, 7)]),
        ("Scale", "scale_param { axis: 9 }", [IMAGE, ()], [IMAGE], []),
        ("Bias", "bias_param { num_axes: 2 }", [IMAGE], [IMAGE], [(4, 6)]),
        ("Bias", "", [IMAGE, (4, 6)], [IMAGE], []),
        # joining and parting
        ("Concat", "concat_param { axis: -1 }", [IMAGE, (2, 4, 6, 1)], [(2, 4, 6, 8)], []),
        ("Slice", "slice_param { axis: -1 slice_point: [1, 3] }", [IMAGE],
         [(2, 4, 6, 1), (2, 4, 6, 2), (2, 4, 6, 4)], []),
        ("Slice", "", [IMAGE], [(2, 2, 6, 7)] * 2, []),
        ("Tile", "tile_param { axis: -1 tiles: 2 }", [IMAGE], [(2, 4, 6, 14)], []),
        ("Crop", "crop_param { axis: 2 offset: [1, 2] }", [IMAGE, (9, 9, 5, 5)],
         [(2, 4, 5, 5)], []),
        # other axes
        ("Permute", "permute_param { order: [0, 2] }", [IMAGE], [(2, 6, 4, 7)], []),
        ("Transpose", "transpose_param { dim: [3, 0, 1, 2] }", [IMAGE], [(7, 2, 4, 6)], []),
        ("Reverse", "reverse_param { axis: -1 }", [IMAGE], [IMAGE], []),
        ("Flatten", "flatten_param { axis: 1 end_axis: -2 }", [IMAGE], [(2, 24, 7)], []),
        ("Reshape", "reshape_param { shape { dim: [0, -1] } axis: 1 num_axes: 2 }", [IMAGE],
         [(2, 4, 6, 7)], []),
        ("Reshape", "reshape_param { shape { dim: 1 } axis: -1 num_axes: 0 }", [IMAGE],
         [(*IMAGE, 1)], []),
        ("Reshape", "reshape_param { shape { dim: [0, 2, -1] } }", [IMAGE], [(2, 2, 84)], []),
        ("Reshape", "", [()], [()], []),
        # reducing
        ("Reduction", "reduction_param { axis: -2 }", [IMAGE], [(2, 4)], []),
        ("Reduction", "", [IMAGE], [()], []),
        ("ArgMax", "argmax_param { top_k: 3 out_max_val: true }", [(2, 9)], [(2, 2, 3)], []),
        ("ArgMax", "argmax_param { top_k: 2 }", [IMAGE], [(2, 1, 2, 1)], []),
        ("ArgMax", "argmax_param { axis: -1 out_max_val: true }", [IMAGE], [(2, 4, 6, 1)], []),
        ("Filter", "", [(5, 2), (5, 3), (5,)], [(DYNAMIC, 2), (DYNAMIC, 3)], []),
        # resizing
        ("Upsample", "upsample_param { scale_h: 2 scale_w: 3 pad_out_w: true }", [IMAGE, IMAGE],
         [(2, 4, 12, 20)], []),
        ("Upsample", "upsample_param { upsample_h: 11 upsample_w: 14 }", [IMAGE, IMAGE],
         [(2, 4, 11, 14)], []),
        ("Interp", "interp_param { shrink_factor: 2 zoom_factor: 3 }", [(1, 1, 5, 7)],
         [(1, 1, 7, 10)], []),
        ("Interp", "interp_param { height: 9 width: 3 pad_beg: -1 }", [IMAGE], [(2, 4, 9, 3)], []),
        ("BilinearInterpolate", "bilinear_interpolate_param { scale_factor: 1.7 }", [(1, 1, 5, 7)],
         [(1, 1, 8, 11)], []),
        ("BilinearInterpolate", "bilinear_interpolate_param { dst_w: 3 }", [(1, 1, 5, 7)],
         [(1, 1, 5, 3)], []),
        ("MaxUnPool", "max_unpool_param { dst_h: 9 dst_w: 12 }", [IMAGE, IMAGE],
         [(2, 4, 9, 12)], []),
        ("PixelShuffle", "pixelshuffle_param { upscale_factor: 2 }", [(2, 12, 5, 7)],
         [(2, 3, 10, 14)], []),
        ("Unsqueeze", "unsqueeze_param { dim: -1 }", [(2, 3)], [(2, 3, 1)], []),
        # recurrent
        ("LSTM", "recurrent_param { num_output: 3 }", [(5, 2, 4, 2), (5, 2)], [(5, 2, 3)],
         [(12, 8), (12,), (12, 3)]),
        ("LSTM", "recurrent_param { num_output: 3 expose_hidden: true }",
         [(5, 2, 8), (5, 2), (2, 6), (1, 2, 3), (1, 2, 3)], [(5, 2, 3), (1, 2, 3), (1, 2, 3)],
         [(12, 8), (12,), (12, 6), (12, 3)]),
        ("RNN", "recurrent_param { num_output: 3 }", [(5, 2, 8), (5, 2)], [(5, 2, 3)],
         [(3, 8), (3,), (3, 3), (3, 3), (3,)]),
        # boxes: ratios 1, 2, 1/2 for each of two sizes, and two larger ones
        ("PriorBox", "prior_box_param { min_size: [3, 6] max_size: [4, 7] aspect_ratio: [2, 1] }",
         [IMAGE, (1, 3, 9, 9)], [(1, 2, 6 * 7 * 8 * 4)], []),
        ("DetectionOutput", "detection_output_param { num_classes: 3 share_location: false }",
         [(2, 24), (2, 6), (1, 2, 8)], [(1, 1, DYNAMIC, 7)], []),
        ("ROIPooling", "roi_pooling_param { pooled_h: 3 pooled_w: 2 }", [IMAGE, (9, 5, 1, 1)],
         [(9, 4, 3, 2)], []),
        # sources
        ("ContinuationIndicator", "continuation_indicator_param { time_step: 5 batch_size: 2 }",
         [], [(5, 2)], []),
        ("DummyData", "dummy_data_param { num: 1 channels: 2 height: [3, 4] width: 5 }", [],
         [(1, 2, 3, 5), (1, 2, 4, 5)], []),
        ("Parameter", "parameter_param { shape { dim: 3 } }", [], [(3,)], [(3,)]),
        ("Accuracy", "", [(2, 9), (2,)], [(), (9,)], []),
        ("SoftmaxWithLoss", "", [(2, 9), (2,)], [(), (2, 9)], []),
    ],
)  # fmt: skip
def test_rules(
    type_: str, params: str, bottoms: list[Shape], tops: list[Shape], weights: list[Shape]
) -> None:
    assert made(type_, params, *bottoms, tops=len(tops)) == LayerShapes(tuple(tops), tuple(weights))


@pytest.mark.parametrize(
    ("type_", "params", "bottoms", "tops", "problem"),
    [
        ("ReLU", "", [IMAGE, IMAGE], 1, "the number of its bottoms"),
        ("ReLU", "", [IMAGE], 2, "the number of its tops"),
        ("Eltwise", "", [IMAGE], 1, "the number of its bottoms"),
        ("Convolution", "convolution_param { kernel_size: 3 }", [IMAGE], 1, "num_output must be"),
        ("Convolution", "convolution_param { num_output: 1 kernel_size: 3 }", [IMAGE, IMAGE], 1,
         "it needs a top for each bottom"),
        ("Convolution", "convolution_param { num_output: 1 }", [IMAGE], 1, "kernel fits no axes"),
        ("Convolution", "convolution_param { num_output: 1 kernel_size: [3, 3, 3] }", [IMAGE], 1,
         "kernel fits no axes"),
        ("Convolution", "convolution_param { num_output: 1 kernel_size: 0 }", [IMAGE], 1,
         "kernel must be positive"),
        ("Convolution", "convolution_param { num_output: 1 kernel_size: 3 stride_h: 2 }", [IMAGE],
         1, "stride must be positive"),
        ("Convolution", "convolution_param { num_output: 1 kernel_size: 3 kernel_h: 3 }", [IMAGE],
         1, "stand beside kernel"),
        ("Convolution", "convolution_param { num_output: 1 kernel_h: 3 kernel_w: 3 }", [(1, 2, 9)],
         1, "need two spatial axes"),
        ("Convolution", "convolution_param { num_output: 1 kernel_size: 8 }", [IMAGE], 1,
         "larger than its padded input"),
        ("Convolution", "convolution_param { num_output: 3 kernel_size: 1 group: 2 }", [IMAGE], 1,
         "num_output do not divide into 2 groups"),
        ("Convolution", "convolution_param { num_output: 3 kernel_size: 1 group: 3 }", [IMAGE], 1,
         "input channels do not divide into 3 groups"),
        ("Convolution", "convolution_param { num_output: 3 kernel_size: 1 group: 0 }", [IMAGE], 1,
         "group must be positive"),
        ("Convolution", "convolution_param { num_output: 3 kernel_size: 1 }", [IMAGE, (2, 4, 6, 6)],
         2, "different shapes"),
        ("Deconvolution", "convolution_param { num_output: 3 kernel_size: 1 pad: 4 }", [IMAGE], 1,
         "larger than its padded input"),
        ("Pooling", "pooling_param { kernel_size: 2 }", [(1, 2, 3)], 1, "needs 4 axes"),
        ("Pooling", "", [IMAGE], 1, "kernel fits no axes"),
        ("Pooling", "pooling_param { kernel_size: 2 pad: 2 }", [IMAGE], 1,
         "as large as the kernel"),
        ("Pooling", "pooling_param { kernel_size: 2 stride: 0 }", [IMAGE], 1, "stride must be"),
        ("Pooling", "pooling_param { kernel_size: 0 }", [IMAGE], 1, "kernel must be positive"),
        ("Pooling", "pooling_param { kernel_size: 9 }", [IMAGE], 1, "larger than its padded input"),
        ("Pooling", "pooling_param { global_pooling: true kernel_size: 2 }", [IMAGE], 1,
         "beside a kernel size"),
        ("Pooling", "pooling_param { global_pooling: true stride: 2 }", [IMAGE], 1,
         "beside a stride or pad"),
        ("Pooling", "pooling_param { pool: AVE kernel_size: 2 }", [IMAGE], 2, "only MAX pooling"),
        ("SPP", "", [IMAGE], 1, "pyramid_height must be"),
        ("SPP", "spp_param { pyramid_height: 3 }", [(1, 1, 2, 2)], 1, "too small for 4 bins"),
        ("InnerProduct", "", [IMAGE], 1, "num_output must be positive"),
        ("InnerProduct", "inner_product_param { num_output: 1 axis: 4 }", [IMAGE], 1,
         "there is no such axis"),
        ("Embed", "embed_param { num_output: 3 }", [(2,)], 1, "input_dim must be positive"),
        ("LRN", "lrn_param { local_size: 4 }", [IMAGE], 1, "local_size must be odd"),
        ("LRN", "", [(2, 4)], 1, "LRN needs 4 axes"),
        ("MVN", "", [(1, 2, 3, 4, 5)], 1, "at most 4 axes"),
        ("PReLU", "", [(2,)], 1, "2 axes or more"),
        ("Eltwise", "", [IMAGE, (2, 4, 1, 1)], 1, "different shapes"),
        ("Eltwise", "eltwise_param { coeff: 1 }", [IMAGE, IMAGE], 1, "coeff fits no bottoms"),
        ("Eltwise", "eltwise_param { operation: PROD coeff: [1, 2] }", [IMAGE, IMAGE], 1,
         "coeff is for SUM alone"),
        ("Scale", "scale_param { num_axes: 4 }", [IMAGE], 1, "axes beyond the input's"),
        ("Scale", "", [IMAGE, (6,)], 1, "its bottoms do not fit"),
        ("Scale", "scale_param { num_axes: -2 }", [IMAGE], 1, "num_axes must be -1 or more"),
        ("Axpy", "", [(2, 4, 1, 2), IMAGE, IMAGE], 1, "its factor does not fit"),
        ("Concat", "concat_param { axis: 1 concat_dim: 1 }", [IMAGE], 1, "axis stands beside"),
        ("Concat", "", [IMAGE, (2, 4, 6)], 1, "differ in more than axis 1"),
        ("Concat", "", [IMAGE, (2, 4, 6, 6)], 1, "differ in more than axis 1"),
        ("Slice", "", [IMAGE], 3, "does not part into 3 tops"),
        ("Slice", "slice_param { slice_point: 1 }", [IMAGE], 3, "does not fit its tops"),
        ("Slice", "slice_param { slice_point: [3, 2] }", [IMAGE], 3, "must rise within the axis"),
        ("Slice", "slice_param { slice_point: 4 }", [IMAGE], 2, "must rise within the axis"),
        ("Tile", "", [IMAGE], 1, "tiles must be positive"),
        ("Crop", "", [IMAGE, (1, 1, 6, 8)], 1, "leaves the input"),
        ("Crop", "crop_param { offset: [1, 1, 1] }", [IMAGE, (1, 1, 1, 1)], 1,
         "offset fits no axes"),
        ("Crop", "", [IMAGE, (6, 7)], 1, "differ in rank"),
        ("Permute", "permute_param { order: [0, 0] }", [IMAGE], 1, "name each axis once"),
        ("Permute", "permute_param { order: 4 }", [IMAGE], 1, "name each axis once"),
        ("ShuffleChannel", "shuffle_channel_param { group: 3 }", [IMAGE], 1, "3 groups"),
        ("Transpose", "transpose_param { dim: [0, 1] }", [IMAGE], 1, "name each axis once"),
        ("Reverse", "reverse_param { axis: 4 }", [IMAGE], 1, "there is no such axis"),
        ("ROIPooling", "", [IMAGE, (9, 5)], 1, "pooled_h and pooled_w must be"),
        ("ROIPooling", "", [IMAGE, (9, 4)], 1, "5 numbers each"),
        ("ContinuationIndicator", "", [], 1, "time_step and batch_size must be"),
        ("Reshape", "reshape_param { shape { dim: [5, -1] } }", [IMAGE], 1, "comes out uneven"),
        ("Reshape", "reshape_param { shape { dim: [-1, -1] } }", [IMAGE], 1, "more than one dim"),
        ("Reshape", "reshape_param { shape { dim: [0, 0] } }", [IMAGE], 1, "the count changes"),
        ("Reshape", "reshape_param { shape { dim: [0, 0, 0, 0, 0] } }", [IMAGE], 1,
         "no input axis"),
        ("Reshape", "reshape_param { axis: 2 num_axes: 3 }", [IMAGE], 1, "beyond the input's"),
        ("ArgMax", "argmax_param { top_k: 8 axis: 3 }", [IMAGE], 1, "top_k must be among"),
        ("Filter", "", [(5, 2), (4,)], 1, "the selector does not fit"),
        ("Filter", "", [(5, 2), (5,)], 2, "needs a top"),
        ("BatchReindex", "", [(5, 2), (4, 1)], 1, "need one axis"),
        ("Upsample", "", [IMAGE, (2, 4, 6, 6)], 1, "its mask does not fit"),
        ("Upsample", "upsample_param { scale: 2 scale_h: 3 scale_w: 3 }", [IMAGE], 1,
         "its factors are two"),
        ("Upsample", "upsample_param { scale_h: 3 }", [IMAGE], 1, "one too few"),
        ("Interp", "", [IMAGE], 1, "no size is given"),
        ("Interp", "interp_param { zoom_factor: 0 }", [IMAGE], 1, "a factor is below 1"),
        ("Interp", "interp_param { zoom_factor: 2 pad_beg: 1 }", [IMAGE], 1,
         "must not be positive"),
        ("BilinearInterpolate", "", [IMAGE], 1, "no size is given, or two"),
        ("BilinearInterpolate", "bilinear_interpolate_param { dst_h: 1 dst_w: 4 }", [IMAGE], 1,
         "this is too small"),
        ("MaxUnPool", "", [IMAGE, IMAGE], 1, "no size is given"),
        ("PixelShuffle", "pixelshuffle_param { upscale_factor: 3 }", [IMAGE], 1,
         "no whole number of squares"),
        ("Unsqueeze", "", [IMAGE], 1, "dim is missing"),
        ("Unsqueeze", "unsqueeze_param { dim: 5 }", [IMAGE], 1, "there is no such axis"),
        ("LSTM", "", [(5, 2, 8), (5, 2)], 1, "num_output must be positive"),
        ("LSTM", "recurrent_param { num_output: 3 }", [(5, 2, 8), (2, 5)], 1, "cont does not fit"),
        ("LSTM", "recurrent_param { num_output: 3 }", [(5, 2, 8), (5, 2), (5, 6)], 1,
         "the static input does not fit"),
        ("LSTM", "recurrent_param { num_output: 3 expose_hidden: true }", [(5, 2, 8), (5, 2)], 1,
         "its bottoms and tops do not fit"),
        ("RNN", "recurrent_param { num_output: 3 expose_hidden: true }",
         [(5, 2, 8), (5, 2), (2, 3)], 2, "a state does not fit"),
        ("PriorBox", "", [IMAGE, IMAGE], 1, "min_size is missing"),
        ("PriorBox", "prior_box_param { min_size: 3 max_size: [4, 5] }", [IMAGE, IMAGE], 1,
         "max_size does not fit"),
        ("PriorBox", "prior_box_param { min_size: 3 max_size: 3 }", [IMAGE, IMAGE], 1,
         "above min_size"),
        ("PriorBox", "prior_box_param { min_size: 3 aspect_ratio: 0 }", [IMAGE, IMAGE], 1,
         "aspect_ratio must be positive"),
        ("PriorBox", "prior_box_param { min_size: 3 variance: [1, 2] }", [IMAGE, IMAGE], 1,
         "variance fits no box"),
        ("DetectionOutput", "detection_output_param { num_classes: 3 }",
         [(2, 7), (2, 6), (1, 2, 8)], 1, "loc does not fit"),
        ("DetectionOutput", "detection_output_param { num_classes: 3 }",
         [(2, 8), (2, 8), (1, 2, 8)], 1, "conf does not fit"),
        ("DummyData", "", [], 1, "its dims do not fit its tops"),
    ],
)  # fmt: skip
def test_refusals(type_: str, params: str, bottoms: list[Shape], tops: int, problem: str) -> None:
    with pytest.raises(ShapeError, match=problem) as refusal:
        made(type_, params, *bottoms, tops=tops)
    assert str(refusal.value.where) == f"net.prototxt:7:1, layer 'l' ({type_})"


# ---- whole nets ------------------------------------------------------------------------------


def net(*layers: Layer, shape: Shape = IMAGE) -> Net:
    return Net("n", (Input("b0", shape, HERE),), layers, ())


def test_unknown_layers_are_refused_at_once() -> None:
    with pytest.raises(UnsupportedLayerError, match="2 layers") as refusal:
        infer(net(layer("Foo", 1, 1), layer("ReLU", 1, 1), layer("Bar", 1, 1)))
    assert "(Foo)" in str(refusal.value)
    assert "(Bar)" in str(refusal.value)


@pytest.mark.parametrize("unknown", [(), (2, 0, 6, 7)])
def test_inputs_without_a_shape_must_be_told(unknown: Shape) -> None:
    relu = layer("ReLU", 1, 1)
    with pytest.raises(ShapeError, match="input 'b0' is not known") as refusal:
        infer(net(relu, shape=unknown))
    assert "--input-shape b0:" in str(refusal.value.hint)
    assert infer(net(relu, shape=unknown), {"b0": (1, 2)}).values["t0"] == (1, 2)


@pytest.mark.parametrize(
    ("dims", "problem", "hint"),
    [
        ((1, 3, 8, -1), "is open", "b0:1,3,8,WIDTH; --dynamic"),
        ((2, 0, 0), "is not known", "b0:2,CHANNELS,HEIGHT"),
        ((), "is not known", "b0:1,3,224,224"),
        ((65536, 65536), "is too large", "--input-shape b0"),
    ],
)
def test_a_hint_has_the_dims_that_are_known(dims: Shape, problem: str, hint: str) -> None:
    with pytest.raises(ShapeError, match=problem) as refusal:
        infer(net(layer("ReLU", 1, 1), shape=dims))
    assert hint in str(refusal.value.hint)


def test_a_blob_that_caffe_cannot_hold_is_refused() -> None:
    tile = layer("Tile", 1, 1, "tile_param { tiles: 2000000000 }")
    with pytest.raises(ShapeError, match="a blob of it is too large"):
        infer(net(tile))


def test_other_inputs_are_refused() -> None:
    with pytest.raises(UsageError, match="no input 'x'"):
        infer(net(layer("ReLU", 1, 1)), {"x": (1,)})


def test_weights_are_known_as_far_as_shapes_are() -> None:
    scale = layer("Scale", 1, 1)
    after = Layer("a", "Scale", ("t0",), ("u",), HERE)
    assert known_weights(net(scale, after)) == (((4,),), ((4,),))
    assert known_weights(net(scale, after, shape=())) == (None, None)
    assert known_weights(net(layer("Foo", 1, 1), after)) == (None, None)
    wrong = layer("Scale", 1, 1, "scale_param { axis: 9 }")
    assert known_weights(net(wrong, after)) == (None, None)


def test_a_bn_has_the_blobs_that_the_caffemodel_has() -> None:
    assert known_weights(net(layer("BN", 1, 1))) == (None,)


def test_a_type_has_one_rule() -> None:
    with pytest.raises(UsageError, match="'ReLU' has a rule already"):
        shape("ReLU")(lambda _: LayerShapes(()))
