from __future__ import annotations

import numpy as np
import pytest

from bridge.layout import Array, Layout, Weight

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
    weight = Weight(lambda: KERNEL, KERNEL.shape, Layout.plain(KERNEL.shape))
    assert np.shares_memory(weight.array(), KERNEL)


def test_values_may_come_flat() -> None:
    weight = Weight(KERNEL.ravel, KERNEL.shape, OIHW_TO_HWIO)
    assert np.array_equal(weight.array(), KERNEL.transpose(2, 3, 1, 0))


def test_a_scalar_stays_a_scalar() -> None:
    assert Weight(lambda: np.array(2.0), (), Layout.plain(())).array().shape == ()


def test_another_layout_leaves_the_first_weight_alone() -> None:
    plain = Weight(lambda: KERNEL, KERNEL.shape, Layout.plain(KERNEL.shape))
    other = plain.with_layout(OIHW_TO_HWIO)
    assert plain.array().shape == (2, 3, 3, 3)
    assert other.array().shape == (3, 3, 3, 2)


def test_the_layout_must_be_one_of_this_tensor() -> None:
    with pytest.raises(ValueError, match=r"a weight of \(2, 3, 3, 3\) cannot be stored as n c"):
        Weight(lambda: KERNEL, KERNEL.shape, Layout.plain((2, 27)))
