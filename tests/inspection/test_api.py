from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest

import bridge
from bridge.caffe.write import write_caffemodel
from bridge.errors import UsageError, WeightsError
from bridge.files.wire import field
from bridge.inspection import Inspection, inspect
from tests.helpers.golden_cases import Case, case, cases
from tests.helpers.keras_against_onnx import graph

LENET = case("net_lenet")


def only(*paths: Path) -> Inspection:
    (contents,) = inspect(paths)
    json.dumps(contents.as_dict())
    return contents


@pytest.mark.parametrize("case", cases(), ids=str)
def test_every_golden_case_is_shown_with_caffes_shapes(case: Case) -> None:
    contents = only(case.prototxt, case.caffemodel)
    known = {name: array.shape for name, array in (case.outputs | case.between).items()}
    shown = {
        name: shape
        for part in contents.parts
        for name, shape in zip(part.writes, part.shapes, strict=True)
    }
    if "reshaped" not in case.tags and "dynamic" not in case.tags:
        for name in known.keys() & shown.keys():
            assert shown[name] in (None, known[name]), name
    refused = any("cannot be converted" in warning for warning in contents.warnings)
    assert not refused or case.tags & {"exotic", "reshaped"}


def test_a_net_and_its_weights() -> None:
    contents = only(LENET.prototxt, LENET.caffemodel)
    weights = [tuple(map(tuple, part.weights)) for part in contents.parts if part.weights]
    assert contents.kind == "Caffe net"
    assert contents.facts == {"text": "V2", "weights": "V2, of float32"}
    assert contents.parameters == sum(int(np.prod(s)) for shapes in weights for s in shapes)
    assert contents.bytes == 4 * contents.parameters
    assert contents.inputs.keys() == LENET.inputs.keys()
    assert contents.outputs == {name: array.shape for name, array in LENET.outputs.items()}
    assert not any(part.refused for part in contents.parts)
    assert contents.parts[0].where.startswith(str(LENET.prototxt))


def test_a_prototxt_alone_says_what_weights_it_wants() -> None:
    alone, both = only(LENET.prototxt), only(LENET.prototxt, LENET.caffemodel)
    assert [part.weights for part in alone.parts] == [part.weights for part in both.parts]
    assert (alone.parameters, alone.bytes) == (both.parameters, 0)
    assert not alone.warnings


def test_a_caffemodel_alone_shows_the_net_in_it() -> None:
    contents = only(LENET.caffemodel)
    assert contents.kind == "Caffe net"
    assert contents.facts == {"weights": "V2, of float32"}
    assert contents.parameters == only(LENET.prototxt, LENET.caffemodel).parameters


def test_a_caffemodel_without_a_net_shows_its_blobs(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    write_caffemodel(path, "net", [("a", "", [np.zeros((2, 3))]), ("b", "", [])])
    contents = only(path)
    assert (contents.kind, contents.parameters, contents.bytes) == ("Caffe weights", 6, 24)
    assert [(part.name, part.weights) for part in contents.parts] == [("a", ((2, 3),))]
    assert not contents.warnings


def test_a_net_that_cannot_be_had_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    fields = [(1, b"a"), (2, b"ReLU"), (3, b"nowhere"), (4, b"y"), (7, field(5, bytes(8)))]
    path.write_bytes(field(100, b"".join(field(*item) for item in fields)))
    contents = only(path)
    assert (contents.kind, contents.parts[0].name) == ("Caffe weights", "a")
    (warning,) = contents.warnings
    assert warning.startswith("the net in it is not shown")
    assert "blob 'nowhere'" in warning


def test_an_hdf5_file_shows_its_blobs(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "net.caffemodel.h5", "w") as file:
        file["data/a/0"] = np.zeros((2, 3))
    contents = only(tmp_path / "net.caffemodel.h5")
    assert contents.facts == {"weights": "HDF5, of float64"}
    assert (contents.parameters, contents.bytes, contents.warnings) == (6, 48, ())


@pytest.mark.parametrize(
    ("name", "text", "weights"),
    [
        ("v0_both", "V0", "V0, of float32"),
        ("v1_proto_v2_model", "V1", "V2, of float32"),
        ("model_double", "V2", "V2, of float64"),
    ],
)
def test_dialects_and_numbers_are_named(name: str, text: str, weights: str) -> None:
    contents = only(case(name).prototxt, case(name).caffemodel)
    assert contents.facts == {"text": text, "weights": weights}


TRAINED = """
layer { name: "d" type: "Data" top: "data" top: "label" data_param { batch_size: 1 }
  transform_param { crop_size: 4 mean_value: 1 mean_value: 2 mean_value: 3 scale: 0.5 } }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" param { name: "w" }
  inner_product_param { num_output: 2 bias_term: false } }
layer { name: "b" type: "InnerProduct" bottom: "data" top: "b" param { name: "w" }
  inner_product_param { num_output: 2 bias_term: false } }
layer { name: "loss" type: "EuclideanLoss" bottom: "a" bottom: "b" top: "loss" }
"""


def test_what_is_shared_counts_once_and_what_is_left_away_is_told(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(TRAINED)
    contents = only(tmp_path / "net.prototxt")
    assert contents.parameters == 2 * 48
    assert [part.refused for part in contents.parts] == ["", "", "left out: no output needs it"]
    assert contents.facts == {"text": "V2", "mean of data": "1,2,3", "scale of data": "0.5"}


def test_what_is_not_carried_over_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        'input: "x" input_shape { dim: 1 dim: 2 }\n'
        'layer { name: "m" type: "NobodysLayer" bottom: "x" top: "m" }\n'
        'layer { name: "r" type: "ReLU" bottom: "m" top: "r" }\n'
    )
    contents = only(path)
    assert [part.refused for part in contents.parts] == ["no rule for it", ""]
    assert [part.shapes for part in contents.parts] == [(None,), (None,)]
    (warning,) = contents.warnings
    assert "cannot be converted" in warning
    assert "layer 'm'" in warning


def test_a_mean_image(tmp_path: Path) -> None:
    np.save(tmp_path / "mean.npy", np.arange(12.0).reshape(3, 2, 2))
    contents = only(tmp_path / "mean.npy")
    assert contents.facts == {"mean of each channel": "1.5,5.5,9.5", "from": "0 to 11"}
    assert contents.parts[0].weights == ((3, 2, 2),)


def test_an_onnx_graph_shows_its_nodes(tmp_path: Path) -> None:
    bridge.caffe_to_onnx(LENET.prototxt, LENET.caffemodel, tmp_path / "net.onnx", check=False)
    contents = only(tmp_path / "net.onnx")
    caffe = only(LENET.prototxt, LENET.caffemodel)
    assert contents.facts == {"opset": "17", "made by": "bridge"}
    assert contents.parameters >= caffe.parameters
    assert {part.name for part in contents.parts} >= {part.name for part in caffe.parts}
    assert not any(part.refused for part in contents.parts)
    assert contents.inputs.keys() == caffe.inputs.keys()


def test_several_files_are_told_apart(tmp_path: Path) -> None:
    other = case("relu")
    np.save(tmp_path / "mean.npy", np.zeros((3, 2, 2)))
    files: Sequence[Path] = (
        *(LENET.prototxt, LENET.caffemodel),
        *(other.prototxt, tmp_path / "mean.npy"),
        *(other.prototxt, other.prototxt),
    )
    contents = inspect(files)
    assert [len(item.files) for item in contents] == [2, 1, 1, 1, 1]


def test_files_that_are_not_there_or_are_no_net_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        inspect([tmp_path / "net.prototxt"])
    (tmp_path / "x.caffemodel").write_bytes(b"PK\x03\x04")
    with pytest.raises(WeightsError, match="not a Caffe weight file"):
        inspect([tmp_path / "x.caffemodel"])


def test_weights_in_constant_nodes_count_and_shapes_do_not(tmp_path: Path) -> None:
    """As PaddlePaddle's exporter writes them."""
    model = graph(
        """g (float[n,2] x) => (float[m,4] y) {
            k = Constant<value = float[2,2] {1.0, 2.0, 3.0, 4.0}>()
            size = Constant<value = int64[2] {-1, 4}>()
            z = MatMul(x, k)
            y = Reshape(z, size)
        }""",
        {},
    )
    onnx.save(model, tmp_path / "net.onnx")
    (inspection,) = inspect([tmp_path / "net.onnx"])
    assert (inspection.parameters, inspection.bytes) == (4, 16)
    assert [(part.type, part.reads, part.weights) for part in inspection.parts] == [
        ("MatMul", ("x",), ((2, 2),)),
        ("Reshape", ("z",), ((2,),)),
    ]


def test_weights_that_old_graphs_list_among_the_inputs_are_none(tmp_path: Path) -> None:
    """As PyTorch's exporter wrote them before IR version 4."""
    model = graph(
        "g (float[n,2] x, float[2,2] k) => (float[n,2] y) { y = MatMul(x, k) }",
        {"k": np.ones((2, 2), np.float32)},
    )
    onnx.save(model, tmp_path / "net.onnx")
    (inspection,) = inspect([tmp_path / "net.onnx"])
    assert inspection.inputs == {"x": ("n", 2)}
