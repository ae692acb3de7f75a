"""docs/mistakes.md: typical mistakes, each made on small files, and what is said of it."""

from __future__ import annotations

import os
import shlex
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from unittest.mock import patch

TEXT = """# Typical mistakes, and what is said of them

Made by `scripts/generate`, which makes each of them on a small net; exit status 2 unless said.
`error:` says what is wrong and where, `hint:` what to do next.
"""

NET = """name: "small"
layer { name: "data" type: "Input" top: "data"
        input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "fc" type: "InnerProduct" bottom: "conv1" top: "fc"
        inner_product_param { num_output: 2 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""
INPUT = NET[NET.index("layer") : NET.index('layer { name: "conv1"')]
DATA = 'layer { name: "data" type: "Data" top: "data" top: "label" data_param { batch_size: 4 } }\n'
MODELS = "deploy.prototxt net.caffemodel"

# (title, what deploy.prototxt is instead, the command behind `python -m bridge`)
Mistake = tuple[str, str, str]


def edited(old: str, new: str) -> str:
    """The net with one thing in it otherwise."""
    if old not in NET:
        raise ValueError(old)
    return NET.replace(old, new)


TO_ONNX = f"caffe-to-onnx {MODELS} -o out.onnx"
BARE = "caffe-to-onnx deploy.prototxt -o out.onnx"

CALLS: Sequence[Mistake] = (
    ("A mistyped path", NET, "caffe-to-onnx delpoy.prototxt net.caffemodel -o out.onnx"),
    ("A folder that is not there", NET, "caffe-to-onnx nets/deploy.prototxt -o out.onnx"),
    ("A folder for a file", NET, "caffe-to-onnx . -o out.onnx"),
    ("A URL", NET, "caffe-to-onnx https://example.org/deploy.prototxt -o out.onnx"),
    ("Files swapped", NET, "caffe-to-onnx net.caffemodel deploy.prototxt -o out.onnx"),
    ("No output", NET, f"caffe-to-onnx {MODELS}"),
    ("An output without -o", NET, f"caffe-to-onnx {MODELS} out.onnx"),
    ("No net", NET, "caffe-to-onnx"),
    (
        "Files after an option of several names",
        NET,
        f"caffe-to-onnx --outputs fc {MODELS} -o a.onnx",
    ),
    ("More files than it takes", NET, f"caffe-to-onnx {MODELS} labels.txt -o out.onnx"),
    ("An output folder that is not there", NET, f"caffe-to-onnx {MODELS} -o out/net.onnx"),
    ("A folder as output", NET, f"caffe-to-onnx {MODELS} -o folder"),
    ("An input as output", NET, f"caffe-to-onnx {MODELS} -o deploy.prototxt"),
    ("An output of another kind", NET, f"caffe-to-onnx {MODELS} -o out.keras"),
    ("A command that is not there", NET, f"caffe2onnx {MODELS} -o out.onnx"),
    ("A file for a command", NET, "net.onnx"),
    ("An option that is not there", NET, f"{TO_ONNX} --input-shapes data:1,3,8,8"),
    ("An option that is there twice", NET, f"{TO_ONNX} -o other.onnx"),
    ("A flag with a value", NET, f"{TO_ONNX} --fp16 yes"),
    ("An option without its value", NET, "explain deploy.prototxt --html"),
    ("Outputs without a name", NET, f"{TO_ONNX} --outputs"),
    ("A number in words", NET, f"{TO_ONNX} --batch one"),
    ("A batch of none", NET, f"{TO_ONNX} --batch 0"),
    ("A choice that is not there", NET, f"{TO_ONNX} --weights inlined"),
    ("A phase that is not there", NET, f"{TO_ONNX} --phase test"),
    ("An opset that is too old", NET, f"{TO_ONNX} --opset 9"),
    ("A shape that cannot be read", NET, f"{TO_ONNX} --input-shape 1,3,8,8"),
    ("A shape for another input", NET, f"{TO_ONNX} --input-shape image:1,3,8,8"),
    ("A shape that the net cannot have", NET, f"{TO_ONNX} --input-shape data:1,3,2,2"),
    ("A shape that the weights cannot have", NET, f"{TO_ONNX} --input-shape data:1,3,16,16"),
    ("Sizes with spaces", NET, f"{TO_ONNX} --input-shape data:1 3 16 16"),
    ("Outputs with commas", NET, f"{TO_ONNX} --outputs conv1,fc"),
    ("An output that is not there", NET, f"{TO_ONNX} --outputs fc7"),
    ("A mean with spaces", NET, f"{TO_ONNX} --mean 104 117 123"),
    ("A mean of other channels", NET, f"{TO_ONNX} --mean 104,117"),
    ("A mean file that is not there", NET, f"{TO_ONNX} --mean mean.binaryproto"),
    ("A plug-in that is not there", NET, f"{TO_ONNX} --plugin my_layers.py"),
    ("A field to ignore that nobody sets", NET, f"{TO_ONNX} --ignore-field hole"),
)

FILES: Sequence[Mistake] = (
    ("A web page for a net", "<!DOCTYPE html>\n<html>", BARE),
    ("A solver for a net", 'net: "train_val.prototxt"\nbase_lr: 0.01\n', BARE),
    ("A net in UTF-16", "\ufeff" + NET, BARE),
    ("An ONNX graph for a net", NET, "caffe-to-onnx net.onnx -o out.onnx"),
    (
        "A Git LFS pointer for weights",
        NET,
        "caffe-to-onnx deploy.prototxt lfs.caffemodel -o a.onnx",
    ),
    ("An archive for weights", NET, "caffe-to-onnx deploy.prototxt net.zip -o out.onnx"),
    ("Weights that were cut", NET, "caffe-to-onnx deploy.prototxt cut.caffemodel -o out.onnx"),
    ("Another net's weights", NET, "caffe-to-onnx deploy.prototxt other.caffemodel -o out.onnx"),
    ("Weights that lack a layer", NET, "caffe-to-onnx deploy.prototxt few.caffemodel -o out.onnx"),
    ("A fork's weights without the net", NET, "caffe-to-onnx fork.caffemodel -o out.onnx"),
    ("A PyTorch checkpoint for an ONNX graph", NET, "onnx-to-keras net.pt -o out.keras"),
    ("A TensorFlow graph for an ONNX graph", NET, "onnx-to-keras frozen.pb -o out.keras"),
    ("A net for a Keras model", NET, "keras-to-onnx deploy.prototxt -o out.onnx"),
    ("An option of Caffe nets for an ONNX graph", NET, "explain net.onnx --opset 13"),
    ("A file for a folder of nets", NET, "convert deploy.prototxt -o out"),
    ("A TensorFlow Lite model for an ONNX graph", NET, "onnx-to-keras net.tflite -o out.keras"),
    ("A Keras model for an ONNX graph", NET, "onnx-to-keras net.keras -o out.keras"),
    ("An old Keras file as output", NET, "onnx-to-keras net.onnx -o out.h5"),
    ("A frozen graph as output", NET, "onnx-to-keras net.onnx -o out.pb"),
    ("An ONNX graph for a Keras model", NET, "keras-to-onnx net.onnx -o out.onnx"),
    ("A prototxt for an ONNX graph", NET, "onnx-to-keras deploy.prototxt -o out.keras"),
    ("Weights for an ONNX graph", NET, "onnx-to-keras net.caffemodel -o out.keras"),
    ("An ONNX graph that was cut", NET, "onnx-to-keras cut.onnx -o out.keras"),
    ("An ONNX graph without its weights' file", NET, "onnx-to-keras external.onnx -o out.keras"),
    ("An operator that has no rule", NET, "onnx-to-keras odd.onnx -o out.keras"),
    ("One model to compare", NET, "check net.onnx"),
    ("Weights to compare, without the net", NET, "check net.caffemodel net.onnx"),
)

NETS: Sequence[Mistake] = (
    ("A brace that is missing", NET.rstrip(" }\n") + "\n", TO_ONNX),
    ("A value of the wrong kind", edited("kernel_size: 3", 'kernel_size: "3"'), TO_ONNX),
    ("A misspelt field", edited("num_output: 4", "num_ouput: 4"), TO_ONNX),
    ("A misspelt layer type", edited('"Softmax"', '"SoftMaxx"'), TO_ONNX),
    ("A layer that nobody knows", edited('"Softmax"', '"MyHead"'), TO_ONNX),
    ("A misspelt blob", edited('bottom: "fc"', 'bottom: "fcc"'), TO_ONNX),
    ("A data layer that was taken out", NET.replace(INPUT, ""), TO_ONNX),
    ("A data layer that says no size", NET.replace(INPUT, DATA), TO_ONNX),
    ("A size that is open", edited("dim: 8 dim: 8", "dim: 8 dim: -1"), TO_ONNX),
    ("A net of another phase",
     edited('layer { name: "conv1"', 'layer { include { phase: TRAIN } name: "conv1"').partition(
         'layer { name: "relu1"')[0], BARE),
    ("A net of another stage",
     NET.replace(INPUT, INPUT.rstrip(" }\n") + ' } } include { stage: "deploy" } }\n'), TO_ONNX),
    ("A group that was forgotten", NET,
     "caffe-to-onnx deploy.prototxt grouped.caffemodel -o out.onnx"),
    ("A name that two layers have", edited('name: "fc"', 'name: "conv1"'), TO_ONNX),
    ("Both dialects in one net", NET + "layers { name: \"old\" type: RELU }\n", TO_ONNX),
    ("A blob that two layers make",
     edited('top: "conv1" }\nlayer {', 'top: "data" }\nlayer {'), TO_ONNX),
    ("Free sizes in a net of one size", NET, f"{TO_ONNX} --dynamic"),
)  # fmt: skip


# Of files whose first bytes say what they are.
STARTS = {
    "net.pt": b"PK\x03\x04" + bytes(26) + b"archive/data.pkl",
    "net.keras": b"PK\x03\x04" + bytes(26) + b"metadata.json",
    "net.tflite": b"\x1c\0\0\0TFL3",
    "frozen.pb": b"\x0a\x12\x0a\x01x\x12\x0bPlaceholder",
}


def write_files(folder: Path) -> None:
    """The files that the commands name, beside deploy.prototxt."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper

    from bridge.caffe.write import write_caffemodel
    from bridge.files.wire import field

    def weights(name: str, **blobs: tuple[int, ...]) -> bytes:
        layers = [
            (layer, "", [np.ones(shape, np.float32), np.zeros(shape[0], np.float32)])
            for layer, shape in blobs.items()
        ]
        write_caffemodel(folder / name, "small", layers)
        return (folder / name).read_bytes()

    def graph(name: str, operator: str, domain: str = "") -> bytes:
        values = [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 2]) for x in "xy"]
        nodes = [helper.make_node(operator, ["x"], ["y"], name="head", domain=domain)]
        body = helper.make_graph(nodes, "small", values[:1], values[1:])
        opsets = [
            helper.make_opsetid("", 17),
            *([helper.make_opsetid(domain, 1)] if domain else []),
        ]
        model = helper.make_model(body, opset_imports=opsets, producer_name="me", ir_version=8)
        onnx.save(model, folder / name)
        return model.SerializeToString()

    conv1, fc = (4, 3, 3, 3), (2, 144)
    whole = weights("net.caffemodel", conv1=conv1, fc=fc)
    (folder / "cut.caffemodel").write_bytes(whole[: len(whole) // 2])
    weights("other.caffemodel", conv1=(8, 3, 3, 3), fc=(2, 288))
    weights("few.caffemodel", conv1=conv1, fc8=fc)
    weights("grouped.caffemodel", conv1=(4, 1, 3, 3), fc=fc)
    layer = field(1, b"turn") + field(2, b"Reverse") + field(204, b"\x08\x01")
    (folder / "fork.caffemodel").write_bytes(field(1, b"small") + field(100, layer))
    (folder / "lfs.caffemodel").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    )
    with zipfile.ZipFile(folder / "net.zip", "w") as archive:
        archive.writestr("net.caffemodel", whole)
    text = graph("net.onnx", "Relu")
    (folder / "cut.onnx").write_bytes(text[: len(text) // 2])
    graph("odd.onnx", "FancyHead", "com.example")
    external = onnx.load_model_from_string(text)
    tensor = external.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[1, 2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="external.onnx.data")
    external.graph.node.add(op_type="Add", input=["y", "w"], output=["z"])
    (folder / "external.onnx").write_bytes(external.SerializeToString())
    (folder / "labels.txt").write_text("tench\ngoldfish\n")
    for name, start in STARTS.items():
        (folder / name).write_bytes(start)
    (folder / "folder").mkdir()


def said(net: str, command: str) -> str:
    """What a command prints, errors and all, in the folder of the files."""
    from bridge.cli import main

    is_utf16 = net.startswith("\ufeff")
    Path("deploy.prototxt").write_text(net[is_utf16:], encoding="utf-16" if is_utf16 else "utf-8")
    printed = StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            main(shlex.split(command))
            status: object = 0
        except SystemExit as stop:
            status = stop.code
    tail = "" if status == 2 else f"(exit status {status})\n"
    lines = (line.rstrip() for line in printed.getvalue().splitlines())
    return "\n".join(lines).strip("\n") + "\n" + tail


def messages() -> Iterator[tuple[str, str, str]]:
    """Title, command and what is said, of every mistake."""
    wide = patch.dict(os.environ, {"COLUMNS": "100"})
    with tempfile.TemporaryDirectory() as folder, chdir(folder), wide:
        write_files(Path(folder))
        for title, net, command in (*CALLS, *FILES, *NETS):
            yield title, command, said(net, command)
            with suppress(FileNotFoundError):
                Path("out.onnx").unlink()


def page(said: Iterable[tuple[str, str, str]]) -> str:
    sections = (
        f"\n## {title}\n\n```console\n$ python -m bridge {command}\n{message}```\n"
        for title, command, message in said
    )
    return TEXT + "".join(sections)
