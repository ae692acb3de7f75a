from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.errors import ShapeError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

rng = np.random.default_rng(0)
STEPS, STREAMS, CLASSES = 9, 5, 4
X = rng.standard_normal((STEPS, STREAMS, CLASSES))
X[3:6, 0] = [[1, 1, 0, 1], [0, 2, 2, 0], [0, 2, 2, 0]]  # the first of equals, and it again
GOES_ON = np.ones((STREAMS, STEPS))
GOES_ON[:, 0] = 0
GOES_ON[1, 4:] = 0  # it ends
GOES_ON[2, 3] = 0  # it ends, whatever comes behind
GOES_ON[3, 1] = 0  # one step only
GOES_ON[4, 0] = 1


def decoded(x: Any, goes_on: Any, blank: int, merge: bool) -> tuple[Any, Any]:
    texts = np.full((STEPS, STREAMS, 1, 1), -1.0)
    scores = np.zeros((STREAMS, 1, 1, 1))
    for stream in range(STREAMS):
        before, length = -1, 0
        for step in range(STEPS):
            if step > 0 and goes_on[step, stream] == 0:
                break
            best = int(np.argmax(x[step, stream]))
            scores[stream] -= x[step, stream, best]
            if best != blank and not (merge and best == before):
                texts[length, stream] = best
                length += 1
            before = best
    return texts, scores


@pytest.mark.parametrize("settings", ["", "blank_index: 1"])
@pytest.mark.parametrize("merge", [True, False])
def test_greedy_decoder(
    net_of: Callable[..., Net], run: Callable[..., Any], settings: str, merge: bool
) -> None:
    text = f"""layer {{ name: "l" type: "CTCGreedyDecoder" bottom: "x" bottom: "on" top: "t"
        top: "s" ctc_decoder_param {{ {settings} ctc_merge_repeated: {str(merge).lower()} }} }}"""
    model = lower(net_of(text, x=X.shape, on=GOES_ON.T.shape))
    assert any("unrolled" in warning for warning in model.warnings)
    results = run(model, x=X, on=GOES_ON.T)
    blank = 1 if settings else CLASSES - 1
    texts, scores = decoded(X, GOES_ON.T, blank, merge)
    assert_close(results["t"], texts)
    assert_close(results["s"], scores)


def test_indicators_with_more_axes(one_layer: Callable[..., Any]) -> None:
    expected, _ = decoded(X, GOES_ON.T, CLASSES - 1, merge=True)
    on = GOES_ON.T[..., None, None]
    assert_close(one_layer("CTCGreedyDecoder", x=X, on=on), expected)


def test_indicators_that_do_not_fit(one_layer: Callable[..., Any]) -> None:
    with pytest.raises(ShapeError, match="indicators do not fit"):
        one_layer("CTCGreedyDecoder", x=X, on=GOES_ON)


@pytest.mark.parametrize("settings", ["blank_index: -1", "blank_index: 1"])
@pytest.mark.parametrize("merge", [True, False])
def test_a_sequence_without_indicators(
    one_layer: Callable[..., Any], settings: str, merge: bool
) -> None:
    """ctc_decoder_layer.cpp of dlunion/CC4.0: all steps count, and streams come first."""
    text = f"ctc_decoder_param {{ {settings} ctc_merge_repeated: {str(merge).lower()} }}"
    blank = 1 if settings.endswith(": 1") else CLASSES - 1
    texts, _ = decoded(X, np.ones((STEPS, STREAMS)), blank, merge)
    labels = one_layer("CTCGreedyDecoder", text, x=X)
    assert_close(labels, texts.transpose(1, 0, 2, 3))


def test_a_sequence_without_indicators_says_its_blank(one_layer: Callable[..., Any]) -> None:
    with pytest.raises(ShapeError, match="forks differ"):
        one_layer("CTCGreedyDecoder", x=X)
