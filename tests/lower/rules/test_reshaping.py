from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.errors import ShapeError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

X = np.arange(2 * 6 * 4 * 5, dtype=np.float32).reshape(2, 6, 4, 5)


def _operators(net: Net) -> list[str]:
    return [node.op_type for node in lower(net).proto.graph.node]


@pytest.mark.parametrize(
    ("layer", "operator"),
    [
        ('type: "Flatten"', "Flatten"),
        ('type: "Flatten" flatten_param { axis: 2 }', "Reshape"),
        ('type: "Flatten" flatten_param { axis: 3 }', "Identity"),
        ('type: "Reshape" reshape_param { shape { dim: 0 dim: -1 } }', "Reshape"),
        ('type: "Reshape" reshape_param { shape { dim: 0 dim: 0 dim: 0 dim: 0 } }', "Identity"),
        ('type: "Permute" permute_param { order: 0 order: 1 }', "Identity"),
        ('type: "Concat"', "Concat"),
        ('type: "Tile" tile_param { tiles: 3 }', "Concat"),
        ('type: "Tile" tile_param { tiles: 17 }', "Tile"),
    ],
)
def test_the_plainest_operator_is_taken(
    net_of: Callable[..., Net], layer: str, operator: str
) -> None:
    net = net_of(f'layer {{ name: "l" bottom: "x" top: "y" {layer} }}', x=X.shape)
    assert _operators(net) == [operator]
    assert lower(net).outputs["y"][0] == "batch"


def test_shapes_keep_the_batch_in_place(net_of: Callable[..., Net]) -> None:
    text = """layer { name: "l" type: "Reshape" bottom: "x" top: "y"
              reshape_param { shape { dim: 0 dim: 2 dim: -1 } } }"""
    model = lower(net_of(text, x=X.shape))
    assert model.weights["l.shape"].array().tolist() == [0, 2, 60]


def test_split_and_slice_give_each_top_its_own(
    net_of: Callable[..., Net], run: Callable[..., Any]
) -> None:
    text = """
    layer { name: "s" type: "Split" bottom: "x" top: "a" top: "b" }
    layer { name: "c" type: "Slice" bottom: "a" top: "c" top: "d" top: "e"
            slice_param { slice_point: 1 slice_point: 4 } }
    """
    results = run(lower(net_of(text, x=X.shape)), x=X)
    assert_close(results["b"], X)
    for name, part in zip("cde", (X[:, :1], X[:, 1:4], X[:, 4:]), strict=True):
        assert_close(results[name], part)


@pytest.mark.parametrize(("axis", "offsets"), [(1, (2, 1, 0)), (2, (1, 2)), (2, (1,)), (3, (2,))])
def test_crop(one_layer: Callable[..., Any], axis: int, offsets: tuple[int, ...]) -> None:
    like = np.zeros((9, 3, 2, 3), np.float32)
    settings = " ".join(f"offset: {offset}" for offset in offsets)
    y = one_layer("Crop", f"crop_param {{ axis: {axis} {settings} }}", x=X, like=like)
    starts = offsets * (4 - axis) if len(offsets) == 1 else offsets
    cut = [slice(start, start + like.shape[axis + i]) for i, start in enumerate(starts)]
    assert_close(y, X[(slice(None),) * axis + tuple(cut)])


def test_channels_are_shuffled_by_group(one_layer: Callable[..., Any]) -> None:
    y = one_layer("ShuffleChannel", "shuffle_channel_param { group: 3 }", x=X)
    assert y[0, :, 0, 0].tolist() == X[0, [0, 2, 4, 1, 3, 5], 0, 0].tolist()


def test_filter_gives_as_many_samples_as_the_data_say(
    net_of: Callable[..., Net], run: Callable[..., Any]
) -> None:
    text = 'layer { name: "f" type: "Filter" bottom: "x" bottom: "chosen" top: "y" }'
    model = lower(net_of(text, x=(3, 2), chosen=(3, 1)))
    assert model.outputs == {"y": ("y.0", 2)}
    x = np.arange(6).reshape(3, 2)
    assert run(model, x=x, chosen=[[1], [0], [5]])["y"].tolist() == [[0, 1], [4, 5]]


def test_layers_of_the_ocr_forks(one_layer: Callable[..., Any]) -> None:
    order = "transpose_param { dim: 3 dim: 0 dim: 1 dim: 2 }"
    assert_close(one_layer("Transpose", order, x=X), X.transpose(3, 0, 1, 2))
    assert_close(one_layer("Reverse", x=X), X[::-1])
    assert_close(one_layer("Reverse", "reverse_param { axis: 3 }", x=X), X[..., ::-1])


@pytest.mark.parametrize("height", [False, True])
@pytest.mark.parametrize("width", [False, True])
def test_flip_turns_rows_and_columns(
    one_layer: Callable[..., Any], height: bool, width: bool
) -> None:
    """flip_layer.cpp of happynear's fork."""
    text = f"flip_param {{ flip_height: {height} flip_width: {width} }}".lower()
    expected = X[:, :, :: -1 if height else 1, :: -1 if width else 1]
    assert_close(one_layer("Flip", text, x=X), expected)


@pytest.mark.parametrize("text", ["", "flip_param { flip_width: true }"])
def test_a_flip_says_which_axes(one_layer: Callable[..., Any], text: str) -> None:
    with pytest.raises(ShapeError, match="does not say which axes"):
        one_layer("Flip", text, x=X)


def test_layers_of_a_fork_for_other_frameworks(one_layer: Callable[..., Any]) -> None:
    x = np.random.default_rng(0).normal(size=(2, 8, 3, 5)).astype(np.float32)
    shuffled = x.reshape(2, 2, 2, 2, 3, 5).transpose(0, 1, 4, 2, 5, 3).reshape(2, 2, 6, 10)
    assert_close(
        one_layer("PixelShuffle", "pixelshuffle_param { upscale_factor: 2 }", x=x), shuffled
    )
    for dim in (0, 2, 4, -1, -5):
        y = one_layer("Unsqueeze", f"unsqueeze_param {{ dim: {dim} }}", x=x)
        assert_close(y, np.expand_dims(x, dim))
