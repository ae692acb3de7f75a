"""Recurrent layers, beyond what the raising law draws: how natural they are, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.errors import BridgeError, UnsupportedOperatorError
from bridge.keras.build import build
from bridge.raising import Plan
from tests.helpers.archives import loaded_from_archive
from tests.helpers.keras_against_onnx import (
    Raised,
    graph,
    in_onnxruntime,
    plan_of,
    raise_and_compare,
    seeded,
)
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Operand,
    Tensor,
    nodes_of,
    sizes,
    values,
)

Array = NDArray[Any]

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
# Without Softplus: of what grows beyond 88, onnxruntime makes infinity.
_FUNCTIONS = st.sampled_from(
    ["Affine", "Elu", "HardSigmoid", "LeakyRelu", "Relu", "Sigmoid", "Softsign", "Tanh"]
)


@nodes_of("RNN", "GRU", "LSTM")
@st.composite
def recurrent(draw: Draw, operator: str) -> NodeExample:
    gates, states = GATES[operator], 2 if operator == "LSTM" else 1
    t, n, i, h = (draw(sizes(4)) for _ in range(4))
    direction = draw(st.sampled_from(["forward", "reverse", "bidirectional"]))
    d = 2 if direction == "bidirectional" else 1
    attributes: dict[str, Any] = {"hidden_size": h, "direction": direction}
    if operator == "GRU":
        attributes |= draw(st.sampled_from([{}, {"linear_before_reset": 1}]))
    attributes |= draw(_activations(operator, d))
    attributes |= draw(st.sampled_from([{}, {}, {"clip": 0.6}]))
    operands: list[Operand] = [
        Tensor(draw(values((t, n, i))), {0: "height", 1: "batch"}),
        draw(values((d, gates * h, i), -1, 1)),
        draw(values((d, gates * h, h), -1, 1)),
        draw(values((d, 2 * gates * h))) if draw(st.booleans()) else None,
        draw(_lengths(t, n)),
    ]
    operands += [draw(_state((d, n, h))) for _ in range(states)]
    if operator == "LSTM":
        attributes |= draw(st.sampled_from([{}, {"input_forget": 1}]))
        operands.append(draw(values((d, 3 * h))) if draw(st.integers(0, 3)) == 0 else None)
    absent = draw(st.sets(st.integers(0, states), max_size=states))
    return NodeExample(
        (operator,), tuple(operands), attributes, outputs=1 + states, absent=frozenset(absent)
    )


@st.composite
def _activations(draw: Draw, operator: str, directions: int) -> dict[str, Any]:
    if draw(st.booleans()):
        return {}
    own = [draw(_FUNCTIONS) for _ in range(directions * {"RNN": 1, "GRU": 2, "LSTM": 3}[operator])]
    if operator == "LSTM" and draw(st.booleans()):  # twice the same one, which is a layer
        own[2::3] = own[1::3]
    # Those that take some consume them in turn.
    alphas, betas = ([draw(st.sampled_from([-0.4, 0.2, 0.5])) for _ in own] for _ in range(2))
    return {"activations": own, "activation_alpha": alphas, "activation_beta": betas}


@st.composite
def _lengths(draw: Draw, t: int, n: int) -> Operand:
    form = draw(st.sampled_from(["none", "none", "all", "known", "free"]))
    if form == "none":
        return None
    lengths = np.array(draw(st.lists(st.integers(0, t), min_size=n, max_size=n)), np.int32)
    if form == "free":
        return Tensor(lengths, {0: "samples"})
    return lengths if form == "known" else np.full_like(lengths, t)


@st.composite
def _state(draw: Draw, shape: tuple[int, ...]) -> Operand:
    form = draw(st.sampled_from(["none", "zeros", "known", "free"]))
    if form == "none":
        return None
    if form == "zeros":
        return np.zeros(shape, np.float32)
    array = draw(values(shape))
    return array if form == "known" else Tensor(array, {1: "samples"})


# Examples


STEPS, BATCH, INPUTS, UNITS = 5, 2, 3, 4
X = seeded((STEPS, BATCH, INPUTS))
LAYERS = {"RNN": "SimpleRNN", "GRU": "GRU", "LSTM": "LSTM"}


def weights(operator: str, directions: int = 1) -> Mapping[str, Array]:
    rows = GATES[operator] * UNITS
    return {
        "w": seeded((directions, rows, INPUTS), 1),
        "r": seeded((directions, rows, UNITS), 2),
        "b": seeded((directions, 2 * rows), 3),
    }


def squeezed(operator: str, attributes: str = "") -> onnx.ModelProto:
    """The output of all steps, as one direction has it."""
    text = f"""g (float[t,n,{INPUTS}] x) => (float[t,n,{UNITS}] y) {{
        all = {operator}<hidden_size={UNITS}{attributes}>(x, w, r, b)
        y = Squeeze(all, axes)
    }}"""
    model = graph(text, {**weights(operator), "axes": np.array([1])})
    # Named as the output, the layer needs no Identity of that name behind it.
    model.graph.node[0].name, model.graph.node[1].name = "y", "squeezed"
    return model


def layer_of(plan: Plan) -> Any:
    (call,) = (item for item in plan.calls if item.weights)
    return call


@pytest.mark.parametrize("operator", GATES)
def test_a_sequence_is_one_layer_and_lies_batch_first(operator: str) -> None:
    raised = raise_and_compare(squeezed(operator), {"x": X})
    assert [str(raised.plan.values[name].layout) for name in "xy"] == ["n c w -> c n w"] * 2
    assert not raised.plan.permutations
    layer = raised.model.layers[-1]
    assert type(layer) is getattr(keras.layers, LAYERS[operator])
    assert raised.model.output is layer.output
    assert layer.return_sequences
    assert not layer.return_state


@pytest.mark.parametrize("operator", GATES)
def test_onnx_gets_time_first(operator: str) -> None:
    raised = raise_and_compare(squeezed(operator), {"x": X}, "onnx")
    assert raised.model.output.shape == (None, None, UNITS)
    assert len(raised.plan.permutations) == 2


def test_the_last_step_alone_is_what_keras_gives_by_itself() -> None:
    text = f"""g (float[t,n,{INPUTS}] x) => (float[n,{UNITS}] y) {{
        "", end = LSTM<hidden_size={UNITS}>(x, w, r, b)
        y = Squeeze(end, axes)
    }}"""
    model = graph(text, {**weights("LSTM"), "axes": np.array([0])})
    call = layer_of(raise_and_compare(model, {"x": X}).plan)
    assert call.options == {"units": UNITS, "unit_forget_bias": False}


@pytest.mark.parametrize("operator", GATES)
def test_two_directions_lie_side_by_side_as_exporters_want_them(operator: str) -> None:
    text = f"""g (float[t,n,{INPUTS}] x) => (float[t,n,{2 * UNITS}] y) {{
        all = {operator}<hidden_size={UNITS}, direction="bidirectional">(x, w, r, b)
        turned = Transpose<perm=[0,2,1,3]>(all)
        y = Reshape(turned, shape)
    }}"""
    model = graph(text, {**weights(operator, 2), "shape": np.array([0, 0, -1])})
    plan = raise_and_compare(model, {"x": X}).plan
    assert not plan.permutations
    kinds = [call.target.split(".")[1] for call in plan.calls]
    assert kinds == [LAYERS[operator], LAYERS[operator], "flip", "Concatenate"]


@pytest.mark.parametrize("operator", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_batch_first(operator: str, direction: str) -> None:
    """onnxruntime refuses `layout` 1, which is but another name for the axes."""
    directions = 2 if direction == "bidirectional" else 1
    constants = weights(operator, directions)
    begin = seeded((directions, BATCH, UNITS), 4)
    feeds = {"x": X.swapaxes(0, 1), "h": begin.swapaxes(0, 1)}

    def model(layout: int) -> onnx.ModelProto:
        shapes = [f"float[{BATCH},t,{INPUTS}] x", f"float[{BATCH},{directions},{UNITS}] h"]
        if not layout:
            shapes = [f"float[t,{BATCH},{INPUTS}] x", f"float[{directions},{BATCH},{UNITS}] h"]
        attributes = f'hidden_size={UNITS}, direction="{direction}", layout={layout}'
        return graph(
            f"""g ({", ".join(shapes)}) => (float[a,b,c,d] y, float[e,f,g] end) {{
                y, end = {operator}<{attributes}>(x, w, r, b, "", h)
            }}""",
            constants,
        )

    expected = in_onnxruntime(model(0), {"x": X, "h": begin})
    plan = plan_of(model(1))
    received = Raised(plan, build(plan)).run(feeds)
    assert plan.inputs[0].shape == (BATCH, "t", INPUTS)
    np.testing.assert_allclose(received["y"], expected["y"].transpose(2, 0, 1, 3), atol=1e-5)
    np.testing.assert_allclose(received["end"], expected["end"].swapaxes(0, 1), atol=1e-5)


@pytest.mark.parametrize("function", ["Elu", "Relu", "Sigmoid", "Softplus", "Softsign", "Tanh"])
@pytest.mark.parametrize("operator", GATES)
def test_activations(operator: str, function: str) -> None:
    own = {"RNN": [function], "GRU": ["Tanh", function], "LSTM": ["Tanh", function, function]}
    names = ", ".join(f'"{name}"' for name in own[operator])
    model = squeezed(operator, f", activations=[{names}]")
    call = layer_of(raise_and_compare(model, {"x": X}).plan)
    assert call.options.get("activation", "tanh") == function.lower()


def test_a_layer_behind_padding_does_not_see_the_mask() -> None:
    """Keras hands a mask on by itself; what ONNX gives out behind the end is 0, and no padding."""
    text = f"""g (float[{STEPS},n,{UNITS}] x, int32[n] lengths) => (float[t,d,n,{UNITS}] y) {{
        all = LSTM<hidden_size={UNITS}>(x, w, r, b, lengths)
        one = Squeeze(all, axes)
        y = LSTM<hidden_size={UNITS}>(one, w, r, b)
    }}"""
    rows = 4 * UNITS
    constants = {
        "w": seeded((1, rows, UNITS), 1),
        "r": seeded((1, rows, UNITS), 2),
        "b": seeded((1, 2 * rows), 3),
        "axes": np.array([1]),
    }
    lengths = np.array([2, STEPS], np.int32)
    feeds = {"x": seeded((STEPS, BATCH, UNITS)), "lengths": lengths}
    raise_and_compare(graph(text, constants), feeds)


def test_lengths_may_be_of_sequences_of_any_length() -> None:
    text = f"""g (float[t,n,{INPUTS}] x, int32[n] lengths) => (float[t,d,n,{UNITS}] y) {{
        y = GRU<hidden_size={UNITS}, direction="reverse">(x, w, r, b, lengths)
    }}"""
    feeds = {"x": X, "lengths": np.array([2, STEPS], np.int32)}
    raise_and_compare(graph(text, weights("GRU")), feeds)


def kinds_of(model: onnx.ModelProto) -> list[str]:
    plan = raise_and_compare(model, {"x": X}).plan
    return [call.target.split(".")[1] for call in plan.calls if call.again is None]


@pytest.mark.parametrize("function", ["Sigmoid", "HardSigmoid"])
def test_gates_that_are_one_are_a_layer_with_negated_weights(function: str) -> None:
    names = f'activations=["{function}", "Tanh", "Tanh"]'
    assert kinds_of(squeezed("LSTM", f", input_forget=1, {names}")) == ["LSTM"]


@pytest.mark.parametrize("function", ["Affine", "ScaledTanh", "ThresholdedRelu"])
def test_an_activation_with_parameters_is_that_of_a_layer(function: str) -> None:
    names = f'activations=["HardSigmoid", "{function}"], activation_alpha=[0.3, 0.2]'
    model = squeezed("GRU", f", {names}, activation_beta=[0.4, 0.1], clip=0.5")
    assert kinds_of(model) == ["GRU"]


@pytest.mark.parametrize("operator", GATES)
def test_one_step_of_training_moves_every_weight(operator: str) -> None:
    plan = plan_of(squeezed(operator))
    model = build(plan)
    before = [weight.numpy().copy() for weight in model.trainable_weights]
    assert [np.shape(weights_) for weights_ in before[:2]] == [
        (INPUTS, GATES[operator] * UNITS),
        (UNITS, GATES[operator] * UNITS),
    ]
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    y = seeded((BATCH, STEPS, UNITS), 5)
    model.fit(X.swapaxes(0, 1), y, batch_size=BATCH, epochs=1, verbose=0)
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert (old != weight.numpy()).all()


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        ("LSTM<hidden_size=4>(x, w, r, b, '', '', '', p)", "time steps of unknown size"),
        ("LSTM<hidden_size=4, clip=3.0>(x, w, r, b)", "time steps of unknown size"),
        ("LSTM<hidden_size=4, clip=0.0>(x, w, r, b)", "a clip that leaves nothing"),
        ("LSTM<hidden_size=4, activations=['Sigmoid','Tanh','Relu']>(x, w, r, b)", "one activ"),
        ("LSTM<hidden_size=4, activations=['Gelu','Tanh','Tanh']>(x, w, r, b)", "activation"),
        ("LSTM<hidden_size=4, activations=['Sigmoid','Tanh']>(x, w, r, b)", "too few activ"),
        ("RNN<hidden_size=4, activations=['Affine']>(x, w1, r1)", "without its parameters"),
        ("LSTM<hidden_size=4>(x, w, computed, b)", "'computed' must be a constant"),
    ],
)
def test_what_keras_cannot_say_is_refused(node: str, problem: str) -> None:
    text = f"""g (float[t,n,{INPUTS}] x, int32[n] lengths, float[1,16,4] raw)
            => (float[t,d,n,{UNITS}] y) {{
        computed = Relu(raw)
        y = {node}
    }}""".replace("'", '"')
    of_rnn = {"w1": seeded((1, UNITS, INPUTS)), "r1": seeded((1, UNITS, UNITS))}
    model = graph(text, {**weights("LSTM"), "p": seeded((1, 3 * UNITS)), **of_rnn})
    with pytest.raises(UnsupportedOperatorError, match=problem):
        plan_of(model)


@pytest.mark.parametrize("attributes", ["", ", clip=0.5"])
@pytest.mark.parametrize("operator", GATES)
def test_a_file_holds_nothing_but_keras(operator: str, attributes: str) -> None:
    """A layer whose activation is clipped has a small model for it, and an LSTM is unrolled."""
    attributes = f'hidden_size={UNITS}, direction="bidirectional"{attributes}'
    text = f"""g (float[{STEPS},n,{INPUTS}] x, int32[n] lengths, float[2,n,{UNITS}] h)
            => (float[t,d,n,{UNITS}] y, float[d,n,{UNITS}] end) {{
        y, end = {operator}<{attributes}>(x, w, r, b, lengths, h)
    }}"""
    lengths = np.array([STEPS, 2], np.int32)
    feeds = {"x": X, "lengths": lengths, "h": seeded((2, BATCH, UNITS), 4)}
    raised = raise_and_compare(graph(text, weights(operator, 2)), feeds)
    assert "Values" not in str(raised.model.get_config())
    again = loaded_from_archive(raised.plan, raised.model)
    for name, array in Raised(raised.plan, again).run(feeds).items():
        np.testing.assert_array_equal(array, raised.run(feeds)[name])


def test_an_lstm_of_very_many_steps_is_not_unrolled() -> None:
    text = f"""g (float[1001,1,{INPUTS}] x) => (float[t,d,n,{UNITS}] y) {{
        y = LSTM<hidden_size={UNITS}, clip=0.5>(x, w, r, b)
    }}"""
    with pytest.raises(BridgeError, match="too many time steps to be unrolled"):
        plan_of(graph(text, weights("LSTM")))
