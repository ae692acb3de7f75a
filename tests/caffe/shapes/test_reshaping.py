"""Shapes of the layers that reorder, cut and join, and what is refused as Caffe would."""

from __future__ import annotations

from bridge.caffe.shapes import DYNAMIC
from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("Concat", "concat_param { axis: -1 }", [IMAGE, (2, 4, 6, 1)], [(2, 4, 6, 8)], []),
        ("Slice", "slice_param { axis: -1 slice_point: [1, 3] }", [IMAGE],
         [(2, 4, 6, 1), (2, 4, 6, 2), (2, 4, 6, 4)], []),
        ("Slice", "", [IMAGE], [(2, 2, 6, 7)] * 2, []),
        ("Tile", "tile_param { axis: -1 tiles: 2 }", [IMAGE], [(2, 4, 6, 14)], []),
        ("Crop", "crop_param { axis: 2 offset: [1, 2] }", [IMAGE, (9, 9, 5, 5)],
         [(2, 4, 5, 5)], []),
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
        ("Reduction", "reduction_param { axis: -2 }", [IMAGE], [(2, 4)], []),
        ("Reduction", "", [IMAGE], [()], []),
        ("ArgMax", "argmax_param { top_k: 3 out_max_val: true }", [(2, 9)], [(2, 2, 3)], []),
        ("ArgMax", "argmax_param { top_k: 2 }", [IMAGE], [(2, 1, 2, 1)], []),
        ("ArgMax", "argmax_param { axis: -1 out_max_val: true }", [IMAGE], [(2, 4, 6, 1)], []),
        ("Filter", "", [(5, 2), (5, 3), (5,)], [(DYNAMIC, 2), (DYNAMIC, 3)], []),
        ("PixelShuffle", "pixelshuffle_param { upscale_factor: 2 }", [(2, 12, 5, 7)],
         [(2, 3, 10, 14)], []),
        ("Unsqueeze", "unsqueeze_param { dim: -1 }", [(2, 3)], [(2, 3, 1)], []),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("Concat", "concat_param { axis: 1 concat_dim: 1 }", [IMAGE], 1, "are both set"),
        ("Concat", "", [IMAGE, (2, 4, 6)], 1, "differ in more than axis 1"),
        ("Concat", "", [IMAGE, (2, 4, 6, 6)], 1, "differ in more than axis 1"),
        ("Slice", "", [IMAGE], 3, "does not divide into 3 tops"),
        ("Slice", "slice_param { slice_point: 1 }", [IMAGE], 3, "does not match its tops"),
        ("Slice", "slice_param { slice_point: [3, 2] }", [IMAGE], 3, "must increase within"),
        ("Slice", "slice_param { slice_point: 4 }", [IMAGE], 2, "must increase within"),
        ("Tile", "", [IMAGE], 1, "tiles must be positive"),
        ("Crop", "", [IMAGE, (1, 1, 6, 8)], 1, "extends beyond the input"),
        ("Crop", "crop_param { offset: [1, 1, 1] }", [IMAGE, (1, 1, 1, 1)], 1,
         "offset does not match the axes"),
        ("Crop", "", [IMAGE, (6, 7)], 1, "differ in rank"),
        ("Permute", "permute_param { order: [0, 0] }", [IMAGE], 1, "name each axis once"),
        ("Permute", "permute_param { order: 4 }", [IMAGE], 1, "name each axis once"),
        ("ShuffleChannel", "shuffle_channel_param { group: 3 }", [IMAGE], 1, "3 groups"),
        ("Transpose", "transpose_param { dim: [0, 1] }", [IMAGE], 1, "name each axis once"),
        ("Reverse", "reverse_param { axis: 4 }", [IMAGE], 1, "no such axis"),
        ("Reshape", "reshape_param { shape { dim: [5, -1] } }", [IMAGE], 1, "be a whole number"),
        ("Reshape", "reshape_param { shape { dim: [-1, -1] } }", [IMAGE], 1, "more than one dim"),
        ("Reshape", "reshape_param { shape { dim: [0, 0] } }", [IMAGE], 1, "of values changes"),
        ("Reshape", "reshape_param { shape { dim: [0, 0, 0, 0, 0] } }", [IMAGE], 1,
         "no input axis"),
        ("Reshape", "reshape_param { axis: 2 num_axes: 3 }", [IMAGE], 1, "that the input lacks"),
        ("ArgMax", "argmax_param { top_k: 8 axis: 3 }", [IMAGE], 1, "top_k is out of range"),
        ("Filter", "", [(5, 2), (4,)], 1, "the selector does not fit"),
        ("Filter", "", [(5, 2), (5,)], 2, "needs a top"),
        ("BatchReindex", "", [(5, 2), (4, 1)], 1, "need one axis"),
        ("PixelShuffle", "pixelshuffle_param { upscale_factor: 3 }", [IMAGE], 1,
         "not a multiple of the squared factor"),
        ("Unsqueeze", "", [IMAGE], 1, "dim is missing"),
        ("Unsqueeze", "unsqueeze_param { dim: 5 }", [IMAGE], 1, "no such axis"),
    ]
)  # fmt: skip
