"""The nets, as files: what is missing is made, in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from _bench.measure import FOLDER, ROOT, apart

SHARED = ROOT.parent / "shared"
_PUBLIC = {
    "resnet50": "KaimingHe__deep-residual-networks__prototxt_ResNet_50_deploy.prototxt",
    "mobilenet": "shicai__MobileNet-Caffe__mobilenet_deploy.prototxt",
    "resnext26": "soeaver__caffe-model__cls_resnext_deploy_resnext26_32x4d_priv.prototxt",
}


class Net(NamedTuple):
    """A net as an ONNX file, and as Caffe's two if it is Caffe's."""

    onnx: Path
    caffe: tuple[Path, Path] | None = None


def lenet() -> Net:
    return _of_caffe("lenet", _trained("lenet_bvlc_iter10000"))


def open_nsfw() -> Net:
    return _of_caffe("open_nsfw", _trained("open_nsfw_resnet50_1by2"))


def public(name: str) -> Net:
    """A public net with weights of its fillers."""
    source = SHARED / "zoo" / _PUBLIC[name]
    _refuse_missing(source)
    return _of_caffe(name, _filled(name, source.read_text("utf-8")))


def resnet50_in_training(batch: int) -> str:
    """The prototxt of ResNet-50 with the loss that it is trained by, for so many images."""
    source = SHARED / "zoo" / _PUBLIC["resnet50"]
    _refuse_missing(source)
    text = source.read_text("utf-8")
    shapes = f"shape {{ dim: {batch} dim: 3 dim: 224 dim: 224 }} shape {{ dim: {batch} }}"
    tops = 'type: "Input" top: "data" top: "label"'
    inputs = f'layer {{ name: "data" {tops} input_param {{ {shapes} }} }}'
    layers = text[text.index("layer {") : text.rindex("layer {")]  # without the Softmax
    layers = layers.replace("use_global_stats: true", "")
    bottoms = 'bottom: "fc1000" bottom: "label"'
    loss = f'layer {{ name: "loss" type: "SoftmaxWithLoss" {bottoms} top: "loss" }}'
    return "\n".join([inputs, layers, loss])


def vgg16() -> Net:
    return _of_caffe("vgg16", _filled("vgg16", "\n".join(vgg16_text())))


def vdsr() -> tuple[Path, Path]:
    return _trained("vdsr")


def application(name: str) -> Net:
    """A net of keras.applications with random weights."""
    path = FOLDER / f"{name}.onnx"
    if not path.exists():
        apart(_export, name, path)
    return Net(path)


def _export(name: str, path: Path) -> None:
    import keras

    import bridge

    keras.utils.set_random_seed(0)
    bridge.keras_to_onnx(getattr(keras.applications, name)(weights=None), path, check=False)


def _trained(name: str) -> tuple[Path, Path]:
    folder = SHARED / "models" / name
    files = folder / "deploy.prototxt", folder / "weights.caffemodel"
    for file in files:
        _refuse_missing(file)
    return files


def _refuse_missing(file: Path) -> None:
    if not file.is_file():
        sys.exit(f"this needs a public net: {file}")


def _of_caffe(name: str, files: tuple[Path, Path]) -> Net:
    path = FOLDER / f"{name}.onnx"
    if not path.exists():
        apart(_lower, *files, path)
    return Net(path, files)


def _lower(prototxt: Path, caffemodel: Path, path: Path) -> None:
    import bridge

    bridge.caffe_to_onnx(prototxt, caffemodel, path, check=False)


def _filled(name: str, text: str) -> tuple[Path, Path]:
    """A net's two files, with weights of its fillers."""
    prototxt, caffemodel = FOLDER / f"{name}.prototxt", FOLDER / f"{name}.caffemodel"
    if not caffemodel.exists() or prototxt.read_text("utf-8") != text:
        prototxt.write_text(text, "utf-8")
        apart(_fill, prototxt, caffemodel)
    return prototxt, caffemodel


def _fill(prototxt: Path, caffemodel: Path) -> None:
    from bridge.caffe import read
    from bridge.caffe.match import with_filled_weights
    from bridge.caffe.write import write_caffemodel

    net = with_filled_weights(read(prototxt))
    filled = (layer for layer in net.layers if layer.blobs)
    layers = ((la.name, la.type, [blob.array() for blob in la.blobs]) for la in filled)
    partial = caffemodel.with_suffix(".partial")
    write_caffemodel(partial, net.name, layers)
    partial.rename(caffemodel)


def vgg16_text() -> Iterator[str]:
    """VGG16 as its authors published it: 553 MB."""
    yield 'name: "VGG16" input: "data" input_shape { dim: 1 dim: 3 dim: 224 dim: 224 }'
    bottom = "data"
    for block, (depth, channels) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
        convolution = f"num_output: {channels} kernel_size: 3 pad: 1"
        for index in range(1, depth + 1):
            top = f"conv{block}_{index}"
            settings = convolution + _filler("msra")
            yield _layer(top, "Convolution", bottom, top, "convolution", settings)
            yield _layer(f"relu{block}_{index}", "ReLU", top, top)
            bottom = top
        top, bottom = f"pool{block}", top
        yield _layer(top, "Pooling", bottom, top, "pooling", "pool: MAX kernel_size: 2 stride: 2")
        bottom = top
    for number, size in ((6, 4096), (7, 4096), (8, 1000)):
        top = f"fc{number}"
        dense = f"num_output: {size}" + _filler("xavier")
        yield _layer(top, "InnerProduct", bottom, top, "inner_product", dense)
        if number < 8:
            yield _layer(f"relu{number}", "ReLU", top, top)
            yield _layer(f"drop{number}", "Dropout", top, top)
        bottom = top
    yield _layer("prob", "Softmax", "fc8", "prob")


def _filler(type_: str) -> str:
    return f' weight_filler {{ type: "{type_}" }}'


def _layer(
    name: str, type_: str, bottom: str, top: str, message: str = "", settings: str = ""
) -> str:
    own = f" {message}_param {{ {settings} }}" if message else ""
    return f'layer {{ name: "{name}" type: "{type_}" bottom: "{bottom}" top: "{top}"{own} }}'
