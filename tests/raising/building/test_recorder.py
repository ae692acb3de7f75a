"""Recording calls, and naming them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref


def test_ids_count_up_and_calls_keep_their_order() -> None:
    recorder = Recorder()
    x = Ref(recorder.new_id())
    y = recorder.layer("ReLU", x)
    z = recorder.op("add", y, x)
    assert (x, y, z) == (Ref(1), Ref(2), Ref(3))
    assert [call.target for call in recorder.calls] == ["layers.ReLU", "ops.add"]
    assert recorder.calls[1].arguments == (y, x)


def test_a_layer_takes_a_tensor_or_a_list() -> None:
    recorder = Recorder()
    recorder.layer("Add", (Ref(1), Ref(2)))
    assert recorder.calls[0].arguments == ([Ref(1), Ref(2)],)


def test_a_function_of_several_results() -> None:
    recorder = Recorder()
    assert recorder.ops("split", Ref(1), 2, outputs=2) == (Ref(1, 0), Ref(1, 1))


def test_the_last_call_of_a_node_carries_its_name() -> None:
    recorder = Recorder()
    recorder.layer("ZeroPadding2D", Ref(0))
    recorder.layer("Conv2D", Ref(1))
    recorder.name_calls(0, "conv1/7x7")
    assert [call.name for call in recorder.calls] == ["conv1>7x7>zeropadding2d", "conv1>7x7"]
    recorder.name_calls(2, "nothing")
    assert len(recorder.calls) == 2


def test_a_name_given_twice_is_numbered() -> None:
    recorder = Recorder()
    assert [recorder.unique("a/b") for _ in range(3)] == ["a>b", "a>b_2", "a>b_3"]


def test_names_that_differ_in_case_only_are_numbered_too() -> None:
    recorder = Recorder()
    assert [recorder.unique("Conv"), recorder.unique("conv")] == ["Conv", "conv_2"]
    assert recorder.unique("CONV_2") == "CONV_2_2"


def test_an_operation_takes_the_name_of_its_only_result() -> None:
    recorder = Recorder()
    x, spelled = recorder.input("x")
    y = recorder.layer("Softmax", Ref(x))
    recorder.name_calls(0, "softmax")
    assert recorder.output("logits/0", y, "float32") == y
    assert (spelled, [call.name for call in recorder.calls]) == ("x", ["logits>0"])
    assert recorder.output("x", Ref(x), "float32") == Ref(x)
    assert len(recorder.calls) == 1


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64"])
def test_an_identity_has_the_name_where_the_operation_cannot(dtype: str) -> None:
    recorder = Recorder()
    x, _ = recorder.input("x")
    first, second = recorder.ops("split", Ref(x), 2, outputs=2)
    recorder.name_calls(0, "first")
    last = recorder.layer("ReLU", first)
    recorder.name_calls(1, "relu")
    options = {"dtype": "float16"} if dtype == "float16" else {}
    wanted = [("first", first), ("second", second), ("relu", last), ("same", last), ("X", last)]
    refs = [recorder.output(name, ref, dtype) for name, ref in wanted]
    assert refs[0] == first  # Keras's names are those of operations, whatever the index
    assert refs[2] == last
    identities = {c.name: (c.arguments, c.options) for c in recorder.calls if "Iden" in c.target}
    spelled = {"second": second, "same": last, "X0-_output-": last}
    assert identities == {name: ((ref,), options) for name, ref in spelled.items()}


def test_a_layer_with_weights_keeps_its_name_also_where_it_is_applied_again() -> None:
    recorder = Recorder()
    x, _ = recorder.input("x")
    recorder.scope = "cell"
    weights = {"kernel": Weight((2, 2), lambda: np.ones((2, 2)))}
    one = recorder.layer("Dense", Ref(x), weights)
    recorder.name_calls(0, "fc")
    two = recorder.layer("Dense", one, weights)
    recorder.name_calls(1, "again")
    assert [recorder.output(name, two, "float32") for name in ("y", "fc")] == [Ref(4), two]
    assert [call.name for call in recorder.calls] == ["fc", "fc", "y"]


def test_a_constant_needs_an_input_to_hang_on() -> None:
    values = Weight((2,), lambda: np.ones(2))
    with pytest.raises(UnsupportedError, match="without inputs"):
        Recorder().constant(values)


def kernel() -> Weight:
    return Weight((2, 2), read, name="w")


def read() -> NDArray[np.float64]:
    return np.ones((2, 2))


def test_one_weight_within_one_layer_is_one_layer_of_keras() -> None:
    recorder = Recorder()
    recorder.scope = "lstm"
    x = recorder.layer("Dense", Ref(0), {"kernel": kernel()}, units=2)
    recorder.layer("Dense", x, {"kernel": kernel()}, units=2)
    recorder.name_calls(0, "lstm/matmul")
    first, second = recorder.calls
    assert (second.again, second.options, second.weights) == (first.id, {}, {})
    assert first.name == second.name == "lstm>matmul>dense"


@pytest.mark.parametrize(
    ("scope", "kind", "units"), [("gru", "Dense", 2), ("lstm", "Other", 2), ("lstm", "Dense", 3)]
)
def test_other_layers_are_layers_of_their_own(scope: str, kind: str, units: int) -> None:
    recorder = Recorder()
    recorder.scope = "lstm"
    recorder.layer("Dense", Ref(0), {"kernel": kernel()}, units=2)
    recorder.scope = scope
    recorder.layer(kind, Ref(0), {"kernel": kernel()}, units=units)
    assert [call.again for call in recorder.calls] == [None, None]


def test_nodes_of_no_common_layer_share_nothing() -> None:
    recorder = Recorder()
    for _ in range(2):
        recorder.layer("Dense", Ref(0), {"kernel": kernel()}, units=2)
    assert [call.again for call in recorder.calls] == [None, None]
