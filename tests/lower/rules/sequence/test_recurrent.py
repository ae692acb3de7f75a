from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.errors import ShapeError, UnsupportedLayerError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

rng = np.random.default_rng(0)
STEPS, STREAMS, INPUTS, HIDDEN, STATIC = 4, 2, 3, 5, 2
X = rng.standard_normal((STEPS, STREAMS, INPUTS))
CONT = np.float64([[0, 1], [1, 1], [0, 1], [1, 0]])
FIXED = rng.standard_normal((STREAMS, STATIC))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("exposed", [False, True])
@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_against_the_formulas(
    net_of: Callable[..., Net], run: Callable[..., Any], kind: str, exposed: bool, static: bool
) -> None:
    gates = HIDDEN * (4 if kind == "LSTM" else 1)
    states = (2 if kind == "LSTM" else 1) if exposed else 0
    weights = [rng.standard_normal((gates, INPUTS)), rng.standard_normal(gates)]
    weights += [rng.standard_normal((gates, STATIC))] if static else []
    weights += [rng.standard_normal((gates, HIDDEN))]
    if kind == "RNN":
        weights += [rng.standard_normal((HIDDEN, HIDDEN)), rng.standard_normal(HIDDEN)]
    inputs = {"x": X, "cont": CONT, **({"fixed": FIXED} if static else {})}
    inputs |= {f"s{i}": rng.standard_normal((1, STREAMS, HIDDEN)) for i in range(states)}
    tops = ["y", *(f"t{i}" for i in range(states))]

    text = f"""layer {{ name: "l" type: "{kind}"
        {" ".join(f'bottom: "{name}"' for name in inputs)}
        {" ".join(f'top: "{name}"' for name in tops)}
        recurrent_param {{ num_output: {HIDDEN} expose_hidden: {str(exposed).lower()} }} }}"""
    shapes = {name: np.shape(array) for name, array in inputs.items()}
    results = run(lower(net_of(text, {"l": weights}, **shapes)), **inputs)

    fed = X @ weights[0].T + weights[1] + (FIXED @ weights[2].T if static else 0)
    recurrent = weights[3 if static else 2]
    start = [inputs[f"s{i}"][0] for i in range(states)] or [np.zeros((STREAMS, HIDDEN))] * 2
    h, c = start[0], start[-1]
    y = []
    for step in range(STEPS):
        on = CONT[step][:, None]
        inner = fed[step] + (on * h) @ recurrent.T
        if kind == "LSTM":
            i, f, o = _sigmoid(inner.reshape(STREAMS, 4, HIDDEN)[:, :3]).swapaxes(0, 1)
            c = on * f * c + i * np.tanh(inner[:, 3 * HIDDEN :])
            h = o * np.tanh(c)
            y.append(h)
        else:
            h = np.tanh(inner)
            y.append(np.tanh(h @ weights[-2].T + weights[-1]))
    assert_close(results["y"], np.stack(y))
    for name, state in zip(tops[1:], (h, c), strict=False):
        assert_close(results[name], state[None])


LSTM = """layer { name: "l" type: "LSTM" bottom: "x" bottom: "c" top: "y"
          recurrent_param { num_output: 5 } }"""
INDICATOR = """layer { name: "c" type: "ContinuationIndicator" top: "c"
               continuation_indicator_param { time_step: 4 batch_size: 2 } }"""


def test_a_sequence_that_goes_straight_on_is_onnxs_own(
    net_of: Callable[..., Net], run: Callable[..., Any]
) -> None:
    weights = [rng.standard_normal(shape) for shape in ((20, INPUTS), (20,), (20, HIDDEN))]
    unrolled = lower(net_of(LSTM, {"l": weights}, x=X.shape, c=CONT.shape))
    own = lower(net_of(INDICATOR + LSTM, {"l": weights}, x=X.shape))
    assert [node.op_type for node in own.proto.graph.node] == ["Identity", "LSTM", "Squeeze"]
    assert "LSTM" not in {node.op_type for node in unrolled.proto.graph.node}
    straight = np.ones((STEPS, STREAMS))
    straight[0] = 0
    assert_close(run(own, x=X)["y"], run(unrolled, x=X, c=straight)["y"])


def test_memory_from_run_to_run_is_warned_of(net_of: Callable[..., Net]) -> None:
    weights = [rng.standard_normal(shape) for shape in ((20, INPUTS), (20,), (20, HIDDEN))]
    fed = lower(net_of(LSTM, {"l": weights}, x=X.shape, c=CONT.shape))
    assert any("begins with a state of zeros" in warning for warning in fed.warnings)
    # The first step of an indicator lets nothing in.
    own = lower(net_of(INDICATOR + LSTM, {"l": weights}, x=X.shape))
    assert not any("zeros" in warning for warning in own.warnings)


def _forks_lstm(x: Any, cont: Any, weight: Any, recurrent: Any, bias: Any) -> Any:
    """x: t n i → t n h, as an LSTM whose streams begin where cont is 0"""
    h = c = np.zeros((x.shape[1], HIDDEN))
    y = []
    for step, on in zip(x, cont[..., None], strict=True):
        inner = step @ weight.T + bias + (on * h) @ recurrent.T
        i, f, o = _sigmoid(inner.reshape(-1, 4, HIDDEN)[:, :3]).swapaxes(0, 1)
        c = on * f * c + i * np.tanh(inner[:, 3 * HIDDEN :])
        h = o * np.tanh(c)
        y.append(h)
    return np.stack(y)


FORKS_WEIGHTS = [rng.standard_normal(shape) for shape in ((20, INPUTS), (20, HIDDEN), (20,))]


class TestForksLstm:
    @pytest.mark.parametrize("has_cont", [False, True])
    @pytest.mark.parametrize("flat", [False, True])
    def test_against_the_formulas(
        self, one_layer: Callable[..., Any], flat: bool, has_cont: bool
    ) -> None:
        cont = CONT if has_cont else np.ones_like(CONT)
        expected = _forks_lstm(X, cont, *FORKS_WEIGHTS)
        x, text = X, "num_output: 5 clipping_threshold: 0.1"
        if flat:
            x, text = X.reshape(-1, INPUTS, 1, 1), text + " batch_size: 2"
            expected = expected.reshape(-1, HIDDEN)
        inputs = {"x": x, **({"cont": cont.reshape(-1, 1)} if has_cont else {})}
        y = one_layer("Lstm", f"lstm_param {{ {text} }}", weights=FORKS_WEIGHTS, **inputs)
        assert_close(y, expected)

    def test_a_sequence_that_goes_straight_on_is_onnxs_own(
        self, net_of: Callable[..., Net]
    ) -> None:
        text = """layer { name: "l" type: "Lstm" bottom: "x" top: "y"
                  lstm_param { num_output: 5 } }"""
        model = lower(net_of(text, {"l": FORKS_WEIGHTS}, x=X.shape))
        assert [node.op_type for node in model.proto.graph.node] == ["LSTM", "Squeeze"]
        assert any("unrolled" in warning for warning in model.warnings)

    @pytest.mark.parametrize(
        ("shape", "settings", "problem"),
        [
            ((4, 2, 3), "num_output: 5 batch_size: 2", "is ambiguous"),
            ((5, 3), "num_output: 5 batch_size: 2", "does not fit batch_size"),
            ((4, 2, 3), "", "must be positive"),
            ((4,), "num_output: 5", "2 axes or more"),
        ],
    )
    def test_what_does_not_fit(
        self, one_layer: Callable[..., Any], shape: tuple[int, ...], settings: str, problem: str
    ) -> None:
        with pytest.raises(ShapeError, match=problem):
            one_layer("Lstm", f"lstm_param {{ {settings} }}", x=np.zeros(shape))

    def test_cont_that_does_not_fit(self, one_layer: Callable[..., Any]) -> None:
        with pytest.raises(ShapeError, match="cont does not fit"):
            one_layer("Lstm", "lstm_param { num_output: 5 }", x=X, cont=CONT[:3])


def test_very_many_steps_are_not_unrolled(net_of: Callable[..., Net]) -> None:
    shapes = {"x": (5001, 1, 2), "c": (5001, 1)}
    blobs = [np.zeros(shape) for shape in ((20, 2), (20,), (20, 5))]
    with pytest.raises(UnsupportedLayerError, match="too many would have to be unrolled"):
        lower(net_of(LSTM, {"l": blobs}, **shapes))
