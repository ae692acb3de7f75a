"""AutoCrop and V1's CROP against positions that are followed by hand, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net, read
from bridge.errors import ShapeError, UnsupportedLayerError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

rng = np.random.default_rng(0)


def _conv(name: str, bottom: str, window: str, kind: str = "Convolution") -> str:
    return f"""layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{name}"
        convolution_param {{ num_output: 1 bias_term: false {window} }} }}\n"""


def _pool(name: str, bottom: str, window: str) -> str:
    return f"""layer {{ name: "{name}" type: "Pooling" bottom: "{bottom}" top: "{name}"
        pooling_param {{ {window} }} }}\n"""


# FCN-32s: the first layer pads by 100, five poolings halve, one layer of 7 x 7, 32-fold up.
FCN_32S = (
    _conv("conv1_1", "x", "kernel_size: 3 pad: 100")
    + 'layer { name: "relu" type: "ReLU" bottom: "conv1_1" top: "conv1_1" }'
    + _pool("pool1", "conv1_1", "kernel_size: 2 stride: 2")
    + "".join(_pool(f"pool{i}", f"pool{i - 1}", "kernel_size: 2 stride: 2") for i in range(2, 6))
    + _conv("fc6", "pool5", "kernel_size: 7")
    + 'layer { name: "drop" type: "Dropout" bottom: "fc6" top: "fc6" }'
    + _conv("up", "fc6", "kernel_size: 64 stride: 32", "Deconvolution")
)

RCF = (
    _conv("c", "x", "kernel_size: 3 pad: 1")
    + _pool("p", "c", "kernel_size: 2 stride: 2")
    + _conv("d", "p", "kernel_size: 1")
    + _conv("up", "d", "kernel_size: 4 stride: 2", "Deconvolution")
)

# RCF's branches: 4-fold, and 8-fold behind a fourth pooling that does not halve. Its author gives 2
# for the crop of the one, and nothing is to be cropped of the other.
RCF_4 = (
    _pool("p1", "x", "kernel_size: 2 stride: 2")
    + _pool("p2", "p1", "kernel_size: 2 stride: 2")
    + _conv("up", "p2", "kernel_size: 8 stride: 4", "Deconvolution")
)
RCF_8 = (
    _pool("p1", "x", "kernel_size: 2 stride: 2")
    + _pool("p2", "p1", "kernel_size: 2 stride: 2")
    + _pool("p3", "p2", "kernel_size: 2 stride: 2")
    + _pool("p4", "p3", "kernel_size: 2 stride: 1")
    + _conv("a", "p4", "kernel_size: 3 pad: 2 dilation: 2")
    + _conv("up", "a", "kernel_size: 16 stride: 8", "Deconvolution")
)

# Two ways to the same scale: an atrous layer moves nothing, one without padding moves by 2.
ATROUS = (
    _conv("a", "x", "kernel_size: 3 pad: 2 dilation: 2")
    + _conv("b", "x", "kernel_size: 5")
    + 'layer { name: "s" type: "Scale" bottom: "b" top: "s" }'
)


@pytest.mark.parametrize(
    ("text", "bottoms", "offset"),
    [
        (FCN_32S, ("up", "x"), 19),  # as FCN's own nets have it written out
        (RCF, ("up", "x"), 1),
        (RCF_4, ("up", "x"), 2),
        (RCF_8, ("up", "x"), 0),
        (ATROUS, ("a", "s"), 2),
        (_conv("a", "x", "kernel_size: 5 pad: 4"), ("a", "x"), 2),
        ("", ("x", "x"), 0),
        # What lies before the value that both are made of does not matter.
        (
            """layer { name: "t" type: "Permute" bottom: "x" top: "t"
               permute_param { order: [0, 1, 3, 2] } }"""
            + _conv("a", "t", "kernel_size: 5 pad: 4"),
            ("a", "t"),
            2,
        ),
    ],
)
def test_offset(
    net_of: Callable[..., Net], run: Callable[..., Any], text: str, bottoms: Any, offset: int
) -> None:
    text += f"""layer {{ name: "crop" type: "AutoCrop" bottom: "{bottoms[0]}"
        bottom: "{bottoms[1]}" top: "y" }}"""
    up = next((k for k in (64, 16, 8) if f"kernel_size: {k} " in text), 4)
    sizes = {"conv1_1": 3, "fc6": 7, "up": up, "c": 3, "d": 1}
    sizes |= {"a": 5 if "kernel_size: 5 pad: 4" in text else 3, "b": 5}
    weights = {name: [rng.standard_normal((1, 1, k, k)) / k] for name, k in sizes.items()}
    net = net_of(text, {**weights, "s": [np.ones(1)]}, x=(1, 1, 20, 30))
    x = rng.standard_normal((1, 1, 20, 30))
    results = run(lower(net, outputs=["y", *bottoms]), x=x)
    height, width = results[bottoms[1]].shape[2:]
    rows, columns = slice(offset, offset + height), slice(offset, offset + width)
    assert_close(results["y"], results[bottoms[0]][:, :, rows, columns])


def test_crops_one_after_the_other(net_of: Callable[..., Net], run: Callable[..., Any]) -> None:
    """The first crop cuts 2 off each side and the second, of what that gave, 1 more."""
    text = (
        _conv("wide", "x", "kernel_size: 1 pad: 3")
        + 'layer { name: "one" type: "AutoCrop" bottom: "wide" bottom: "x" top: "one" }'
        + _conv("less", "x", "kernel_size: 3")
        + 'layer { name: "two" type: "AutoCrop" bottom: "one" bottom: "less" top: "y" }'
    )
    weights = {"wide": [np.ones((1, 1, 1, 1))], "less": [np.ones((1, 1, 3, 3))]}
    x = rng.standard_normal((1, 1, 6, 7))
    y = run(lower(net_of(text, weights, x=x.shape)), x=x)["y"]
    assert_close(y, x[:, :, 1:-1, 1:-1])


def test_v1_crop(tmp_path: Path, run: Callable[..., Any]) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        """input: "x" input_dim: 1 input_dim: 1 input_dim: 5 input_dim: 5
        input: "z" input_dim: 1 input_dim: 1 input_dim: 9 input_dim: 9
        layers { name: "p" type: POOLING bottom: "z" top: "p"
                 pooling_param { kernel_size: 3 stride: 1 } }
        layers { name: "crop" type: CROP bottom: "z" bottom: "p" top: "y" }
        layers { name: "sum" type: ELTWISE bottom: "y" bottom: "p" top: "sum" }""",
        encoding="utf-8",
    )
    z = rng.standard_normal((1, 1, 9, 9)).astype(np.float32)
    results = run(lower(read(path), outputs=["y"]), z=z)
    assert_close(results["y"], z[:, :, 1:-1, 1:-1])


@pytest.mark.parametrize(
    ("text", "bottoms", "problem"),
    [
        (
            _conv("c", "x", "kernel_size: 1 stride: 2")
            + _conv("up", "c", "kernel_size: 4 stride: 2", "Deconvolution"),
            ("up", "x"),
            "received: 1.5",
        ),
        (
            _pool("p", "x", "kernel_size: 2 stride: 2")
            + _conv("up", "p", "kernel_size: 8 stride: 4", "Deconvolution"),
            ("up", "x"),
            "different scales",
        ),
        (
            _conv("c", "x", "kernel_size: 3") + _pool("p", "c", "kernel_size: 1"),
            ("z", "x"),
            "no common origin",
        ),
        (_conv("c", "x", "kernel_size: 3"), ("c", "x"), "extends beyond the input"),
    ],
)
def test_what_aborts(
    net_of: Callable[..., Net], text: str, bottoms: tuple[str, str], problem: str
) -> None:
    text += f"""layer {{ name: "crop" type: "AutoCrop" bottom: "{bottoms[0]}"
        bottom: "{bottoms[1]}" top: "y" }}"""
    kernels = {"c": (1, 1, 3, 3), "up": (1, 1, 4, 4)}
    weights = {name: [np.ones(shape)] for name, shape in kernels.items()}
    net = net_of(text, weights, x=(1, 1, 9, 9), z=(1, 1, 9, 9))
    with pytest.raises(ShapeError, match=problem):
        lower(net, outputs=["y"])


def test_a_layer_that_maps_no_positions(net_of: Callable[..., Net]) -> None:
    text = """layer { name: "p" type: "Permute" bottom: "x" top: "p"
              permute_param { order: [0, 1, 3, 2] } }
        layer { name: "crop" type: "AutoCrop" bottom: "x" bottom: "p" top: "y" }"""
    with pytest.raises(UnsupportedLayerError, match="does not map positions"):
        lower(net_of(text, x=(1, 1, 9, 9)))
