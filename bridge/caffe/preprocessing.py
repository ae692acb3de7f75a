"""The preprocessing of images, as layers of the net itself.

Caffe's nets take (image - mean) · scale, with channels in OpenCV's order: blue, green, red. A
prototxt for training states this in the `transform_param` of its data layers; a deployed one leaves
it to the calling program. (Source: src/caffe/data_transformer.cpp)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bridge import files
from bridge.caffe.files.blobs import stored_blob
from bridge.caffe.net import Blob, Input, Layer, Net, Shape
from bridge.caffe.shapes.table import LayerShapes, shape, text
from bridge.errors import Location, UsageError, WeightsError, words_of
from bridge.files.wire import BYTES, Entry, Wire
from bridge.types import Array

Mean = float | Sequence[float] | str | Path | None
"""One number, one per channel, or the file of a mean image: .binaryproto or .npy."""

Scale = float | Sequence[float]
"""One number, or one per channel."""

SUBTRACT_MEAN = "bridge.Mean"
"""The type of the layer that subtracts its blob, c or c h w, from n c h w: Caffe has none."""


@shape(SUBTRACT_MEAN)
def subtract_mean(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c h w  ->  the same."""
    return LayerShapes((x,), tuple(blob.shape for blob in layer.blobs))


def preprocessed(net: Net, mean: Mean = None, scale: Scale = 1.0, *, rgb: bool = False) -> Net:
    """The net with layers in front that turn images from 0 to 255 into its input, n c h w.

    With `rgb` the images are red, green, blue. The input keeps its name; the preprocessed value has
    the name of the layer that produces it. If no preprocessing is requested but the prototxt says
    how the net was trained, that is a warning.

    Errors: UsageError where the image input is ambiguous, or mean and image do not match;
    WeightsError for a mean file that cannot be read.
    """
    if mean is None and _is_one(scale) and not rgb:
        notes = [note for entry in net.inputs for note in _notes(entry)]
        return replace(net, warnings=(*net.warnings, *notes))
    image = _image(net)
    taken = {name for layer in net.layers for name in (layer.name, *layer.tops)}
    layers: list[Layer] = []
    for role, kind, settings, blobs in _steps(image, mean, scale, rgb):
        name = _fresh(f"{image.name}_{role}", taken)
        bottom = layers[-1].tops[0] if layers else image.name
        layers.append(Layer(name, kind, (bottom,), (name,), image.where, settings, blobs))
    formats = {1: "Gray8", 3: "Rgb8" if rgb else "Bgr8"}
    plain = replace(image, pixels=formats.get(image.shape[1], ""))
    inputs = tuple(plain if entry is image else entry for entry in net.inputs)
    return _before(replace(net, inputs=inputs), image, layers)


Candidate = tuple[str, str, dict[str, dict[str, Any]], tuple[Blob, ...]]
"""Its role, the layer's type, its parameters and its blobs."""


def _steps(image: Input, mean: Mean, scale: Scale, rgb: bool) -> Iterator[Candidate]:
    if rgb:
        _require_channels(image, 3, "--rgb")
        yield "bgr", "Reverse", {"reverse_param": {"axis": 1}}, ()
    if mean is not None:
        yield "mean", SUBTRACT_MEAN, {}, (_mean(image, mean),)
    values: Array = np.asarray(scale, np.float64).reshape(-1)
    if values.size > 1:
        factors = _of_channels(image, "scale", values)
        yield "scale", "Scale", {"scale_param": {"bias_term": False}}, (factors,)
    elif not _is_one(scale):
        yield "scale", "Power", {"power_param": {"scale": float(values[0])}}, ()


def _is_one(scale: Scale) -> bool:
    return bool(np.all(np.asarray(scale) == 1))


def _before(net: Net, image: Input, layers: Sequence[Layer]) -> Net:
    """The net after these layers: consumers of the image consume the preprocessed one."""
    preprocessed = layers[-1].tops[0]
    rewired = (
        replace(layer, bottoms=tuple(preprocessed if b == image.name else b for b in layer.bottoms))
        for layer in net.layers
    )
    outputs = tuple(preprocessed if name == image.name else name for name in net.outputs)
    return replace(net, layers=(*layers, *rewired), outputs=outputs)


def _image(net: Net) -> Input:
    images = [entry for entry in net.inputs if len(entry.shape) == 4]
    if len(images) != 1:
        raise UsageError(
            "it is not clear which input the preprocessing is for",
            expected="one input with axes n c h w",
            received=", ".join(f"{i.name} ({text(i.shape)})" for i in net.inputs) or "no inputs",
            hint="pass the shape of an input with --input-shape if the net does not state it",
        )
    (image,) = images
    if 0 in image.shape[1:]:
        raise UsageError(
            f"the shape of input '{image.name}' is unknown",
            where=image.where,
            received=text(image.shape),
            hint=f"pass it: --input-shape {image.name}:1,3,224,224",
        )
    return image


def _fresh(name: str, taken: set[str]) -> str:
    return name if name not in taken else _fresh(f"{name}_", taken)


def _require_channels(image: Input, count: int, what: str) -> None:
    if image.shape[1] != count:
        raise UsageError(
            f"{what} does not fit the input '{image.name}'",
            where=image.where,
            expected=f"{count} channels",
            received=text(image.shape),
        )


def _notes(image: Input) -> Iterator[str]:
    """The preprocessing that the prototxt states, as the options that do the same."""
    options = []
    if image.mean:
        options.append(f"--mean {','.join(f'{value:g}' for value in image.mean)}")
    if image.mean_file:
        options.append(f"--mean {image.mean_file}")
    if image.scale != 1:
        options.append(f"--scale {image.scale:g}")
    if options:
        yield (
            f"{image.where}: input '{image.name}' expects images that are preprocessed as in "
            f"training; the graph does so itself with {' '.join(options)}"
        )


# ---- means -----------------------------------------------------------------------------------


def _mean(image: Input, mean: Mean) -> Blob:
    """c, or c h w of the image's size: a larger mean is cropped to its centre, as the image is."""
    if isinstance(mean, str | Path):
        return _cropped(image, read_mean(Path(mean)), Location.of(mean))
    values: Array = np.asarray(mean, np.float32).reshape(-1)
    if values.size == 1:
        values = np.repeat(values, image.shape[1])
    return _of_channels(image, "mean", values)


def _of_channels(image: Input, what: str, values: Array) -> Blob:
    """Numbers as a blob, c."""
    channels = image.shape[1]
    if values.size != channels:
        several = (
            f", or {channels}: one for each channel" if channels > 1 else ", for the one channel"
        )
        raise UsageError(
            f"a {what} of {values.size} numbers does not fit the input '{image.name}'",
            where=image.where,
            expected=f"1 number{several} of {text(image.shape)}",
        )
    return Blob(values.shape, lambda: values.astype(np.float32))


def read_mean(path: Path) -> Blob:
    """The mean image in a .binaryproto or .npy file, unread: c h w, or only c.

    Errors: UsageError if the file does not exist, WeightsError if it contains no mean.
    """
    files.readable(path, "mean")
    blob = _from_numpy(path) if path.suffix == ".npy" else read_blob(path, "mean image")
    dims = blob.shape[1:] if blob.shape[:1] == (1,) and len(blob.shape) == 4 else blob.shape
    if len(dims) not in (1, 3):
        raise WeightsError(
            "not a mean image",
            where=Location.of(path),
            expected="c h w, or 1 c h w",
            received=text(blob.shape),
        )
    return blob.reshaped(*dims)


def _from_numpy(path: Path) -> Blob:
    try:
        # As np.load, but of no archive.
        array: Array = np.lib.format.open_memmap(path, mode="r")  # type: ignore[no-untyped-call]
    except (ValueError, EOFError) as error:
        raise WeightsError(
            "not a .npy file", where=Location.of(path), received=words_of(error)
        ) from None
    if array.dtype.kind not in "biuf":
        raise WeightsError("a mean has numbers", where=Location.of(path), received=array.dtype)
    return Blob(array.shape, lambda: array.astype(np.float32))


def read_blob(path: Path, what: str) -> Blob:
    """The blob of a .binaryproto, unread. Errors: WeightsError if the file is no blob."""
    kind = files.of(path)
    is_message = files.glance(path).startswith(b"\x08")  # a number: of images, of a state, of ONNX
    if kind is not None and not is_message:
        raise WeightsError(
            f"not a {what}",
            where=Location.of(path),
            expected="a BlobProto: .binaryproto, as Caffe writes it",
            received=kind.name,
            hint=kind.hint,
        )
    wire = Wire(path)
    stored = stored_blob(wire, Entry(0, BYTES, 0, 0, 0, len(wire)))
    if not (stored.count and stored.is_whole):
        raise WeightsError(
            f"not a {what}",
            where=Location.of(path),
            expected="a BlobProto: .binaryproto, as Caffe writes it",
            received=f"{stored.count} values of shape {text(stored.blob.shape)}",
        )
    return stored.blob


def _cropped(image: Input, mean: Blob, file: Location) -> Blob:
    channels, *sizes = mean.shape
    wanted = image.shape[2:]
    if channels != image.shape[1] or any(a < b for a, b in zip(sizes, wanted, strict=False)):
        raise UsageError(
            f"the mean does not fit the input '{image.name}'",
            where=file,
            expected=f"{text(image.shape[1:])}, or larger",
            received=text(mean.shape),
        )
    if not sizes:
        return mean
    begins = [(size - want) // 2 for size, want in zip(sizes, wanted, strict=True)]
    window = tuple(slice(b, b + want) for b, want in zip(begins, wanted, strict=True))
    return Blob((channels, *wanted), partial(_part, mean, window))


def _part(mean: Blob, window: tuple[slice, ...]) -> Array:
    return mean.array()[(slice(None), *window)]
