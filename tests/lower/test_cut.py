from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.caffe import Net
from bridge.errors import UsageError
from bridge.lower.cut import cut

NetOf = Callable[..., Net]

TRAINED = """
layer { name: "a" type: "ReLU" bottom: "x" top: "a" }
layer { name: "b" type: "Sigmoid" bottom: "a" top: "b" }
layer { name: "prob" type: "Softmax" bottom: "a" top: "prob" }
layer { name: "loss" type: "EuclideanLoss" bottom: "b" bottom: "label" top: "loss" }
layer { name: "acc" type: "Accuracy" bottom: "a" bottom: "label" top: "acc" }
"""


def _names(net: Net) -> list[str]:
    return [layer.name for layer in net.layers]


def test_losses_make_way_for_what_they_alone_read(net_of: NetOf) -> None:
    net = cut(net_of(TRAINED, x=(2, 3), label=(2,)))
    assert _names(net) == ["a", "b", "prob"]
    assert net.outputs == ("prob", "b")
    assert [blob.name for blob in net.inputs] == ["x"]
    assert [warning.rpartition(": ")[2] for warning in net.warnings] == ["left away at the end"] * 2


def test_outputs_are_given_in_the_order_asked_for(net_of: NetOf) -> None:
    net = cut(net_of(TRAINED, x=(2, 3), label=(2,)), ["prob", "a", "prob"])
    assert net.outputs == ("prob", "a")
    assert _names(net) == ["a", "prob"]


def test_an_unknown_output_is_refused_with_its_like(net_of: NetOf) -> None:
    with pytest.raises(UsageError, match="expected: prob"):
        cut(net_of(TRAINED, x=(2, 3), label=(2,)), ["prop"])


def test_silenced_blobs_and_what_led_to_them_are_gone(net_of: NetOf) -> None:
    text = """
    layer { name: "a" type: "ReLU" bottom: "x" top: "a" }
    layer { name: "b" type: "ReLU" bottom: "x" top: "b" }
    layer { name: "s" type: "Silence" bottom: "b" }
    """
    assert _names(cut(net_of(text, x=(1, 2)))) == ["a"]
