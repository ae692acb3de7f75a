from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.lower import lower

NetOf = Callable[..., Net]

LSTM = """layer { name: "l" type: "LSTM" bottom: "x" bottom: "c" top: "y"
          recurrent_param { num_output: 1 } }"""
LSTM_WEIGHTS = {"l": [np.ones((4, 2)), np.ones(4), np.ones((4, 1))]}


def test_inputs_of_one_batch_share_the_symbol(net_of: NetOf) -> None:
    text = 'layer { name: "e" type: "Concat" bottom: "a" bottom: "b" top: "y" }'
    model = lower(net_of(text, a=(3, 2), b=(3, 5), rois=(7, 4)))
    assert model.inputs == {"a": ("batch", 2), "b": ("batch", 5), "rois": (7, 4)}
    assert model.outputs == {"y": ("batch", 7), "rois": (7, 4)}


def test_a_batch_size_can_be_fixed(net_of: NetOf) -> None:
    text = 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }'
    model = lower(net_of(text, x=(3, 2)), batch=8)
    assert model.outputs == {"y": (8, 2)}
    assert model.warnings == ()


@pytest.mark.parametrize(
    ("text", "obstacle"),
    [
        ('type: "Concat" bottom: "x" bottom: "x" concat_param { axis: 0 }', "no axis of its own"),
        ('type: "Flatten" bottom: "x" flatten_param { axis: 0 }', "no axis of its own"),
        (
            'type: "Reshape" bottom: "x" reshape_param { shape { dim: 4 dim: 3 } }',
            "number of values",
        ),
        ('type: "Scale" bottom: "x" scale_param { axis: 0 }', "has weights of this size"),
    ],
)
def test_what_fixes_the_batch_is_said(net_of: NetOf, text: str, obstacle: str) -> None:
    net = net_of(f'layer {{ name: "l" top: "y" {text} }}', {"l": [np.ones(2)]}, x=(2, 6))
    model = lower(net)
    assert model.inputs == {"x": (2, 6)}
    (warning,) = model.warnings
    assert warning.startswith("the batch is fixed at 2: ")
    assert obstacle in warning


def test_a_batch_that_may_not_be_smaller_is_fixed(net_of: NetOf) -> None:
    """What is cut from a batch of five would be there in six, and is not in one."""
    text = """layer { name: "l" type: "Crop" bottom: "x" bottom: "like" top: "y"
              crop_param { axis: 0 } }"""
    model = lower(net_of(text, x=(5, 4), like=(3, 4)))
    assert model.outputs == {"y": (3, 4)}
    assert model.warnings == ("the batch is fixed at 5: the crop extends beyond the input",)


def test_unrolled_layers_fix_the_length(net_of: NetOf) -> None:
    model = lower(net_of(LSTM, LSTM_WEIGHTS, x=(4, 3, 2), c=(4, 3)))
    assert model.outputs == {"y": (4, 3, 1)}
    assert "unrolled" in model.warnings[0]
