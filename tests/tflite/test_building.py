"""Operands and shapes."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.tflite.building import (
    axes_of,
    broadcast,
    inferred,
    operands,
    refuse_axes,
    reshaped,
    shape_of,
    squeezed,
)
from bridge.tflite.graph import Dims, Graph, NotWrittenError, Tensor


def tensor(*shape: int | None, dtype: str = "float32") -> Tensor:
    return Tensor("x", shape, dtype)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ((2, 1), (3,), (2, 3)),
        ((None, 4), (1, 1), (None, 4)),
        ((None, 4), (5, 4), (5, 4)),
        ((), (2,), (2,)),
    ],
)
def test_two_shapes_together(one: Dims, other: Dims, both: Dims) -> None:
    assert broadcast(one, other) == broadcast(other, one) == both


def test_shapes_that_do_not_fit_are_said() -> None:
    with pytest.raises(NotWrittenError, match="sizes of 2 and 3"):
        broadcast((2,), (3,))


def test_a_number_takes_on_the_dtype_of_the_tensor() -> None:
    g = Graph()
    _, number = operands(g, tensor(2), 5)
    assert number.dtype == "float32"
    _, number = operands(g, tensor(2, dtype="int32"), 5)
    assert number.dtype == "int32"
    for value in (0.5, np.float32(1)):
        with pytest.raises(NotWrittenError):
            operands(g, tensor(2, dtype="int32"), value)
    with pytest.raises(NotWrittenError, match="constants alone"):
        operands(g, 1, 2)


def test_axes_count_from_the_end_as_well() -> None:
    assert axes_of((-1, 0), 3) == (0, 2)
    assert axes_of(None, 2) == (0, 1)
    with pytest.raises(NotWrittenError, match="axis 3 of 3"):
        axes_of(3, 3)
    with pytest.raises(NotWrittenError, match="6 axes"):
        refuse_axes(tensor(1, 1, 1, 1, 1, 1))


def test_a_size_that_is_left_is_worked_out_where_it_can_be() -> None:
    assert inferred(tensor(2, 6), (3, -1)) == (3, 4)
    assert inferred(tensor(None, 6), (-1, 3)) == (None, 3)


def test_at_most_one_size_of_a_new_shape_is_free() -> None:
    g, x = Graph(), tensor(None, 6)
    assert reshaped(g, x, (None, 6)) is x
    reshaped(g, x, (None, 2, 3))
    (operator,) = g.operators
    assert operator.inputs[1].data.array().tolist() == [-1, 2, 3]
    with pytest.raises(NotWrittenError, match="several sizes are free"):
        reshaped(g, x, (None, None))


def test_only_an_axis_of_size_1_is_squeezed() -> None:
    assert squeezed(Graph(), tensor(2, 1, 3), [1]).shape == (2, 3)
    for shape in ((2, 2), (2, None)):
        with pytest.raises(NotWrittenError):
            squeezed(Graph(), tensor(*shape), [1])


def test_free_sizes_are_read_from_the_tensor() -> None:
    g = Graph()
    assert shape_of(g, tensor(2), (2, 3)).data is not None
    assert not g.operators
    shape_of(g, tensor(None, 2), (None, 4))
    assert [o.code for o in g.operators] == ["SHAPE", "STRIDED_SLICE", "PACK"]
