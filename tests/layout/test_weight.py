from __future__ import annotations

import numpy as np
import pytest

from bridge.layout import Array, Layout, Traced, Weight

KERNEL = np.arange(54.0).reshape(2, 3, 3, 3)
OIHW_TO_HWIO = Layout.ordered(KERNEL.shape, (2, 3, 1, 0))


def test_a_weight_is_read_once_and_only_when_asked() -> None:
    reads = []

    def read() -> Array:
        reads.append("read")
        return KERNEL

    weight = Weight(read, KERNEL.shape, OIHW_TO_HWIO)
    assert weight.stored_shape == (3, 3, 3, 2)
    assert reads == []
    assert np.array_equal(weight.array(), KERNEL.transpose(2, 3, 1, 0))
    assert weight.array() is weight.array()
    assert reads == ["read"]


def test_the_stored_array_is_contiguous() -> None:
    weight = Weight(lambda: KERNEL, KERNEL.shape, OIHW_TO_HWIO)
    assert weight.array().flags.c_contiguous


def test_what_is_stored_as_read_is_not_copied() -> None:
    weight = Weight(lambda: KERNEL, KERNEL.shape, Layout.identity(KERNEL.shape))
    assert np.shares_memory(weight.array(), KERNEL)


def test_values_may_come_flat() -> None:
    weight = Weight(KERNEL.ravel, KERNEL.shape, OIHW_TO_HWIO)
    assert np.array_equal(weight.array(), KERNEL.transpose(2, 3, 1, 0))


def test_a_scalar_stays_a_scalar() -> None:
    assert Weight(lambda: np.array(2.0), (), Layout.identity(())).array().shape == ()


def test_another_layout_leaves_the_first_weight_alone() -> None:
    plain = Weight(lambda: KERNEL, KERNEL.shape, Layout.identity(KERNEL.shape))
    other = plain.with_layout(OIHW_TO_HWIO)
    assert plain.array().shape == (2, 3, 3, 3)
    assert other.array().shape == (3, 3, 3, 2)


def test_the_layout_must_be_one_of_this_tensor() -> None:
    with pytest.raises(ValueError, match=r"a weight of \(2, 3, 3, 3\) cannot be stored as n c"):
        Weight(lambda: KERNEL, KERNEL.shape, Layout.identity((2, 27)))


def test_a_weight_is_made_of_its_constants() -> None:
    plain = Layout.identity((2,))
    one, two = (Weight(lambda: np.array([1.0, 2.0]), (2,), plain, name=name) for name in "ab")
    both = Weight(lambda a, b: np.concatenate([a, b]), (4,), Layout.identity((4,)), (one, two))
    twice = Weight(lambda x: 2 * x, (2, 2), Layout.ordered((2, 2), (1, 0)), (both,))
    assert twice.constants == (one, two)
    assert np.array_equal(twice.array(), [[2, 2], [4, 4]])
    others = {"a": np.array([5.0, 6.0]), "b": np.array([7.0, 8.0])}
    made = twice.computed_from(lambda constant: others[constant.name])
    assert np.array_equal(made, [[10, 14], [12, 16]])


def test_atoms_of_size_1_are_worth_no_reshape() -> None:
    layout = Layout(((10,), (64, 1, 1)), ((2, 3, 1), (0,)))
    weight = Weight(lambda: np.arange(640.0), (10, 64), layout, name="w")
    assert str(weight.computed_from(lambda each: Traced("w", each.shape))) == "w.T"
    assert np.array_equal(weight.array(), np.arange(640.0).reshape(10, 64).T)
