from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bridge.caffe import Layer, Net, Shape, read
from bridge.caffe.match import with_filled_weights, with_unknown_weights
from bridge.caffe.net import Origin
from bridge.caffe.shapes import table
from bridge.caffe.shapes.table import LayerShapes, shape
from bridge.errors import WeightsError
from tests.helpers.golden_cases import case

ReadText = Callable[..., Net]
INPUT = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }\n'


def dense(name: str, more: str = "", fillers: str = "") -> str:
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "x" top: "{name}" {more} '
        f"inner_product_param {{ num_output: 4 {fillers} }} }}\n"
    )


WEIGHT, BIAS = np.arange(12.0).reshape(4, 3), np.arange(4.0)


def test_blobs_are_matched_by_name(read_text: ReadText) -> None:
    net = read_text(INPUT + dense("a") + dense("b"), {"b": [-WEIGHT, -BIAS], "a": [WEIGHT, BIAS]})
    a, b = net.layers
    np.testing.assert_array_equal(a.blobs[0].array(), WEIGHT)
    np.testing.assert_array_equal(b.blobs[1].array(), -BIAS)
    assert not net.warnings


def test_without_a_caffemodel_layers_have_no_blobs(read_text: ReadText) -> None:
    assert read_text(INPUT + dense("a")).layers[0].blobs == ()


@pytest.mark.parametrize("channels", [1, 4])
def test_the_weights_tell_whether_a_layer_without_group_is_depthwise(
    read_text: ReadText, channels: int
) -> None:
    image = INPUT.replace("dim: 3", "dim: 4 dim: 5 dim: 5")
    text = """layer { name: "d" type: "DepthwiseConvolution" bottom: "x" top: "d"
              convolution_param { num_output: 4 kernel_size: 3 } }"""
    kernel = np.ones((4, channels, 3, 3), np.float32)
    net = read_text(image + text, {"d": [kernel, BIAS]})
    assert net.layers[0].blobs[0].shape == kernel.shape
    filled = with_filled_weights(read_text(image + text))
    assert filled.layers[0].blobs[0].shape == (4, 4, 3, 3)
    assert "1 of type DepthwiseConvolution set no group" in filled.warnings[-1]


@pytest.mark.parametrize(
    ("blobs", "problem", "expected", "received"),
    [
        ([WEIGHT.T, BIAS], "its blob 0 does not fit", "4 3", "3 4"),
        ([WEIGHT[None].swapaxes(0, 2), BIAS], "its blob 0 does not fit", "4 3", "3 4 1"),
        ([WEIGHT, BIAS.reshape(1, 2, 2)], "its blob 1 does not fit", "4", "1 2 2"),
        ([WEIGHT], "another number of blobs", "4 3, 4", "4 3"),
    ],
)
def test_blobs_that_do_not_fit_are_refused(
    read_text: ReadText, blobs: list[np.ndarray], problem: str, expected: str, received: str
) -> None:
    with pytest.raises(WeightsError, match=problem) as refusal:
        read_text(INPUT + dense("a"), {"a": blobs})
    assert str(refusal.value.where).endswith("net.prototxt:2:1, layer 'a' (InnerProduct)")
    assert (refusal.value.expected, refusal.value.received) == (expected, received)
    assert "another net" in str(refusal.value.hint)


def test_a_blob_that_lacks_values_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(INPUT + dense("a", fillers="bias_term: false"))
    blob = b"\x3a\x04\x0a\x02\x04\x03" + b"\x2a\x04\0\0\0\0"
    layer = b"\x0a\x01a" + b"\x3a" + bytes([len(blob)]) + blob
    (tmp_path / "net.caffemodel").write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)
    with pytest.raises(WeightsError, match="blob 0 has 1 values"):
        read(tmp_path / "net.prototxt", tmp_path / "net.caffemodel")


def test_layers_without_weights_are_listed_at_once(read_text: ReadText) -> None:
    text = INPUT + dense("a") + dense("b") + dense("c", fillers='weight_filler { type: "xavier" }')
    with pytest.raises(WeightsError, match="the weights of layers:") as refusal:
        read_text(text, {"a": [WEIGHT, BIAS]})
    assert "layer 'b'" in str(refusal.value)
    assert "layer 'c'" in str(refusal.value)
    assert "--allow-missing-weights" in str(refusal.value.hint)


def test_exact_fillers_serve_with_a_warning(read_text: ReadText) -> None:
    text = INPUT + dense("a") + dense("b", fillers="weight_filler { value: 2 }")
    net = read_text(text, {"a": [WEIGHT, BIAS]})
    weight, bias = net.layers[1].blobs
    np.testing.assert_array_equal(weight.array(), np.full((4, 3), 2, np.float32))
    np.testing.assert_array_equal(bias.array(), np.zeros(4))
    (warning,) = net.warnings
    assert "layer 'b'" in warning
    assert "fillers" in warning


def test_what_is_missing_is_made_up_on_request(read_text: ReadText) -> None:
    text = INPUT + dense("a") + dense("b", fillers='weight_filler { type: "xavier" }')
    net = read_text(text, {"a": [WEIGHT, BIAS]}, allow_missing_weights=True)
    weight, bias = net.layers[1].blobs
    assert 0.5 < np.abs(weight.array()).max() <= 1
    np.testing.assert_array_equal(bias.array(), np.zeros(4))
    (warning,) = net.warnings
    assert "layer 'b' (InnerProduct): not in" in warning
    assert warning.endswith("initialised by fillers")


def test_nobody_can_make_up_the_weights_of_an_unknown_layer(
    read_text: ReadText, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table.TABLE, "_versions", {**table.TABLE._versions})

    @shape("LayerOfATest")
    def rule(_: Layer, x: Shape) -> LayerShapes:
        return LayerShapes((x,), (x,))

    text = INPUT + 'layer { name: "m" type: "LayerOfATest" bottom: "x" top: "y" }'
    with pytest.raises(WeightsError, match="the fillers of 1 layers are unknown") as refusal:
        read_text(text, {"o": [BIAS]}, allow_missing_weights=True)
    assert "layer 'm'" in str(refusal.value)


# ---- without a caffemodel --------------------------------------------------------------------


def test_a_net_is_filled_by_its_own_fillers_with_one_warning(read_text: ReadText) -> None:
    text = INPUT + dense("a", fillers='weight_filler { type: "uniform" min: 3 max: 4 }')
    net = with_filled_weights(read_text(text + "".join(map(dense, "bcdefgh"))))
    weight, bias = net.layers[0].blobs
    assert 3 <= weight.array().min() <= weight.array().max() < 4
    np.testing.assert_array_equal(bias.array(), np.zeros(4))
    np.testing.assert_array_equal(net.layers[1].blobs[0].array(), np.zeros((4, 3)))
    (warning,) = net.warnings
    assert warning.endswith(
        "the weights of 8 layers are initialised by fillers; 7 of them set no filler, "
        "and are zero: b, c, d, e, f and 2 more"
    )


def test_a_net_that_needs_no_weights_is_not_warned_of(read_text: ReadText) -> None:
    net = read_text(INPUT + 'layer { name: "r" type: "ReLU" bottom: "x" top: "r" }')
    assert with_filled_weights(net) == net


def test_filled_parameters_are_shared(read_text: ReadText) -> None:
    fillers = 'weight_filler { type: "gaussian" } bias_filler { type: "gaussian" }'
    text = INPUT + dense("a", SHARED, fillers) + dense("b", SHARED, fillers)
    a, b = with_filled_weights(read_text(text)).layers
    for one, other in zip(a.blobs, b.blobs, strict=True):
        assert one.read == other.read


def test_what_the_file_has_of_a_shared_parameter_goes_before_any_filler(
    read_text: ReadText,
) -> None:
    text = INPUT + dense("a", 'param { name: "w" }') + dense("b", 'param { name: "w" }')
    net = read_text(text, {"b": [WEIGHT, BIAS]})
    np.testing.assert_array_equal(net.layers[0].blobs[0].array(), WEIGHT)
    np.testing.assert_array_equal(net.layers[0].blobs[1].array(), np.zeros(4))


def test_weights_of_other_layers_are_one_warning(read_text: ReadText) -> None:
    others = {f"o{i}": [BIAS] for i in range(7)}
    net = read_text(INPUT + dense("a"), {"a": [WEIGHT, BIAS], **others, "empty": []})
    (warning,) = net.warnings
    assert warning.endswith("that the net lacks: o0, o1, o2, o3, o4 and 2 more")


def test_the_last_of_equal_names_in_the_file_counts(tmp_path: Path) -> None:
    from bridge.caffe.write import write_caffemodel

    (tmp_path / "net.prototxt").write_text(INPUT + dense("a"))
    layers = [("a", "", [WEIGHT, BIAS]), ("a", "", []), ("a", "", [-WEIGHT, BIAS])]
    write_caffemodel(tmp_path / "net.caffemodel", "net", layers)
    net = read(tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    np.testing.assert_array_equal(net.layers[0].blobs[0].array(), -WEIGHT)


def test_two_layers_of_one_name_with_weights_are_refused(read_text: ReadText) -> None:
    text = INPUT + dense("a") + dense("a").replace('top: "a"', 'top: "b"')
    with pytest.raises(WeightsError, match="2 layers with weights have this name"):
        read_text(text, {"a": [WEIGHT, BIAS]})


def test_a_layer_without_weights_may_share_a_name(read_text: ReadText) -> None:
    relu = 'layer { name: "a" type: "ReLU" bottom: "a" top: "r" }'
    net = read_text(INPUT + dense("a") + relu, {"a": [WEIGHT, BIAS]})
    assert [len(layer.blobs) for layer in net.layers] == [2, 0]


# ---- legacy shapes ---------------------------------------------------------------------------


def test_legacy_shapes_take_the_shape_that_the_layer_needs() -> None:
    folder = case("model_legacy_dims")
    (conv, *_) = read(folder.prototxt, folder.caffemodel).layers
    assert [blob.shape for blob in conv.blobs] == [(4, 3, 3, 3), (4,)]
    assert conv.blobs[1].span is not None


def test_each_blob_knows_which_of_which_layer_it_is(read_text: ReadText) -> None:
    net = read_text(INPUT + dense("a"), {"a": [WEIGHT, BIAS]})
    origins = [blob.origin for blob in net.layers[0].blobs]
    assert origins == [Origin("a", 0, WEIGHT.shape), Origin("a", 1, BIAS.shape)]
    assert net.layers[0].blobs[0].reshaped(-1).origin == origins[0]


def test_unknown_weights_have_shapes_and_no_numbers(read_text: ReadText) -> None:
    net = with_unknown_weights(read_text(INPUT + dense("a"), None))
    for index, (blob, known) in enumerate(zip(net.layers[0].blobs, (WEIGHT, BIAS), strict=True)):
        assert (blob.shape, blob.origin) == (known.shape, Origin("a", index, known.shape))
        assert np.isnan(blob.array()).all()


@pytest.mark.parametrize("shape", [(1, 4, 1, 1), (1, 1, 1, 4), (4, 1), (1, 4)])
def test_axes_of_1_may_come_and_go(read_text: ReadText, shape: Shape) -> None:
    net = read_text(
        INPUT + dense("a") + dense("b"),
        {"a": [WEIGHT[..., None, None], BIAS.reshape(shape)], "b": [WEIGHT, BIAS]},
    )
    weight, bias = net.layers[0].blobs
    np.testing.assert_array_equal(weight.array(), WEIGHT)
    np.testing.assert_array_equal(bias.array(), BIAS)
    (warning,) = net.warnings
    assert warning == "the caffemodel has blobs with more or fewer axes of size 1 than Caffe's: a"


@pytest.mark.parametrize(("shape", "count"), [((1,), 1), ((), 1), ((1, 3, 1, 1), 3), ((3,), 3)])
def test_slopes_by_their_count(read_text: ReadText, shape: Shape, count: int) -> None:
    slopes = np.arange(1.0, 1 + count)
    shared = "prelu_param { channel_shared: true }" if count == 1 else ""
    text = f'layer {{ name: "p" type: "PReLU" bottom: "x" top: "p" {shared} }}'
    (layer,) = read_text(INPUT + text, {"p": [slopes.reshape(shape)]}).layers
    np.testing.assert_array_equal(layer.blobs[0].array().ravel(), slopes)


IMAGE = INPUT.replace("dim: 2 dim: 3", "dim: 1 dim: 6 dim: 5 dim: 5")
CONVOLUTION = """layer { name: "c" type: "%s" bottom: "x" top: "c"
  convolution_param { num_output: 12 kernel_size: 3 bias_term: false %s } }"""


@pytest.mark.parametrize(
    ("type_", "text", "have", "group"),
    [
        ("Convolution", "", (12, 1, 3, 3), 6),
        ("Convolution", "", (12, 3, 3, 3), 2),
        ("Convolution", "group: 2", (12, 6, 3, 3), 1),
        ("Convolution", "group: 2", (12, 2, 3, 3), 3),
        ("Deconvolution", "", (6, 2, 3, 3), 6),
        ("Deconvolution", "group: 6", (6, 12, 3, 3), 1),
    ],
)
def test_a_forgotten_group_is_named(
    read_text: ReadText, type_: str, text: str, have: Shape, group: int
) -> None:
    weights = {"c": [np.zeros(have)]}
    with pytest.raises(WeightsError, match="blob 0 does not fit") as refusal:
        read_text(IMAGE + CONVOLUTION % (type_, text), weights)
    assert str(refusal.value.hint).startswith(f"these are the weights of `group: {group}`")
    other = f"{text.replace('group: 2', '').replace('group: 6', '')} group: {group}"
    assert not read_text(IMAGE + CONVOLUTION % (type_, other), weights).warnings


@pytest.mark.parametrize("have", [(12, 6, 1, 3), (6, 12, 3, 3), (12, 4, 3, 3), (108, 6)])
def test_other_mismatches_of_a_convolution_are_no_group(read_text: ReadText, have: Shape) -> None:
    with pytest.raises(WeightsError, match="blob 0 does not fit") as refusal:
        read_text(IMAGE + CONVOLUTION % ("Convolution", ""), {"c": [np.zeros(have)]})
    assert "another net" in str(refusal.value.hint)


# ---- shared parameters -----------------------------------------------------------------------

SHARED = 'param { name: "w" } param { name: "b" }'


def test_shared_parameters_are_those_that_the_file_has_last(read_text: ReadText) -> None:
    """As real Caffe was seen to do: it copies the file's layers in turn, into one layer."""
    text = INPUT + dense("a", SHARED) + dense("b", SHARED)
    for blobs in (
        {"a": [WEIGHT, BIAS]},
        {"a": [-WEIGHT, -BIAS], "b": [WEIGHT, BIAS]},
        {"b": [-WEIGHT, -BIAS], "a": [WEIGHT, BIAS]},
        {"b": [WEIGHT, BIAS]},
    ):
        for layer in read_text(text, blobs).layers:
            np.testing.assert_array_equal(layer.blobs[0].array(), WEIGHT)
            np.testing.assert_array_equal(layer.blobs[1].array(), BIAS)


def test_one_parameter_of_two_may_be_shared(read_text: ReadText) -> None:
    text = INPUT + dense("a", 'param { name: "w" }') + dense("b", 'param { name: "w" }')
    net = read_text(text, {"a": [WEIGHT, BIAS], "b": [-WEIGHT, -BIAS]})
    weight, bias = net.layers[1].blobs
    np.testing.assert_array_equal(weight.array(), -WEIGHT)
    np.testing.assert_array_equal(net.layers[0].blobs[0].array(), -WEIGHT)
    np.testing.assert_array_equal(bias.array(), -BIAS)
    np.testing.assert_array_equal(net.layers[0].blobs[1].array(), BIAS)


SQUARE = INPUT.replace("dim: 2 dim: 3", "dim: 2 dim: 2 dim: 3")
PLAIN = "inner_product_param { num_output: 6 axis: 2 bias_term: false }"


def shared_pair(mode: str) -> str:
    head = 'layer { type: "InnerProduct" bottom: "x" param { name: "w" '
    second = PLAIN.replace("num_output: 6 axis: 2", "num_output: 3")
    first = f'{head} }} name: "a" top: "a" {PLAIN} }}'
    return SQUARE + first + f'{head} {mode} }} name: "b" top: "b" {second} }}'


def test_permissive_sharing_may_reshape(read_text: ReadText) -> None:
    blobs = {"a": [np.arange(18.0).reshape(6, 3)]}
    net = read_text(shared_pair("share_mode: PERMISSIVE"), blobs)
    np.testing.assert_array_equal(net.layers[1].blobs[0].array(), np.arange(18.0).reshape(3, 6))


def test_strict_sharing_may_not(read_text: ReadText) -> None:
    with pytest.raises(WeightsError, match="cannot share the parameter 'w'"):
        read_text(shared_pair(""), {"a": [np.arange(18.0).reshape(6, 3)]})


# ---- layers that nobody knows ----------------------------------------------------------------


def test_an_unknown_layer_takes_the_blobs_as_they_are(read_text: ReadText) -> None:
    text = INPUT + 'layer { name: "m" type: "MyLayer" bottom: "x" top: "y" }'
    net = read_text(text, {"m": [WEIGHT]})
    assert net.layers[0].blobs[0].shape == (4, 3)
