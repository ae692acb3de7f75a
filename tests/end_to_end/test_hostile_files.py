"""Small files that ask for much, lead elsewhere, or are nonsense: each is refused in clear words.

Each is made here, and is harmless to other software: what it asks for is little, and the memory
that one array may take is set to a megabyte.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import bridge
from bridge.caffe.write import write_caffemodel
from bridge.convert import raise_onnx
from bridge.errors import BridgeError, InternalError
from bridge.files import memory
from bridge.files.wire import field, varint
from tests.helpers.golden_cases import case

Build = Callable[[Path], object]
NET = case("conv_basic_k3")


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, "1M")


def refused(build: Build, folder: Path, words: str) -> None:
    with pytest.raises(BridgeError, match=words) as refusal:
        build(folder)
    assert not isinstance(refusal.value, InternalError)
    assert not list(folder.glob(".*")), "something was left"


# --- ONNX -----------------------------------------------------------------------------------------


def written(proto: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def graph(body: str, constants: str = "", x: str = "float[1, 3]") -> onnx.ModelProto:
    text = f"""<ir_version: 8, opset_import: ["": 17, "own": 1]>
        g ({x} x) => (float y) <{constants}> {{ {body} }}"""
    proto = onnx.parser.parse_model(text)
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    return proto


def of_shape(proto: onnx.ModelProto, *shape: int) -> onnx.ModelProto:
    """The same, and it says that its output has this shape."""
    for size in shape:
        proto.graph.output[0].type.tensor_type.shape.dim.add(dim_value=size)
    return proto


def with_tensor(**fields: object) -> onnx.ModelProto:
    proto = graph("y = Add(x, w)")
    proto.graph.initializer.append(TensorProto(name="w", **fields))
    return proto


def outside(location: str, offset: object = 0, length: object = 12) -> onnx.ModelProto:
    proto = with_tensor(data_type=1, dims=[3], data_location=TensorProto.EXTERNAL)
    entries = {"location": location, "offset": offset, "length": length}
    for key, value in entries.items():
        proto.graph.initializer[0].external_data.add(key=key, value=str(value))
    return proto


def typed(dtype: int, shape: list[int]) -> onnx.ModelProto:
    proto = graph("y = Relu(x)")
    tensor = proto.graph.input[0].type.tensor_type
    tensor.elem_type = dtype
    del tensor.shape.dim[:]
    for size in shape:
        tensor.shape.dim.add(dim_value=size)
    return proto


def concat_without_axis() -> onnx.ModelProto:
    proto = graph("y = Concat <axis = 0> (x, x)")
    del proto.graph.node[0].attribute[:]
    return proto


def reference_to_no_function() -> onnx.ModelProto:
    proto = graph("y = Concat <axis = 0> (x, x)")
    proto.graph.node[0].attribute[0].ref_attr_name = "axis"
    return proto


CUBE = "float[1, 1, 1] c = {1}"
VECTOR = "float[1] c = {1}"
RNN = "float[1, 2, 3] w = {1, 1, 1, 1, 1, 1}, float[1, 3, 3] r = {1, 1, 1, 1, 1, 1, 1, 1, 1}"
BIG = "int64[2] s = {1024, 1024}, float[1, 1] c = {1}"
PADS = "int64[4] s = {0, 0, 0, 1000000}"
SCALES = "float[4] s = {1, 1, 1000, 1000}"
MUCH, ELSEWHERE = "too much memory", "not beside the ONNX file"
UNLIKE, NO_POSITION = "as many numbers as its shape", "no position in their file"
GRAPHS: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "a constant expanded": (lambda: graph("e = Expand(c, s) y = Add(x, e)", BIG), MUCH),
    "a constant tiled": (lambda: graph("e = Tile(c, s) y = Add(x, e)", BIG), MUCH),
    "a constant of a shape": (lambda: graph("e = ConstantOfShape(s) y = Add(x, e)", BIG), MUCH),
    "an input expanded": (lambda: graph("y = Expand(x, s)", BIG, "float[1, 1]"), MUCH),
    "an input tiled": (lambda: graph("y = Tile(x, s)", BIG), MUCH),
    "an input padded": (lambda: graph("y = Pad(x, s)", PADS), MUCH),
    "an input resized": (lambda: graph("y = Resize(x, , s)", SCALES, "float[1, 1, 1, 1]"), MUCH),
    "an input that is large": (lambda: typed(1, [1024, 1024]), MUCH),
    "sizes whose product overflows": (lambda: typed(1, [2**40, 2**40]), MUCH),
    "65 axes": (lambda: typed(1, [1] * 65), "more axes than NumPy"),
    "an input of no dtype": (lambda: typed(99, [1, 3]), "breaks ONNX's rules"),
    "a weight of no dtype": (lambda: with_tensor(data_type=99, dims=[3]), "none of ONNX's dtypes"),
    "a weight of a negative size": (lambda: with_tensor(data_type=1, dims=[-3]), "negative size"),
    "a weight without its numbers": (lambda: with_tensor(data_type=1, dims=[3]), UNLIKE),
    "a weight of odd bytes": (
        lambda: with_tensor(data_type=1, dims=[3], raw_data=bytes(13)),
        UNLIKE,
    ),
    "sizes of a weight that overflow": (lambda: with_tensor(data_type=1, dims=[2**62, 4]), UNLIKE),
    "data in the folder above": (lambda: outside("../secret"), ELSEWHERE),
    "data at an absolute path": (lambda: outside("/etc/hostname"), ELSEWHERE),
    "data on Windows": (lambda: outside("C:\\secret"), ELSEWHERE),
    "data without a name": (lambda: outside(""), "data are in no file"),
    "data behind a link": (lambda: outside("link"), "a link that leads out"),
    "data behind a link to itself": (lambda: outside("circle"), "is missing"),
    "data of a name with a zero": (lambda: outside("da\0ta"), "data are in no file"),
    "data behind a link to a folder": (lambda: outside("folder/secret"), "a link that leads out"),
    "data in a pipe": (lambda: outside("pipe"), "is missing"),
    "data at a negative offset": (lambda: outside("data", -4), NO_POSITION),
    "data at no offset": (lambda: outside("data", "x"), NO_POSITION),
    "data behind the end": (lambda: outside("data", 4), "is missing"),
    "data at an endless offset": (lambda: outside("data", 2**70), "is missing"),
    "data of too few bytes": (lambda: outside("data", 0, 4), "less data than its shape"),
    "Concat without an axis": (concat_without_axis, "not a Concat as ONNX defines it"),
    "a reference to no function": (reference_to_no_function, "the node is in none"),
    "an order of too few axes": (
        lambda: of_shape(graph("y = Transpose <perm = [1, 0]> (x)", x="float[1, 3, 4]"), 3, 1),
        "perm is no order of the axes",
    ),
    "a shape of nobody": (
        lambda: of_shape(graph("y = Reshape(x, nobody)"), 3, 1),
        "'nobody', which nothing computes",
    ),
    "a kernel of fewer axes": (
        lambda: of_shape(graph("y = ConvTranspose(x, c)", CUBE, "float[1, 1, 4, 4]"), 1, 1, 4, 4),
        "the input's axes are not those of the weight",
    ),
    "channels that nobody knows": (
        lambda: of_shape(graph("y = ConvTranspose(x, c)", CUBE, "float[1, C, 4]"), 1, 1, 4),
        "channels whose number only the data give",
    ),
    "a window of three sizes": (
        lambda: of_shape(graph("y = HammingWindow(x)", x="int64[3]"), 3, 3),
        "the size of a window is one number",
    ),
    "indices of fewer axes": (
        lambda: of_shape(graph("y = GatherElements(x, i)", "int64[1] i = {0}"), 1),
        "equally many axes",
    ),
    "updates of more axes": (
        lambda: of_shape(
            graph("y = ScatterElements(x, i, c)", f"int64[1, 1] i = {{0}}, {CUBE}"), 1, 3
        ),
        "equally many axes",
    ),
    "a window within the padding": (
        lambda: graph(
            "y = AveragePool <kernel_shape = [2], pads = [2, 0]> (x)", x="float[1, 1, 4]"
        ),
        "nothing to average",
    ),
    "a batch norm of one axis": (
        lambda: graph("y = BatchNormalization(x, c, c, c, c)", VECTOR, "float[4]"),
        "over a single axis",
    ),
    "recurrent weights of one axis": (
        lambda: graph("y = RNN <hidden_size = 3> (x, w, c)", f"{RNN}, {VECTOR}", "float[1, 1, 3]"),
        "the weight of the state has other axes",
    ),
    "axes in a matrix": (
        lambda: graph("y = Squeeze(x, a)", "int64[1, 1] a = {1}", "float[1, 1, 3]"),
        "its input 1 is no list of numbers",
    ),
    "a shape in a matrix": (
        lambda: graph("y = Reshape(x, a)", "int64[1, 2] a = {1, 3}", "float[1, 1, 3]"),
        "its input 1 is no list of numbers",
    ),
    "scores of one axis": (
        lambda: graph(
            "n = NonMaxSuppression(x, c) y = Cast <to = 1> (n)", VECTOR, "float[1, 6, 4]"
        ),
        "the input of scores has other axes",
    ),
    "recurrent weights that do not fit": (
        lambda: graph("y = RNN <hidden_size = 3> (x, w, r)", RNN, "float[1, 1, 3]"),
        "the weight does not fit the state",
    ),
    "nodes in a circle": (
        lambda: graph("a = Identity(b) b = Identity(a) y = Relu(b)"),
        "before it is computed",
    ),
    "a value of itself": (lambda: graph("a = Add(x, a) y = Relu(a)"), "before it is computed"),
    "a value made twice": (lambda: graph("y = Relu(x) y = Relu(x)"), "two values are called"),
    "an operator of nobody": (lambda: graph("y = own.Nothing(x)"), "no Keras rule"),
    "no nodes": (onnx.ModelProto, "an empty file"),
}


def convert(make: Callable[[], onnx.ModelProto], folder: Path) -> None:
    raise_onnx(written(make(), folder), folder / "net.keras", check=False)


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(64))
    (folder / "data").write_bytes(bytes(12))
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(tmp_path)
    (folder / "circle").symlink_to("circle")
    os.mkfifo(folder / "pipe")
    make, words = GRAPHS[name]
    refused(partial(convert, make), folder, words)
    assert not (folder / "net.keras").exists()


@pytest.mark.parametrize("name", ["an input expanded", "an input that is large", "65 axes"])
def test_graphs_to_run(name: str, tmp_path: Path) -> None:
    make, words = GRAPHS[name]
    path = written(make(), tmp_path)
    refused(lambda _: bridge.check(path, path), tmp_path, words)


# --- Caffe ----------------------------------------------------------------------------------------

INPUT = 'input: "x" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'


def layer(kind: str, parameters: str = "", bottom: str = "x") -> str:
    return f'{INPUT}layer {{ name: "l" type: "{kind}" bottom: "{bottom}" top: "y" {parameters} }}'


def dense(number: object, bottom: str = "x") -> str:
    return layer("InnerProduct", f"inner_product_param {{ num_output: {number} }}", bottom)


def conv(fields: str) -> str:
    return layer("Convolution", f"convolution_param {{ num_output: 6 {fields} }}")


PRIORS = layer("PriorBox", 'bottom: "x" prior_box_param { min_size: 1 variance: 0.1 }')
UNTYPED = layer("ReLU", "quantization_param {}").replace('type: "ReLU"', "")
PROTOTXTS = {
    "a number of 5,000 digits": (dense("9" * 5000), "an integer from"),
    "no outputs": (dense(0), "num_output"),
    "a negative number of outputs": (dense(-4), "num_output"),
    "weights beyond the memory": (dense(2000), MUCH),
    "a blob that nobody makes": (dense(4, "z"), "'z'"),
    "a kernel beyond the map": (conv("kernel_size: 99"), "kernel"),
    "a kernel of nothing": (conv("kernel_size: 0"), "kernel"),
    "no stride": (conv("kernel_size: 1 stride: 0"), "stride"),
    "groups that do not divide": (conv("kernel_size: 1 group: 4"), "group"),
    "an input too large": (layer("ReLU").replace("dim: 8", "dim: 3037000500"), "too large"),
    "brackets without an end": ("layer {" * 1000, "at most 64 nested"),
    "a string without an end": ('name: "net', "without its closing"),
    "bytes that are no text": ('name: "net\0"', "NUL bytes"),
    "a quantized layer of no type": (UNTYPED, "no rule for these layers"),
    "a Python layer of no type": ('layer { name: "l" top: "y" python_param {} }', "'l' ()"),
    "a limit that is no number": (layer("ReLU", "relu_param { upper_limit: nan }"), "upper limit"),
    "a type of bridge's own": (layer("bridge.Mean"), "no type of a layer of Caffe's"),
    "a convolution over no axes": (conv("kernel_size: 1 axis: 3"), "no axes to convolve over"),
    "boxes at every pixel": (PRIORS.replace("dim: 8", "dim: 400"), MUCH),
}


@pytest.mark.parametrize("name", PROTOTXTS)
def test_prototxts(name: str, tmp_path: Path) -> None:
    text, words = PROTOTXTS[name]
    (tmp_path / "net.prototxt").write_text(text)
    build = partial(bridge.caffe_to_onnx, output=tmp_path / "net.onnx", check=False)
    refused(lambda folder: build(folder / "net.prototxt"), tmp_path, words)
    assert not (tmp_path / "net.onnx").exists()


def of_blob(blob: bytes) -> bytes:
    return field(1, b"net") + field(100, field(1, b"conv") + field(2, b"Convolution") + blob)


WHOLE = NET.caffemodel.read_bytes()
ENDLESS = field(1, varint(2**62) * 3)
ENDLESS_BLOB, LEGACY = r"damaged at .*'conv'\n  received: a blob of shape", b"\x08\0\x10"
CAFFEMODELS = {
    "cut off": (WHOLE[:-3], "damaged"),
    "a length beyond the end": (field(1, b"net") + b"\xa2\x06" + varint(2**40), "damaged"),
    "a number without an end": (field(1, b"net") + b"\xa2\x06" + b"\xff" * 20, "damaged"),
    "sizes that overflow": (of_blob(field(7, field(7, ENDLESS))), ENDLESS_BLOB),
    "no numbers, of an endless size": (of_blob(field(7, LEGACY + varint(2**40))), ENDLESS_BLOB),
    "no numbers, of a negative size": (of_blob(field(7, LEGACY + varint(2**64 - 1))), ENDLESS_BLOB),
    "fewer numbers than sizes": (of_blob(field(7, field(7, field(1, b"\x08")))), "conv"),
    "a parameter cut off": (
        of_blob(field(106, b"\x52\x7f")),
        "damaged in what describes its layers",
    ),
    "a mean image": (b"\x08\1\x10\3\x18\x80\2\x20\x80\2", "a mean image"),
    "zeros": (bytes(5000), "zeros"),
}


@pytest.mark.parametrize("name", CAFFEMODELS)
def test_caffemodels(name: str, tmp_path: Path) -> None:
    data, words = CAFFEMODELS[name]
    (tmp_path / "net.caffemodel").write_bytes(data)
    build = partial(bridge.caffe_to_onnx, NET.prototxt, check=False)
    refused(lambda folder: build(folder / "net.caffemodel").proto, tmp_path, words)


def test_statistics_without_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(layer("BatchNorm"))
    sizes = field(7, field(7, field(1, varint(2**40))))
    data = field(1, b"net") + field(100, field(1, b"l") + field(2, b"BatchNorm") + sizes * 3)
    (tmp_path / "net.caffemodel").write_bytes(data)
    files = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    refused(lambda _: bridge.caffe_to_onnx(*files, check=False).proto, tmp_path, "layer 'l'")


# --- recordings, and names ------------------------------------------------------------------------


def zeros(path: Path) -> None:
    np.savez_compressed(path, **{"out/a": np.zeros(2**18, np.float32)})
    assert path.stat().st_size < 10_000


def objects(path: Path) -> None:
    np.savez(path, **{"out/a": np.array([{}], object)})


def header(path: Path) -> None:
    """Of an array, its dtype and its shape: text that Python's parser reads."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("out/a.npy", b"\x93NUMPY\x01\x00" + b"\x08\x00" + b"{'descr'")


def text(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("out/a.npy", b"text")


@pytest.mark.parametrize(
    ("make", "words"),
    [(zeros, MUCH), (objects, "cannot read"), (header, "cannot read"), (text, "is not an array")],
)
def test_recordings(make: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    path = tmp_path / "io.npz"
    make(path)
    refused(lambda _: bridge.check(path, path), tmp_path, words)


def test_names_never_lead_out_of_the_folder(tmp_path: Path) -> None:
    folder, name = tmp_path / "in", "../../escaped"
    folder.mkdir()
    prototxt, weights = folder / "net.prototxt", folder / "net.caffemodel"
    prototxt.write_text(dense(1).replace('"l"', f'"{name}"').replace('"y"', f'"{name}"'))
    write_caffemodel(weights, "net", [(name, "", [np.zeros((1, 192)), np.zeros(1)])])
    for mode in ("inline", "external", "linked"):
        bridge.caffe_to_onnx(prototxt, weights, folder / "net.onnx", check=False, weights=mode)
    assert {path.name for path in tmp_path.iterdir()} == {"in"}
    assert {p.name for p in folder.iterdir()} == {"net.prototxt", "net.caffemodel", "net.onnx"}
