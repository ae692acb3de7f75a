"""Shapes of convolutions, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

ALONG_EACH_AXIS = """convolution_param { num_output: 6 group: 2 bias_term: false
  kernel_h: 1 kernel_w: 2 stride_h: 3 stride_w: 2 pad_h: 1 }"""


test_shapes = shapes_test(
    [
        (
            "Convolution",
            "convolution_param { num_output: 6 kernel_size: [3, 5] stride: [2, 1] pad: [0, 2] }",
            [IMAGE],
            [(2, 6, 2, 7)],
            [(6, 4, 3, 5), (6,)],
        ),
        (
            "Convolution",
            ALONG_EACH_AXIS,
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
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("Convolution", "convolution_param { kernel_size: 3 }", [IMAGE], 1, "num_output must be"),
        ("Convolution", "convolution_param { num_output: 1 kernel_size: 3 }", [IMAGE, IMAGE], 1,
         "it needs a top for each bottom"),
        ("Convolution", "convolution_param { num_output: 1 }", [IMAGE], 1, "kernel does not match"),
        ("Convolution", "convolution_param { num_output: 1 kernel_size: [3, 3, 3] }", [IMAGE], 1,
         "kernel does not match"),
        ("Convolution", "convolution_param { num_output: 1 kernel_size: 0 }", [IMAGE], 1,
         "kernel must be positive"),
        ("Convolution", "convolution_param { num_output: 1 kernel_size: 3 stride_h: 2 }", [IMAGE],
         1, "stride must be positive"),
        ("Convolution", "convolution_param { num_output: 1 kernel_size: 3 kernel_h: 3 }", [IMAGE],
         1, "are set together with kernel"),
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
    ]
)  # fmt: skip
