"""Plans built as Keras models: native, trainable, and loadable without this package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from bridge.check.backends.keras import KerasBackend, value_locations
from bridge.errors import BridgeError
from bridge.keras.build import build, order_option
from bridge.layout import Layout, Weight
from bridge.raising.plan import Call, Plan, PlanInput, Ref, Stored
from bridge.translation import translation_map
from tests.helpers.keras_against_onnx import Raised, graph, raise_and_compare, seeded

NET = """net (float[batch,3,8,8] data) => (float[batch,4] prob) {
    conv = Conv<kernel_shape=[3,3], pads=[1,1,1,1], group=3>(data, w1)
    bn = BatchNormalization(conv, gamma, beta, mean, variance)
    s = Mul(bn, factor)
    p = PRelu(s, slope)
    lrn = LRN<size=3, alpha=0.3>(p)
    pool = AveragePool<kernel_shape=[3,3], strides=[2,2], pads=[0,0,1,1]>(lrn)
    drop = Dropout(pool, ratio)
    sum = Add(drop, drop)
    cat = Concat<axis=1>(sum, pool)
    flat = Flatten(cat)
    ip = Gemm<transB=1>(flat, w2, b2)
    prob = Softmax<axis=1>(ip)
}"""
WEIGHTS = {
    "w1": seeded((3, 1, 3, 3)),
    "gamma": seeded((3,), 1),
    "beta": seeded((3,), 2),
    "mean": seeded((3,), 3),
    "variance": seeded((3,), 4) + 1.5,
    "factor": seeded((3, 1, 1), 5),
    "slope": seeded((3, 1, 1), 6),
    "ratio": np.float32(0.5),
    "w2": seeded((4, 96), 7),
    "b2": seeded((4,), 8),
}
KEPT = ("mean", "variance")
FEEDS = {"data": seeded((2, 3, 8, 8), 9)}


@pytest.fixture(scope="module")
def net() -> Raised:
    return raise_and_compare(graph(NET, WEIGHTS), FEEDS)


def test_only_layers_and_operations_of_keras(net: Raised) -> None:
    kinds = {type(operation) for operation in net.model.operations}
    assert {kind.__module__.split(".")[0] for kind in kinds} == {"keras"}
    assert "Lambda" not in {kind.__name__ for kind in kinds}


def test_names_are_the_nodes_and_values(net: Raised) -> None:
    assert net.model.name == "net"
    assert net.model.get_layer("conv>0").name == "conv>0"
    assert [tensor.name for tensor in net.model.inputs] == ["data"]


def test_weights_are_trainable_but_the_statistics(net: Raised) -> None:
    kept = {weight.path.split("/")[-1] for weight in net.model.non_trainable_weights}
    assert kept == {"moving_mean", "moving_variance"}
    trained = [array for name, array in WEIGHTS.items() if name not in (*KEPT, "ratio")]
    assert sum(np.prod(weight.shape) for weight in net.model.trainable_weights) == sum(
        array.size for array in trained
    )


def test_initializers_are_reset(net: Raised) -> None:
    """A file that named the one that builds the model would not load anywhere else."""
    config = str(net.model.get_config())
    assert "bridge" not in config
    assert "Values" not in config


def test_one_step_of_training(net: Raised) -> None:
    model = keras.models.clone_model(net.model)
    model.set_weights(net.model.get_weights())
    before = [weight.numpy().copy() for weight in model.trainable_weights]
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="categorical_crossentropy")
    x, y = seeded((4, 8, 8, 3)), np.eye(4, dtype=np.float32)
    model.fit(x, y, epochs=1, batch_size=4, verbose=0)
    after = [weight.numpy().copy() for weight in model.trainable_weights]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


ALONE = """
import sys
try:
    import bridge
except ImportError:
    pass
else:
    sys.exit("bridge can be imported here")
import keras, numpy
model = keras.models.load_model("model.keras", safe_mode=True)
numpy.save("y.npy", model.predict(numpy.load("x.npy"), verbose=0))
"""


def test_a_saved_model_loads_and_predicts_where_bridge_is_not(net: Raised, tmp_path: Path) -> None:
    net.model.save(tmp_path / "model.keras")
    x = FEEDS["data"].transpose(0, 2, 3, 1)
    np.save(tmp_path / "x.npy", x)
    # -I leaves out the folder of the checkout and the user's paths; it may be installed, though.
    hidden = f"import sys; sys.modules['bridge'] = None\n{ALONE}"
    done = subprocess.run(
        [sys.executable, "-I", "-c", hidden],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), net.model.predict(x, verbose=0), 1e-5)


def test_a_saved_model_loads_in_the_same_process(net: Raised, tmp_path: Path) -> None:
    net.model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    for name, array in Raised(net.plan, again).run(FEEDS).items():
        np.testing.assert_array_equal(array, net.run(FEEDS)[name])


def test_layers_do_not_follow_the_user_s_axis_order() -> None:
    assert order_option("Conv2D") == {"data_format": "channels_last"}
    assert order_option("Dense") == {}
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        raise_and_compare(graph(NET, WEIGHTS), FEEDS)
    finally:
        keras.config.set_image_data_format(before)


def one_layer(weight: Weight) -> Plan:
    return Plan(
        "net",
        (PlanInput(1, "x", "x", ("batch", 3), "float32"),),
        (Call(2, "fc", "layers.Dense", (Ref(1),), {"units": 2}, {"kernel": weight}),),
        ("y",),
        {"y": Stored(Ref(2), Layout.identity(("batch", 2)))},
    )


def test_a_weight_of_another_shape_is_an_error_of_the_rule() -> None:
    wrong = Weight((2, 3), lambda: np.ones((2, 3), np.float32))
    with pytest.raises(BridgeError, match="another shape") as refusal:
        build(one_layer(wrong))
    assert (refusal.value.expected, refusal.value.received) == ((3, 2), (2, 3))


def test_one_input_and_one_output_are_no_lists() -> None:
    weight = Weight((3, 2), lambda: np.ones((3, 2), np.float32))
    model = build(one_layer(weight))
    assert not isinstance(model.output, list)
    assert model.predict(np.ones((1, 3)), verbose=0).tolist() == [[3.0, 3.0]]


def test_several_results_of_one_function() -> None:
    plan = Plan(
        "net",
        (PlanInput(1, "x", "x", ("batch", 4), "float32"),),
        (Call(2, "top", "ops.top_k", (Ref(1),), {"k": 2}),),
        ("values", "places"),
        {
            "values": Stored(Ref(2, 0), Layout.identity(("batch", 2))),
            "places": Stored(Ref(2, 1), Layout.identity(("batch", 2))),
        },
    )
    values, indices = build(plan)(np.array([[1.0, 4.0, 3.0, 2.0]]))
    assert (np.asarray(values).tolist(), np.asarray(indices).tolist()) == ([[4.0, 3.0]], [[1, 2]])


def test_a_layer_that_is_applied_again_is_one_and_each_call_is_found(tmp_path: Path) -> None:
    text = """g (float[2,3] x) => (float[2,3] y) {
        once = MatMul(x, w)
        bent = Tanh(once)
        again = MatMul(bent, w)
        y = Tanh(again)
    }"""
    model = graph(text, {"w": seeded((3, 3))})
    for number, node in enumerate(model.graph.node):
        node.name = f"l/{number}"
    feeds = {"x": seeded((2, 3), 1)}
    raised = raise_and_compare(model, feeds)
    assert [layer.name for layer in raised.model.layers if layer.weights] == ["l>0"]
    assert [tensor.time for tensor in translation_map(raised.plan).tensors] == [0, 0, 0, 1, 0]
    raised.model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    expected = raised.run(feeds)
    np.testing.assert_array_equal(Raised(raised.plan, again).run(feeds)["y"], expected["y"])
    for model_ in (raised.model, again):
        side = KerasBackend(model_, "", value_locations(raised.plan), ["x"], ["y"])
        results = dict(side.run(feeds, ["once", "again"]))
        np.testing.assert_allclose(results["once"], feeds["x"] @ seeded((3, 3)), rtol=1e-5)
        np.testing.assert_allclose(np.tanh(results["again"]), expected["y"], rtol=1e-5)
