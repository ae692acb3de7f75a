"""A model of any format that takes images, with what is known of how it wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from bridge.check.backends.backend import Backend
from bridge.check.images import Preprocessing
from bridge.check.inputs import filled
from bridge.errors import UsageError
from bridge.types import Array

if TYPE_CHECKING:
    from bridge.caffe.net import Input
    from bridge.check.loading import Kind, ModelFiles

COLOURS = (1, 3)
"""The numbers of channels that an image may have: grey, or blue, green and red."""


@dataclass(frozen=True)
class ImageModel:
    """A model with one input, of images: n c h w, or n h w c where the `channels_last`.

    `preprocessing` gives what its files say of it, None if they say nothing. Raises BridgeError for
    a mean file that cannot be read.
    """

    backend: Backend
    channels_last: bool
    preprocessing: Callable[[], Preprocessing | None] = lambda: None
    warnings: tuple[str, ...] = ()

    @property
    def _input(self) -> tuple[str, tuple[int | str, ...], str]:
        ((name, (shape, dtype)),) = self.backend.inputs.items()
        return name, shape, dtype

    def shape_for(self, image: Array) -> tuple[int, int, int]:
        """The shape in which it takes an image, c h w: a height or a width that is free is the
        image's own, h w c."""
        _, shape, _ = self._input
        sizes = (shape[3], *shape[1:3]) if self.channels_last else shape[1:]
        own = (image.shape[2], *image.shape[:2])
        channels, height, width = (
            size if isinstance(size, int) else actual
            for size, actual in zip(sizes, own, strict=True)
        )
        return channels, height, width

    @property
    def channels(self) -> int:
        """How many channels it takes; three, if any number."""
        _, shape, _ = self._input
        size = shape[3 if self.channels_last else 1]
        return size if isinstance(size, int) else 3

    @property
    def batch(self) -> int:
        """How many images it takes at a time; one, where that is free."""
        _, (size, *_), _ = self._input
        return size if isinstance(size, int) else 1

    def run(self, image: Array) -> dict[str, Array]:
        """The outputs for one image, c h w, as they are stored. Raises BridgeError if it cannot
        run."""
        name, _, dtype = self._input
        images = filled(image[None], self.batch)
        stored = images.transpose(0, 2, 3, 1) if self.channels_last else images
        feeds = {name: np.ascontiguousarray(_cast(stored, np.dtype(dtype)))}
        outputs = list(dict.fromkeys(self.backend.outputs))
        results = dict(self.backend.run(feeds, outputs))
        return {name: np.asarray(results[name]) for name in outputs}


def _cast(images: Array, dtype: np.dtype[np.generic]) -> Array:
    """Numbers that are whole, and in range, where the input takes such."""
    if dtype.kind == "f":
        return images.astype(dtype, copy=False)
    with np.errstate(invalid="ignore"):
        cast = images.astype(dtype)
    if not np.array_equal(cast, images):
        raise UsageError(
            "the input does not take these numbers",
            expected=dtype,
            received=f"from {images.min():g} to {images.max():g}, perhaps with fractions",
            hint="feed the image as it is: --scale 1",
        )
    return cast


@contextmanager
def opened(files: ModelFiles) -> Iterator[ImageModel]:
    """Opens a model; what is needed for it on the disk is gone afterwards.

    Raises UsageError if it does not take images, and BridgeError if it cannot be opened.
    """
    if files.kind == "recorded":
        raise UsageError("a recording predicts nothing", where=files.path, expected="a model")
    with ExitStack() as stack:
        yield _OPENERS[files.kind](files, stack)


def _of_caffe(files: ModelFiles, stack: ExitStack) -> ImageModel:
    """A Caffe net, lowered, in onnxruntime."""
    from bridge.caffe import read
    from bridge.graph.io import save
    from bridge.lower import lower, understood

    if files.weights is None:
        raise UsageError(
            "a net without its weights predicts nothing",
            where=files.path,
            expected="its .caffemodel after it",
        )
    ignored = files.ignore_fields
    net = read(files.path, files.weights, hold=partial(understood, ignore_fields=ignored))
    lowered = lower(net, ignore_fields=ignored)
    folder = Path(stack.enter_context(TemporaryDirectory()))
    backend = _graph(save(lowered, folder / "net.onnx"), files.path.name)
    name = _image_input(files.path, backend)
    entry = next(entry for entry in net.inputs if entry.name == name)
    return ImageModel(backend, False, partial(_of_training, entry), lowered.warnings)


def _of_training(entry: Input) -> Preprocessing | None:
    is_stated = entry.mean or entry.mean_file or entry.scale != 1
    return Preprocessing.of(entry) if is_stated else None


def _graph(path: Path, title: str) -> Backend:
    from bridge.check.backends.onnx import OnnxBackend
    from bridge.check.backends.runtimes import runtime

    return OnnxBackend(path, runtime("onnxruntime"), title)


def _of_onnx(files: ModelFiles, _: ExitStack) -> ImageModel:
    backend = _graph(files.path, files.path.name)
    shape = backend.inputs[_image_input(files.path, backend)][0]
    return ImageModel(backend, _has_channels_last(shape), partial(_of_metadata, files.path))


def _of_metadata(path: Path) -> Preprocessing | None:
    from bridge.check.backends.onnx import loaded
    from bridge.graph.io.images import Pixels

    pixels = Pixels.of({entry.key: entry.value for entry in loaded(path).metadata_props})
    return None if pixels is None else Preprocessing.of_pixels(pixels)


def _of_stored(files: ModelFiles, stack: ExitStack) -> ImageModel:
    """A model of Keras, or an export of one, in a process of its own."""
    from bridge.check.backends.stored import process
    from bridge.check.backends.stored.opening import as_stored

    opening = process.opened(files.kind, files.path, is_own=files.is_own)
    model, _ = stack.enter_context(opening)
    path, backend = files.path, as_stored(model)
    shape = backend.inputs[_image_input(path, backend)][0]
    if shape[1] in COLOURS and shape[3] in COLOURS:
        raise UsageError(
            "it is unknown which axis of the input has the channels of an image",
            where=path,
            received=" ".join(map(str, shape)),
            hint="predict with the graph that it was raised from, .onnx",
        )
    return ImageModel(backend, shape[1] not in COLOURS)


def _has_channels_last(shape: Sequence[int | str]) -> bool:
    """Of a graph's input: as a rule n c h w, but some are of a framework with n h w c."""
    return shape[3] in COLOURS and isinstance(shape[1], int) and shape[1] not in COLOURS


def _image_input(path: Path, backend: Backend) -> str:
    inputs: Mapping[str, tuple[tuple[int | str, ...], str]] = backend.inputs
    if [len(shape) for shape, _ in inputs.values()] == [4]:
        return next(iter(inputs))
    listed = (f"{name}: {' '.join(map(str, shape))}" for name, (shape, _) in inputs.items())
    raise UsageError(
        "images cannot be fed to this net",
        where=path,
        expected="one input, n c h w",
        received=", ".join(listed) or "none",
        hint="caffe-to-onnx and onnx-to-keras cut a net to some of its --outputs",
    )


_OPENERS: Mapping[Kind, Callable[[ModelFiles, ExitStack], ImageModel]] = {
    "caffe": _of_caffe,
    "onnx": _of_onnx,
    "keras": _of_stored,
    "tflite": _of_stored,
    "saved model": _of_stored,
}
