"""Options that say how a net is read and lowered, on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import bridge
from bridge.caffe.write import write_caffemodel
from bridge.cli import main
from bridge.cli.app import USAGES, app
from bridge.public.deployment import DEPLOYMENTS

RULES = """
input: "x" input_shape {{ dim: 1 dim: 3 dim: 2 dim: 2 }}
layer {{ name: "always" type: "ReLU" bottom: "x" top: "y" }}
layer {{ name: "special" type: "Sigmoid" bottom: "y" top: "z" include {{ {rule} }} }}
"""


def converted(folder: Path, text: str, *flags: object) -> onnx.GraphProto:
    (folder / "net.prototxt").write_text(text)
    output = folder / "net.onnx"
    files = [path for path in (folder / "net.prototxt", folder / "net.caffemodel") if path.exists()]
    arguments = ["caffe-to-onnx", *files, "-o", output, "--no-check", *flags]
    with pytest.raises(SystemExit) as stopped:
        main([*map(str, arguments)])
    assert stopped.value.code == 0
    return onnx.load(output).graph


@pytest.mark.parametrize(
    ("rule", "flags", "is_in"),
    [
        ("phase: TRAIN", (), False),
        ("phase: TEST", (), True),
        ("phase: TRAIN", ("--phase", "TRAIN"), True),
        ('stage: "deploy"', (), False),
        ('stage: "deploy"', ("--stage", "deploy"), True),
        ('stage: "a" stage: "b"', ("--stage", "a"), False),
        ('stage: "a" stage: "b"', ("--stage", "a", "--stage", "b"), True),
        ("min_level: 1", (), False),
        ("min_level: 1", ("--level", "2"), True),
        ("max_level: 1", ("--level", "2"), False),
    ],
)
def test_layers_are_chosen(tmp_path: Path, rule: str, flags: tuple[str, ...], is_in: bool) -> None:
    graph = converted(tmp_path, RULES.format(rule=rule), *flags)
    assert [node.name for node in graph.node] == ["always", *(["special"] if is_in else [])]


def test_what_was_chosen_for_a_runtime_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = RULES.format(rule="phase: TEST")
    assert dims(converted(tmp_path, text, "--for", "ncnn")) == [1, 3, 2, 2]
    assert "for ncnn by pnnx 20261020: --batch 1 --weights inline\n" in capsys.readouterr().out
    assert dims(converted(tmp_path, text, "--for", "ncnn", "--batch", 4)) == [4, 3, 2, 2]
    assert "20261020: --weights inline\n" in capsys.readouterr().out
    assert dims(converted(tmp_path, text, "--for", "openvino"))[1:] == [3, 2, 2]
    assert "for OpenVINO 2026.4.1: no other options\n" in capsys.readouterr().out


CHOSEN = """
input: "x" input_shape { dim: 1 dim: 3 dim: 2 dim: 2 }
layer { name: "d" type: "Dropout" bottom: "x" top: "d" }
layer { name: "y" type: "ArgMax" bottom: "d" top: "y" argmax_param { axis: 1 } }
"""


@pytest.mark.parametrize("runtime", DEPLOYMENTS)
def test_the_command_chooses_what_the_function_does(tmp_path: Path, runtime: str) -> None:
    converted(tmp_path, CHOSEN, "--for", runtime)
    net, other = tmp_path / "net.prototxt", tmp_path / "other.onnx"
    bridge.caffe_to_onnx(net, None, other, runtime=runtime, check=False)
    assert (tmp_path / "net.onnx").read_bytes() == other.read_bytes()


def dims(graph: onnx.GraphProto) -> list[int]:
    return [dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim]


DENSE = """
input: "x" input_shape {{ dim: 1 dim: 3 }}
layer {{ name: "l" type: "InnerProduct" bottom: "x" top: "y"
  inner_product_param {{ num_output: 2 weight_filler {{ {filler} }} }} }}
"""
UNIFORM = 'type: "uniform" min: 3 max: 4'


def test_a_prototxt_alone_is_filled_with_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = converted(tmp_path, DENSE.format(filler=UNIFORM))
    weight, bias = (numpy_helper.to_array(tensor) for tensor in graph.initializer)
    assert 3 <= weight.min() <= weight.max() < 4
    assert not bias.any()
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: no caffemodel: the weights of 1 layers are initialised")


def test_missing_weights_are_made_up_on_request_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_caffemodel(tmp_path / "net.caffemodel", "net", [("other", "", [np.zeros(1)])])
    net, output = tmp_path / "net.prototxt", tmp_path / "net.onnx"
    net.write_text(DENSE.format(filler=UNIFORM))
    with pytest.raises(SystemExit) as stopped:
        main(["caffe-to-onnx", str(net), str(tmp_path / "net.caffemodel"), "-o", str(output)])
    assert stopped.value.code == 2
    assert "--allow-missing-weights" in capsys.readouterr().err
    assert not output.exists()
    graph = converted(tmp_path, net.read_text(), "--allow-missing-weights")
    assert len(graph.initializer) == 2
    assert "initialised by fillers" in capsys.readouterr().err


def test_a_field_that_nobody_knows_is_left_out_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = RULES.format(rule="phase: TEST").replace('top: "y"', 'top: "y" odd: 1 strange: 2')
    graph = converted(tmp_path, text, "--ignore-field", "odd", "--ignore-field", "layer.strange")
    assert len(graph.node) == 2
    printed = capsys.readouterr().err
    assert printed.count("(ignored, as requested)") == 2
    with pytest.raises(SystemExit) as stopped:
        main(["explain", str(tmp_path / "net.prototxt")])
    assert stopped.value.code == 2
    assert "--ignore-field odd --ignore-field strange" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["inspect", str(tmp_path / "net.prototxt")])
    assert "unknown field 'odd' of the layer; unknown field 'strange'" in capsys.readouterr().out


IMAGE = RULES.format(rule="phase: TRAIN")


@pytest.mark.parametrize(
    ("flags", "steps"),
    [
        ((), []),
        (("--bgr",), []),
        (("--rgb",), ["Slice"]),
        (("--mean", "104,117,123"), ["Sub"]),
        (("--mean=-1.5", "--scale", "0.5", "--rgb"), ["Slice", "Sub", "Mul"]),
        (("--scale", "0.5,2,1"), ["Mul"]),
    ],
)
def test_the_image_is_prepared(tmp_path: Path, flags: tuple[str, ...], steps: list[str]) -> None:
    graph = converted(tmp_path, IMAGE, *flags)
    assert [node.op_type for node in graph.node] == [*steps, "Relu"]
    means = [t for t in graph.initializer if t.name == "x_mean.mean"]
    if "--mean" in flags:
        assert numpy_helper.to_array(means[0]).ravel().tolist() == [104, 117, 123]


def test_a_mean_may_be_a_file(tmp_path: Path) -> None:
    mean = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    np.save(tmp_path / "mean.npy", mean)
    graph = converted(tmp_path, IMAGE, "--mean", tmp_path / "mean.npy")
    np.testing.assert_array_equal(numpy_helper.to_array(graph.initializer[0]), mean)


def test_warnings_come_before_the_error_that_they_may_explain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = 'layer { name: "p" type: "Pooling" bottom: "y" top: "p" pooling_param { pad: 7 } }'
    (tmp_path / "net.prototxt").write_text(f"net_param {{ {IMAGE} {bad} }}")
    with pytest.raises(SystemExit) as stopped:
        main(["caffe-to-onnx", str(tmp_path / "net.prototxt"), "-o", str(tmp_path / "net.onnx")])
    assert stopped.value.code == 2
    warning, error, *_ = capsys.readouterr().err.splitlines()
    assert warning.endswith("net.prototxt:1:1: this is a solver; the net in its net_param is read")
    assert error.endswith("net.prototxt:5:2, layer 'p' (Pooling): kernel does not match the axes")


READING = USAGES.keys() - {"layers", "completion"}


@pytest.mark.parametrize("name", USAGES)
def test_memory_is_limited_for_all_that_read_models(name: str) -> None:
    names = {name for x in app[name].assemble_argument_collection() for name in x.names}
    assert ("--max-memory" in names) == (name in READING)


def test_an_array_of_more_memory_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = DENSE.format(filler=UNIFORM).replace("num_output: 2", "num_output: 2000")
    assert len(converted(tmp_path, text, "--max-memory", "47K").initializer) == 2
    arguments = ["--max-memory", "46K", "-o", str(tmp_path / "net.onnx")]
    with pytest.raises(SystemExit):
        main(["caffe-to-onnx", str(tmp_path / "net.prototxt"), *arguments])
    assert "would take too much memory" in capsys.readouterr().err
