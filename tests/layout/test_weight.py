from __future__ import annotations

import mmap
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bridge.layout import Layout, Span, Traced, Weight, release
from bridge.types import Array

KERNEL = np.arange(54.0).reshape(2, 3, 3, 3)
OIHW_TO_HWIO = Layout.ordered(KERNEL.shape, (2, 3, 1, 0))


def test_a_weight_is_read_only_when_asked_and_not_kept() -> None:
    reads = []

    def read() -> Array:
        reads.append("read")
        return KERNEL

    weight = Weight(KERNEL.shape, read, layout=OIHW_TO_HWIO)
    assert weight.stored_shape == (3, 3, 3, 2)
    assert reads == []
    assert np.array_equal(weight.array(), KERNEL.transpose(2, 3, 1, 0))
    assert reads == ["read"]


def test_the_stored_array_is_contiguous() -> None:
    weight = Weight(KERNEL.shape, lambda: KERNEL, layout=OIHW_TO_HWIO)
    assert weight.array().flags.c_contiguous


def test_what_is_stored_as_read_is_not_copied() -> None:
    weight = Weight(KERNEL.shape, lambda: KERNEL)
    assert np.shares_memory(weight.array(), KERNEL)


def test_values_may_come_flat() -> None:
    weight = Weight(KERNEL.shape, KERNEL.ravel, layout=OIHW_TO_HWIO)
    assert np.array_equal(weight.array(), KERNEL.transpose(2, 3, 1, 0))


def test_a_scalar_stays_a_scalar() -> None:
    assert Weight((), lambda: np.array(2.0)).array().shape == ()


def test_another_layout_leaves_the_first_weight_alone() -> None:
    plain = Weight(KERNEL.shape, lambda: KERNEL)
    other = plain.with_layout(OIHW_TO_HWIO)
    assert plain.array().shape == (2, 3, 3, 3)
    assert other.array().shape == (3, 3, 3, 2)


def test_the_layout_must_be_one_of_this_tensor() -> None:
    with pytest.raises(ValueError, match=r"a weight of \(2, 3, 3, 3\) cannot be stored as n c"):
        Weight(KERNEL.shape, lambda: KERNEL, layout=Layout.identity((2, 27)))


def test_a_weight_is_made_of_its_constants() -> None:
    one, two = (Weight((2,), lambda: np.array([1.0, 2.0]), name=name) for name in "ab")
    both = Weight.derived((4,), lambda a, b: np.concatenate([a, b]), one, two)
    twice = Weight.derived((2, 2), lambda x: 2 * x, both).with_layout(
        Layout.ordered((2, 2), (1, 0))
    )
    assert twice.constants == (one, two)
    assert np.array_equal(twice.array(), [[2, 2], [4, 4]])
    others = {"a": np.array([5.0, 6.0]), "b": np.array([7.0, 8.0])}
    computed = twice.computed_from(lambda weight: others.get(weight.name))
    assert np.array_equal(computed, [[10, 14], [12, 16]])


def test_atoms_of_size_1_are_worth_no_reshape() -> None:
    layout = Layout(((10,), (64, 1, 1)), ((2, 3, 1), (0,)))
    weight = Weight((10, 64), lambda: np.arange(640.0), layout=layout, name="w")
    assert str(weight.computed_from(lambda source: Traced("w", source.shape))) == "w.T"
    assert np.array_equal(weight.array(), np.arange(640.0).reshape(10, 64).T)


def test_a_derived_weight_ends_in_those_without_sources() -> None:
    one, two, three = (
        Weight((2,), partial(np.full, 2, value), name=str(value)) for value in (1, 2, 3)
    )
    total = replace(Weight.derived((2,), np.add, one, two), name="total")
    weight = Weight.derived((2,), np.multiply, total, three)
    assert weight.leaves == (one, two, three)
    assert weight.constants == (total, three)
    others = {one: np.array([1, 2]), two: np.array([3, 4]), three: np.array([5, 6])}
    np.testing.assert_array_equal(weight.computed_from(others.get), [20, 36])


def test_the_bytes_of_another_layout_are_in_no_file() -> None:
    weight = Weight((2,), lambda: np.ones(2), Span(Path("net"), 0, 8), dtype=np.dtype(np.int64))
    assert weight.with_layout(Layout.identity((2,))).span is None
    assert Weight.derived((2,), np.negative, weight).dtype == np.int64


class Watched(mmap.mmap):
    """A mapping that counts how often it was let go."""

    times = 0

    def madvise(self, *advice: int) -> None:
        assert advice == (mmap.MADV_DONTNEED,)
        self.times += 1


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="Windows has no such advice")
def test_what_was_read_of_a_mapped_file_is_released() -> None:
    data = Watched(-1, 4096, access=mmap.ACCESS_READ)
    release(np.frombuffer(data, np.float32)[7:90].reshape(-1))
    release(np.zeros(7))
    release(np.frombuffer(bytes(4096), np.float32))
    assert data.times == 1


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="Windows has no such advice")
def test_what_can_be_written_is_not_released() -> None:
    data = Watched(-1, 4096)
    release(np.frombuffer(data, np.float32))
    assert data.times == 0


LARGE = np.arange(40 * 300.0 * 6, dtype=np.float32).reshape(40, 300, 6)


@pytest.mark.parametrize("size", [1, 24, 999, 5000, 100_000, 2**30])
@pytest.mark.parametrize(
    "layout",
    [
        None,
        Layout.ordered(LARGE.shape, (2, 1, 0)),
        Layout.ordered(LARGE.shape, (1, 2, 0)),
        Layout.ordered(LARGE.shape, (1, 2, 0)).grouped((300, 240)),
    ],
    ids=str,
)
def test_pieces_are_the_array_however_small_they_are(size: int, layout: Layout | None) -> None:
    weight = Weight(LARGE.shape, lambda: LARGE, layout=layout)
    pieces = [piece.copy() for piece in weight.pieces(size)]
    np.testing.assert_array_equal(np.concatenate(pieces), weight.array().ravel())
    assert max(piece.nbytes for piece in pieces) <= max(size, 40 * 6 * 4)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_large_array_is_copied_in_tiles_and_its_file_let_go(
    order: tuple[int, int], tmp_path: Path
) -> None:
    values = np.random.default_rng(0).normal(size=(500, 301)).astype(np.float32)
    path = tmp_path / "weights"
    path.write_bytes(values.tobytes())
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    layout = Layout.ordered(values.shape, order)
    weight = Weight(values.shape, lambda: np.frombuffer(data, np.float32), layout=layout)
    pieces = [piece.copy() for piece in weight.pieces(2**19)]
    assert len(pieces) == 2
    np.testing.assert_array_equal(np.concatenate(pieces), values.transpose(order).ravel())


def test_numbers_beyond_single_precision_are_infinite_without_a_warning() -> None:
    large = Weight((3,), lambda: np.float32([1e38, 0, -1e38]))
    array = Weight.derived((3,), lambda x: x / np.float32(1e-3), large).array()
    assert np.array_equal(array, np.float32([np.inf, 0, -np.inf]))


def test_nothing_has_no_pieces_and_a_number_one() -> None:
    assert [*Weight((0, 3), lambda: np.empty((0, 3), np.float32)).pieces()] == []
    assert [*Weight((), lambda: np.float32(2)).pieces()] == [2]
