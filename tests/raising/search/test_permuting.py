"""From one layout to another, in Keras."""

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


def execute(recorder: Recorder, x: object) -> np.ndarray:
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


def rearranged(source: Layout, target: Layout) -> Recorder:
    recorder = Recorder()
    rearrange(recorder, Ref(0), source, target)
    return recorder


@settings(max_examples=200)
@given(st.data())
def test_any_layout_becomes_any_other(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES))
    source, target = data.draw(layouts(shape)), data.draw(layouts(shape))
    x = np.arange(np.prod(shape)).reshape(shape)
    calls = rearranged(source, target)
    np.testing.assert_array_equal(execute(calls, source.apply(x)), target.apply(x))


def test_the_same_layout_needs_no_call() -> None:
    last = Layout.ordered((2, 3, 4, 5), (0, 2, 3, 1))
    assert rearranged(last, last).calls == []


def test_whole_axes_need_one_permute() -> None:
    identity = Layout.identity(("batch", 3, 4, 5))
    last = Layout.ordered(("batch", 3, 4, 5), (0, 2, 3, 1))
    (call,) = rearranged(identity, last).calls
    assert (call.target, call.options) == ("layers.Permute", {"dims": (2, 3, 1)})


def test_a_permute_that_moves_the_batch_is_a_transpose() -> None:
    (call,) = rearranged(Layout.identity((2, 3)), Layout.ordered((2, 3), (1, 0))).calls
    assert (call.target, call.options) == ("ops.transpose", {"axes": (1, 0)})


def test_without_common_atoms_the_way_is_by_the_identity_layout() -> None:
    source, target = Layout(((2, 3),), ((1, 0),)), Layout(((3, 2),), ((1, 0),))
    x, calls = np.arange(6), rearranged(source, target)
    np.testing.assert_array_equal(execute(calls, source.apply(x)), target.apply(x))


CONCATENATED = Layout.concatenated([Layout.identity((2,)), Layout(((2, 2),), ((1, 0),))])


def test_a_concatenated_axis_that_shares_a_stored_axis_with_an_unknown_size() -> None:
    """It was gathered together with the other axis, whose size is not known."""
    source = Layout((("batch",), (1,), CONCATENATED.atoms), ((1,), (0, 2)))
    target, x = Layout.identity(("batch", 1, 6)), np.arange(12).reshape(2, 1, 6)
    np.testing.assert_array_equal(execute(rearranged(source, target), source.apply(x)), x)
    np.testing.assert_array_equal(execute(rearranged(target, source), x), source.apply(x))


def test_a_concatenated_axis_that_both_layouts_have_is_not_gathered() -> None:
    axes = (("batch",), CONCATENATED.atoms, (4,))
    source, target = Layout(axes, ((0,), (1,), (2,))), Layout(axes, ((0,), (2,), (1,)))
    calls = rearranged(source, target)
    assert [call.target for call in calls.calls] == ["layers.Permute"]
    x = np.arange(48).reshape(2, 6, 4)
    np.testing.assert_array_equal(execute(calls, source.apply(x)), target.apply(x))


@pytest.mark.parametrize(
    ("source", "target", "call", "options"),
    [
        (("batch", 3, 4), ("batch", 12), "layers.Flatten", {}),
        (("batch", 12), ("batch", 3, 4), "layers.Reshape", {"target_shape": (3, 4)}),
        (("batch", 3, "h"), ("batch", 1, 3, "h"), "ops.expand_dims", {"axis": (1,)}),
        (("batch", 1, "h", 1), ("batch", "h"), "ops.squeeze", {"axis": (1, 3)}),
        (("batch", 6), ("2*batch", 3), "ops.reshape", {"newshape": (-1, 3)}),
        ((), (1, 1), "ops.reshape", {"newshape": (1, 1)}),
    ],
)
def test_reshape(
    source: tuple[object, ...], target: tuple[object, ...], call: str, options: dict[str, object]
) -> None:
    recorder = Recorder()
    reshape(recorder, Ref(0), source, target)
    assert (recorder.calls[0].target, recorder.calls[0].options) == (call, options)


def test_a_reshape_with_two_unknown_sizes_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="more than one unknown size"):
        reshape(Recorder(), Ref(0), ("batch", "h", "w", 6), ("batch", "h", "w", 2, 3))
