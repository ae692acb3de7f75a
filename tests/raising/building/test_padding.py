"""Pads: when Keras's own padding is ONNX's, and what rounding up comes to."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.errors import UnsupportedError
from bridge.raising.building.padding import (
    Window,
    constant_padding,
    subsampled,
    window_of,
    zero_padding,
)
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from tests.helpers.keras_against_onnx import graph, in_onnxruntime, raise_and_compare, seeded


def one(
    size: int | str, kernel: int, stride: int, pads: tuple[int, int], dilation: int = 1
) -> Window:
    return window_of((size,), (kernel,), (stride,), (dilation,), pads, "NOTSET")


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads", "same"),
    [
        (8, 3, 1, (1, 1), True),
        (8, 2, 1, (0, 1), True),
        (8, 2, 1, (1, 0), False),  # TensorFlow pads more at the end
        (8, 3, 2, (1, 1), False),  # TensorFlow: (0, 1)
        (7, 3, 2, (1, 1), True),
        (8, 3, 2, (0, 1), True),
        (8, 5, 1, (1, 1), False),
        ("h", 3, 1, (1, 1), True),
        ("h", 3, 2, (1, 1), False),  # so only at odd sizes
        ("h", 1, 1, (0, 0), True),
    ],
)
def test_same_is_said_only_where_it_holds_at_every_size(
    size: int | str, kernel: int, stride: int, pads: tuple[int, int], same: bool
) -> None:
    assert one(size, kernel, stride, pads).is_same is same


def test_dilation_widens_a_window() -> None:
    assert one(8, 3, 1, (2, 2), dilation=2).is_same
    assert not one(8, 3, 1, (1, 1), dilation=2).is_same


def test_defaults_are_onnx_s() -> None:
    at = window_of((8, 9), (3, 2), None, None, None, "NOTSET")
    assert (at.strides, at.dilations, at.begins, at.ends) == ((1, 1), (1, 1), (0, 0), (0, 0))
    assert (at.rank, at.is_padded) == (2, False)


@pytest.mark.parametrize(("auto_pad", "pads"), [("SAME_UPPER", (0, 1)), ("SAME_LOWER", (1, 0))])
def test_auto_pad_becomes_pads(auto_pad: str, pads: tuple[int, int]) -> None:
    at = window_of((8,), (3,), (2,), None, None, auto_pad)
    assert (at.begins + at.ends) == pads


def test_auto_pad_that_depends_on_an_unknown_size_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="unknown size"):
        window_of(("h",), (3,), (2,), None, None, "SAME_UPPER")


def test_negative_pads_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="negative pads"):
        one(8, 3, 1, (-1, 0))


def test_rounding_up_over_an_unknown_size_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="unknown size"):
        window_of(("h",), (3,), (2,), None, None, "NOTSET", ceil_mode=1)


@given(*[st.integers(low, high) for low, high in ((1, 12), (1, 4), (1, 4), (0, 3), (0, 3))])
def test_rounding_up_is_as_many_windows_as_onnxruntime_makes(
    size: int, kernel: int, stride: int, begin: int, end: int
) -> None:
    assume(max(begin, end) < kernel <= size + begin + end)
    at = window_of((size,), (kernel,), (stride,), None, (begin, end), "NOTSET", ceil_mode=1)
    node = onnx.helper.make_node(
        "MaxPool",
        ["x"],
        ["y"],
        kernel_shape=[kernel],
        strides=[stride],
        pads=[begin, end],
        ceil_mode=1,
    )
    model = graph(f"g (float[1,1,{size}] x) => (float[1,1,n] y) {{ y = Identity(x) }}")
    model.graph.node[0].CopyFrom(node)
    result = in_onnxruntime(model, {"x": np.zeros((1, 1, size), np.float32)})["y"]
    assert (size + at.begins[0] + at.ends[0] - kernel) // stride + 1 == result.shape[2]


def test_padding_layers() -> None:
    recorder = Recorder()
    at = window_of((8, 8), (3, 3), None, None, (1, 0, 2, 1), "NOTSET")
    zero_padding(recorder, Ref(0), at)
    constant_padding(recorder, Ref(0), at, -1.0)
    subsampled(recorder, Ref(0), (2, 1))
    zeros, pad, pick = recorder.calls
    assert (zeros.target, zeros.options["padding"]) == ("layers.ZeroPadding2D", ((1, 2), (0, 1)))
    assert pad.options["pad_width"] == [(0, 0), (1, 2), (0, 1), (0, 0)]
    assert pad.options["constant_values"] == -1.0
    assert (pick.target, pick.options["strides"]) == ("layers.MaxPooling2D", (2, 1))


def test_one_spatial_axis_has_one_pair_of_pads() -> None:
    recorder = Recorder()
    zero_padding(recorder, Ref(0), one(8, 3, 1, (1, 2)))
    assert recorder.calls[0].options["padding"] == (1, 2)


def test_nothing_is_padded_where_no_pads_are() -> None:
    recorder = Recorder()
    assert zero_padding(recorder, Ref(0), one(8, 3, 1, (0, 0))) == Ref(0)
    assert recorder.calls == []


@pytest.mark.parametrize(
    ("value", "pads", "kind"),
    [
        (0, [0, 0, 1, 2, 0, 0, 0, 1], "ZeroPadding2D"),
        (1, [0, 0, 1, 2, 0, 0, 0, 1], "Pad"),
        (0, [0, 1, 1, 2, 0, 0, 0, 1], "Pad"),
    ],
    ids=["zeros around", "ones around", "channels too"],
)
def test_keras_has_a_layer_for_zeros_around_images(
    value: float, pads: list[int], kind: str
) -> None:
    text = "g (float[b,3,4,4] x) => (float[b,c,h,w] y) { p = Pad(x, pads, value)  y = Relu(p) }"
    constants = {"pads": np.array(pads), "value": np.float32(value)}
    raised = raise_and_compare(graph(text, constants), {"x": seeded((2, 3, 4, 4))})
    assert [type(operation).__name__ for operation in raised.model.operations[1:]] == [kind, "ReLU"]
