"""Shapes of poolings, and the layers that undo them, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
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
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("Pooling", "pooling_param { kernel_size: 2 }", [(1, 2, 3)], 1, "needs 4 or 5 axes"),
        ("Pooling", "", [IMAGE], 1, "kernel does not match"),
        ("Pooling", "pooling_param { kernel_size: 2 pad: 2 }", [IMAGE], 1,
         "as large as the kernel"),
        ("Pooling", "pooling_param { kernel_size: 2 stride: 0 }", [IMAGE], 1, "stride must be"),
        ("Pooling", "pooling_param { kernel_size: 0 }", [IMAGE], 1, "kernel must be positive"),
        ("Pooling", "pooling_param { kernel_size: 9 }", [IMAGE], 1, "larger than its padded input"),
        ("Pooling", "pooling_param { global_pooling: true kernel_size: 2 }", [IMAGE], 1,
         "with a kernel size"),
        ("Pooling", "pooling_param { global_pooling: true stride: 2 }", [IMAGE], 1,
         "with a stride or pad"),
        ("Pooling", "pooling_param { pool: AVE kernel_size: 2 }", [IMAGE], 2, "only MAX pooling"),
        ("SPP", "", [IMAGE], 1, "pyramid_height must be"),
        ("SPP", "spp_param { pyramid_height: 3 }", [(1, 1, 2, 2)], 1, "too small for 4 bins"),
        ("Upsample", "", [IMAGE, (2, 4, 6, 6)], 1, "its mask does not fit"),
        ("Upsample", "upsample_param { scale: 2 scale_h: 3 scale_w: 3 }", [IMAGE], 1,
         "its factors are set twice"),
        ("Upsample", "upsample_param { scale_h: 3 }", [IMAGE], 1, "or incomplete"),
        ("Interp", "", [IMAGE], 1, "no size is set"),
        ("Interp", "interp_param { zoom_factor: 0 }", [IMAGE], 1, "a factor is below 1"),
        ("Interp", "interp_param { zoom_factor: 2 pad_beg: 1 }", [IMAGE], 1,
         "must not be positive"),
        ("BilinearInterpolate", "", [IMAGE], 1, "no size is set, or two"),
        ("BilinearInterpolate", "bilinear_interpolate_param { dst_h: 1 dst_w: 4 }", [IMAGE], 1,
         "its size is too small"),
        ("MaxUnPool", "", [IMAGE, IMAGE], 1, "no size is set"),
    ]
)  # fmt: skip
