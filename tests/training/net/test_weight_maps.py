from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.raising.plan import Call, Plan
from bridge.training.net.weight_maps import CONSTANT, weight_maps
from tests.training.net.test_parameters import LAYER, of


def plan_of(*weights: Weight) -> Plan:
    calls = tuple(
        Call(i, f"l{i}", "layers.Dense", (), {}, {"kernel": w}) for i, w in enumerate(weights, 1)
    )
    return Plan("p", (), calls, (), {})


def test_each_number_is_found(tmp_path: Path) -> None:
    own = of(tmp_path, LAYER.format("a", ""))
    blob = own.ordered[0].blob
    padded = Weight((4, 2), lambda w: np.pad(w.T, ((0, 1), (0, 0))), sources=(blob,))
    ones = Weight((3,), lambda: np.ones(3, np.float32))
    weight_map, constant = weight_maps(plan_of(padded, ones), own)
    assert weight_map.positions.tolist() == [[0, 3], [1, 4], [2, 5], [CONSTANT, CONSTANT]]
    assert constant.is_constant
    values = np.arange(10, 16, dtype=np.float32)
    taken = weight_map.taken(values, np.zeros(1, np.float32))
    assert taken.tolist() == [[10, 13], [11, 14], [12, 15], [0, 0]]
    back = np.zeros(6, np.float32)
    weight_map.put(taken, back)
    assert (back == values).all()
    weight_map.add(taken, back)
    assert (back == 2 * values).all()


MOVED = [
    lambda w: w.T,
    lambda w: w.reshape(3, 2),
    lambda w: w.reshape(1, 2, 3).transpose(2, 0, 1).reshape(3, 2),
    lambda w: w.reshape((3, 1, 2)).transpose((1, 2, 0)),
]


@pytest.mark.parametrize("function", MOVED)
def test_a_blob_that_is_only_moved_is_no_list_of_positions(tmp_path: Path, function) -> None:
    """And the map says the same as such a list."""
    own = of(tmp_path, LAYER.format("a", ""))
    blob = own.ordered[0].blob
    numbers = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    shape = function(numbers).shape
    moved = Weight(shape, function, sources=(blob,))
    listed = Weight(shape, lambda w: function(w) + np.zeros(1), sources=(blob,))
    one, other = weight_maps(plan_of(moved, listed), own)
    assert one.steps is not None
    assert other.steps is None
    assert (one.positions == other.positions).all()
    values, zero = np.arange(10, 16, dtype=np.float32), np.zeros(1, np.float32)
    weight = one.taken(values, zero)
    assert not np.shares_memory(weight, values)
    assert (weight == function(values.reshape(2, 3))).all()
    for weight_map in (one, other):
        back = np.full(6, -1, np.float32)
        weight_map.put(weight, back)
        assert (back == values).all()
        weight_map.add(weight, back)
        assert (back == 2 * values).all()


def test_moves_of_numbers_take_no_time_by_their_count(tmp_path: Path) -> None:
    """A kernel of 10^12 numbers: what touches them would not end."""
    own = of(tmp_path, LAYER.format("a", ""))
    blob = replace(own.ordered[0].blob, shape=(10**6, 10**6))
    parameter = replace(own.ordered[0], shape=blob.shape)
    many = replace(own, ordered=(parameter,), by_key={parameter.key: parameter})
    (weight_map,) = weight_maps(plan_of(Weight(blob.shape, lambda w: w.T, sources=(blob,))), many)
    assert [step.order for step in weight_map.steps or ()].count((1, 0)) == 1


@pytest.mark.parametrize("function", [lambda w: 2 * w, lambda w: w + w[::-1], lambda w: -w])
def test_a_weight_that_is_computed_is_refused(tmp_path: Path, function) -> None:
    own = of(tmp_path, LAYER.format("a", ""))
    weight = Weight((2, 3), function, sources=(own.ordered[0].blob,))
    with pytest.raises(UnsupportedError, match=r"layer 'l1', kernel: a weight is computed"):
        weight_maps(plan_of(weight), own)


def test_a_trained_argument_of_an_operation_is_refused(tmp_path: Path) -> None:
    own = of(tmp_path, LAYER.format("a", ""))
    call = Call(1, "a", "ops.add", (own.ordered[0].blob,))
    with pytest.raises(UnsupportedError, match="no weight for a parameter that is trained"):
        weight_maps(Plan("p", (), (call,), (), {}), own)
    frozen = of(tmp_path, LAYER.format("a", "lr_mult: 0"))
    call = replace(call, arguments=(frozen.ordered[0].blob,))
    assert weight_maps(Plan("p", (), (call,), (), {}), frozen) == ()
