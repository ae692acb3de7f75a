from __future__ import annotations

import bridge
from tests.helpers.golden_cases import case

NET = case("bn_scale_relu_inplace")


def test_without_a_caffemodel_all_that_shapes_say_is_said() -> None:
    mapping = bridge.explain(NET.prototxt)
    expressions = {f"{weight.layer} {weight.role}": weight.expression for weight in mapping.weights}
    assert expressions == {
        "conv kernel": "w.transpose(2, 3, 1, 0)",
        "bn gamma": "w",
        "bn beta": "w",
        "bn moving_mean": "blobs[0] / blobs[2]",
        "bn moving_variance": "blobs[1] / blobs[2]",
    }


def test_the_layers_that_give_the_tensors_are_named() -> None:
    mapping = bridge.explain(NET.prototxt)
    assert [tensor.target for tensor in mapping.tensors] == [
        *("", "layers.Conv2D", "layers.BatchNormalization", "layers.ReLU")
    ]
    assert mapping.origin == "Caffe"
