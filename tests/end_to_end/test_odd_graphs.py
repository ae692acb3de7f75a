"""Nothing but a BridgeError that names the cause comes of an ONNX graph, whatever is in it."""

from __future__ import annotations

from pathlib import Path

import keras
import onnx
import pytest

import bridge
from bridge.errors import BridgeError, InternalError
from tests.helpers.odd_graphs import BROKEN, bases, graph, mutated, node, node_models, tensor

SAMPLE, MANY = range(24), range(24, 400)


def fault(model: onnx.ModelProto, path: Path) -> str:
    """What another exception than a refusal says; nothing where the graph is converted, which
    the conversion checks itself, or refused."""
    path.write_bytes(model.SerializeToString())
    try:
        bridge.onnx_to_keras(path)
    except InternalError as error:
        return str(error)
    except BridgeError:
        pass
    keras.backend.clear_session(free_memory=False)
    return ""


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_graph_is_refused_by_its_fault(name: str, tmp_path: Path) -> None:
    model, says = BROKEN[name]
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    (tmp_path / "d").write_bytes(bytes(24))
    with pytest.raises(BridgeError) as refusal:
        bridge.onnx_to_keras(path)
    assert says in str(refusal.value)
    assert not isinstance(refusal.value, InternalError)


def test_sizes_that_exporters_do_not_know_are_free(tmp_path: Path) -> None:
    """Two of them are not one size, whatever both are called."""
    x, y = (tensor(name, ["?", 3, -1, "?"]) for name in "xy")
    path = tmp_path / "net.onnx"
    path.write_bytes(graph(node("Relu", ["x"], ["y"]), x=x, y=y).SerializeToString())
    model = bridge.onnx_to_keras(path, io_layout="onnx")
    assert model.input_shape == (None, 3, None, None)


def test_the_graphs_are_right_before_they_are_mutated() -> None:
    for model in bases():
        bridge.onnx_to_keras(model)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", SAMPLE)
def test_a_mutated_graph_is_right_or_refused(seed: int, tmp_path: Path) -> None:
    assert not fault(mutated(seed), tmp_path / "net.onnx")


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
def test_many_mutated_graphs(tmp_path: Path) -> None:
    faults = {seed: fault(mutated(seed), tmp_path / "net.onnx") for seed in MANY}
    assert not {seed: text for seed, text in faults.items() if text}


@pytest.mark.filterwarnings("ignore")
def test_sizes_of_other_data_and_inputs_that_are_no_tensors(tmp_path: Path) -> None:
    """The file's sizes are those of its own data, and the check feeds others."""
    models = dict(node_models())
    for name in ("compress_0", "range_int32_type_negative_delta", "identity_opt", MAPPED):
        assert not fault(models[f"test_{name}"], tmp_path / "net.onnx"), name


MAPPED = "sequence_map_add_1_sequence_1_tensor"


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
def test_onnxs_own_nodes(tmp_path: Path) -> None:
    faults = {name: fault(model, tmp_path / "net.onnx") for name, model in node_models()}
    assert len(faults) > 1000
    assert not {name: text for name, text in faults.items() if text}
