"""From one store to another, in Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.search.permuting import rearrange, reshape
from tests.helpers.strategies.layouts import layouts

SHAPES = ((2, 3, 4), (4, 4, 4), (2, 6, 6), (1, 8, 1), (8, 6), (6,))


def carried_out(recorder: Recorder, x: object) -> np.ndarray:
    """The recorded calls, one after the other, on an array."""
    results = {0: x}
    for call in recorder.calls:
        group, kind = call.target.split(".")
        arguments = [results[a.call] if isinstance(a, Ref) else a for a in call.arguments]
        if group == "layers":
            results[call.id] = getattr(keras.layers, kind)(**call.options)(*arguments)
        else:
            results[call.id] = getattr(keras.ops, kind)(*arguments, **call.options)
    return np.asarray(results[max(results)])


def moved(have: Layout, want: Layout) -> Recorder:
    recorder = Recorder()
    rearrange(recorder, Ref(0), have, want)
    return recorder


@settings(max_examples=200)
@given(st.data())
def test_any_store_becomes_any_other(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES))
    have, want = data.draw(layouts(shape)), data.draw(layouts(shape))
    x = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(carried_out(moved(have, want), have.apply(x)), want.apply(x))


def test_the_same_store_needs_no_call() -> None:
    last = Layout.ordered((2, 3, 4, 5), (0, 2, 3, 1))
    assert moved(last, last).calls == []


def test_whole_axes_need_one_permute() -> None:
    plain = Layout.identity(("batch", 3, 4, 5))
    last = Layout.ordered(("batch", 3, 4, 5), (0, 2, 3, 1))
    (call,) = moved(plain, last).calls
    assert (call.target, call.options) == ("layers.Permute", {"dims": (2, 3, 1)})


def test_where_the_batch_moves_it_is_a_transpose() -> None:
    (call,) = moved(Layout.identity((2, 3)), Layout.ordered((2, 3), (1, 0))).calls
    assert (call.target, call.options) == ("ops.transpose", {"axes": (1, 0)})


def test_atoms_that_do_not_fit_lead_over_the_plain_order() -> None:
    have, want = Layout(((2, 3),), ((1, 0),)), Layout(((3, 2),), ((1, 0),))
    x = np.arange(6)
    np.testing.assert_array_equal(carried_out(moved(have, want), have.apply(x)), want.apply(x))


def test_a_joined_axis_beside_a_free_size_on_one_stored_axis() -> None:
    """It was gathered together with what shares its axis, whose size is not known."""
    part = Layout.concatenated([Layout.identity((2,)), Layout(((2, 2),), ((1, 0),))])
    have = Layout((("batch",), (1,), part.atoms), ((1,), (0, 2)))
    want, x = Layout.identity(("batch", 1, 6)), np.arange(12).reshape(2, 1, 6)
    np.testing.assert_array_equal(carried_out(moved(have, want), have.apply(x)), x)
    np.testing.assert_array_equal(carried_out(moved(want, have), x), have.apply(x))


@pytest.mark.parametrize(
    ("have", "want", "target", "options"),
    [
        (("batch", 3, 4), ("batch", 12), "layers.Flatten", {}),
        (("batch", 12), ("batch", 3, 4), "layers.Reshape", {"target_shape": (3, 4)}),
        (("batch", 3, "h"), ("batch", 1, 3, "h"), "layers.Reshape", {"target_shape": (1, 3, -1)}),
        (("batch", 6), ("2*batch", 3), "ops.reshape", {"newshape": (-1, 3)}),
        ((), (1, 1), "ops.reshape", {"newshape": (1, 1)}),
    ],
)
def test_reshape(
    have: tuple[object, ...], want: tuple[object, ...], target: str, options: dict[str, object]
) -> None:
    recorder = Recorder()
    reshape(recorder, Ref(0), have, want)
    assert (recorder.calls[0].target, recorder.calls[0].options) == (target, options)


def test_a_reshape_with_two_unknown_sizes_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="more than one unknown size"):
        reshape(Recorder(), Ref(0), ("batch", "h", "w", 3), ("batch", "h", "w", 1, 3))
