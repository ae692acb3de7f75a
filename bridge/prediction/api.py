"""`bridge.predict`: feeds images to a model as its net wants them, and reads its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bridge.check.api import Model, Opening, files_among, paths_of, preprocessing_of
from bridge.check.images import Preprocessing, fitted, opencv, pixels_of
from bridge.errors import UsageError, plain
from bridge.files import readable
from bridge.files.html import table
from bridge.files.outputs import refuse_collisions, writable
from bridge.prediction.answers import Answer, Guess, Reader
from bridge.prediction.drawing import ENDINGS, draw
from bridge.prediction.model import ImageModel, opened
from bridge.prediction.names import Names, read_names
from bridge.public import public
from bridge.public.options import PathLike, as_names
from bridge.public.progress import Progress, silent
from bridge.types import Array


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image: each of its outputs."""

    image: Path
    answers: tuple[Answer, ...]

    @property
    def best(self) -> Guess | None:
        """The best guess of the first output that has one."""
        return next((x.guesses[0] for x in self.answers if x.guesses), None)

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {"image": str(self.image), "answers": [x.as_dict() for x in self.answers]}


@dataclass(frozen=True)
class Predictions:
    """What `model` says of each image; the name has what ran it."""

    model: str
    images: tuple[Prediction, ...]
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        guesses = ", ".join(f"{image.image.name} {image.best or '?'}" for image in self.images)
        return plain(f"<Predictions of {self.model}: {guesses}>")

    def _repr_html_(self) -> str:
        """The guesses, as a table for a notebook."""
        rows = [
            (image.image.name, answer.output, guess, f"{guess.score:.4f}")
            for image in self.images
            for answer in image.answers
            for guess in answer.guesses
        ]
        return table(self.model, ("image", "output", "class", "score"), rows)

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        images = [image.as_dict() for image in self.images]
        return {"model": self.model, "images": images, "warnings": list(self.warnings)}


@public
def predict(
    model: Model,
    images: PathLike | Sequence[PathLike],
    *,
    labels: PathLike | None = None,
    top: int = 5,
    confidence: float = 0.5,
    mean: float | Sequence[float] | PathLike | None = None,
    scale: float | Sequence[float] | None = None,
    rgb: bool = False,
    ignore_fields: str | Sequence[str] = (),
    allow_external_path: bool = False,
    output: PathLike | None = None,
    progress: Progress = silent,
) -> Predictions:
    """What a model says of images: the best classes, boxes, or the classes of a map.

    A model is a path (.onnx, .keras, .tflite, a SavedModel folder), the two paths of a Caffe net,
    which is converted and runs in onnxruntime, or an onnx.ModelProto or keras.Model in memory. It
    has one input, n c h w or n h w c. Images are files that OpenCV reads, fed one by one: resized
    without regard to their proportions, (image - mean) · scale, blue, green, red unless `rgb`.
    Without these three, it is what the prototxt says (its `transform_param`, and its crop), or an
    .onnx of the images that it takes.

    `labels` names the classes: a line for each, from class 0 on, or a label map of SSD. There are
    the `top` classes, and all boxes of at least this `confidence`. `output` is a picture to write,
    .png or .jpg, with the answers on it, for one image. `allow_external_path` reads weights that an
    .onnx has in other folders.

    Raises UsageError if the preprocessing is unknown, or the model does not take images, and
    BridgeError if a file cannot be read, or the model not be run.
    """
    paths, asked = paths_of(images), preprocessing_of(mean, scale, rgb)
    if not paths:
        raise UsageError("no image is named", expected="one or more")
    picture = None if output is None else _picture(Path(output), paths)
    if picture is not None:
        refuse_collisions({"the picture": picture}, files_among(model, labels, mean, *paths))
    names = {} if labels is None else read_names(Path(labels))
    _refuse_early(model, paths, asked)
    progress("opening the model")
    opening = Opening(as_names(ignore_fields), allow_external_path)
    with TemporaryDirectory() as folder, ExitStack() as stack:
        files = opening.files(model, Path(folder) / "model", stack)
        with opened(files) as net:
            preprocessing = asked or net.preprocessing()
            if preprocessing is None:
                raise _unknown_preprocessing(files.path)
            run = _Run(net, preprocessing, names, top, confidence)
            predictions = []
            for count, path in enumerate(paths, 1):
                progress(f"image {count} of {len(paths)}: {path.name}")
                predictions.append(run.predict(path, picture))
            return Predictions(net.backend.title, tuple(predictions), net.warnings)


def _picture(path: Path, images: Sequence[Path]) -> Path:
    if len(images) > 1:
        raise UsageError(
            "one picture is written, of one image",
            where=path,
            received=f"{len(images)} images",
            hint="run it once for each",
        )
    return writable(path, ENDINGS, "picture")


# Files that never say which images they take.
_SILENT = (".keras", ".h5", ".tflite")


def _refuse_early(model: Model, images: Sequence[Path], asked: Preprocessing | None) -> None:
    """Before the model is opened, which may take as long as TensorFlow does. Raises UsageError."""
    path = Path(model) if isinstance(model, str | Path) else None
    files = model if isinstance(model, tuple) else [] if path is None else [path]
    if not all(Path(file).exists() for file in files):
        return  # opening it says so, first
    opencv()
    for image in images:
        readable(image, "image")
    if asked is None and path is not None and path.suffix in _SILENT:
        raise _unknown_preprocessing(path)


def _unknown_preprocessing(path: Path) -> UsageError:
    return UsageError(
        "it is unknown how this net wants its images",
        where=path,
        expected="(image - mean) · scale, by --mean and --scale, of channels blue, green, red, or "
        "with --rgb the other way round",
        received="a file that does not say it, as a prototxt for training does",
        hint="many nets of Caffe want --mean 104,117,123; with --scale 1 images are fed as they "
        "are, from 0 to 255",
    )


@dataclass(frozen=True)
class _Run:
    """A model that is open, and how its outputs are read."""

    model: ImageModel
    preprocessing: Preprocessing
    names: Names
    top: int
    confidence: float

    def predict(self, path: Path, picture: Path | None) -> Prediction:
        pixels = pixels_of(path, self.model.channels)
        shape = self.model.shape_for(pixels)
        results = self.model.run(fitted(pixels, shape, self.preprocessing))
        reader = self._reader(pixels, shape)
        answers = tuple(
            reader.read(name, array, self.model.batch) for name, array in results.items()
        )
        self._refuse_unused_names(answers)
        if picture is not None:
            draw(pixels_of(path), answers, picture)
        return Prediction(path, answers)

    def _reader(self, pixels: Array, shape: tuple[int, int, int]) -> Reader:
        """Boxes are of what was fed, which may be the middle of the picture."""
        rows, columns = self.preprocessing.frame(*shape[1:])
        x, y = pixels.shape[1] / columns, pixels.shape[0] / rows
        top, left = (rows - shape[1]) // 2, (columns - shape[2]) // 2
        size, offset = (shape[2] * x, shape[1] * y), (left * x, top * y)
        last = self.model.channels_last
        return Reader(self.names, self.top, self.confidence, shape[1:], size, offset, last)

    def _refuse_unused_names(self, answers: Sequence[Answer]) -> None:
        """Names that fit no output are those of another net."""
        counts = [x.classes for x in answers if x.kind in ("classes", "map")]
        if self.names and counts and set(self.names) not in [set(range(n)) for n in counts]:
            raise UsageError(
                "the names do not fit the net's classes",
                expected=f"{' or '.join(map(str, counts))} names",
                received=len(self.names),
            )
