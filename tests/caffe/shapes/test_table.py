"""Shapes of whole nets: what must be known, and how far weights are known without it."""

from __future__ import annotations

import pytest

from bridge.caffe.net import Input, Layer, Net, Shape
from bridge.caffe.shapes import LayerShapes, infer, known_weights, shape
from bridge.errors import ShapeError, UnsupportedLayerError, UsageError
from tests.helpers.shape_rules import IMAGE, LOCATION, layer


def net(*layers: Layer, shape: Shape = IMAGE) -> Net:
    return Net("n", (Input("b0", shape, LOCATION),), layers, ())


def test_unknown_layers_are_refused_at_once() -> None:
    with pytest.raises(UnsupportedLayerError, match="2 layers") as refusal:
        infer(net(layer("Foo", 1, 1), layer("ReLU", 1, 1), layer("Bar", 1, 1)))
    assert "(Foo)" in str(refusal.value)
    assert "(Bar)" in str(refusal.value)


@pytest.mark.parametrize("unknown", [(), (2, 0, 6, 7)])
def test_inputs_without_a_shape_must_be_told(unknown: Shape) -> None:
    relu = layer("ReLU", 1, 1)
    with pytest.raises(ShapeError, match="input 'b0' is unknown") as refusal:
        infer(net(relu, shape=unknown))
    assert "--input-shape b0:" in str(refusal.value.hint)
    assert infer(net(relu, shape=unknown), {"b0": (1, 2)}).values["t0"] == (1, 2)


@pytest.mark.parametrize(
    ("dims", "problem", "hint"),
    [
        ((1, 3, 8, -1), "is open", "b0:1,3,8,WIDTH; --dynamic"),
        ((2, 0, 0), "is unknown", "b0:2,CHANNELS,HEIGHT"),
        ((), "is unknown", "b0:1,3,224,224"),
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
    after = Layer("a", "Scale", ("t0",), ("u",), LOCATION)
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
