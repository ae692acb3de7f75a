"""Images as inputs: a few of them, or many with known labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bridge.check.arrays import Arrays
from bridge.errors import UsageError, words_of
from bridge.files import missing, other_kind, readable
from bridge.public.extras import pip_install
from bridge.types import Array

if TYPE_CHECKING:
    from bridge.caffe.net import Input
    from bridge.graph.io.images import Pixels

ENDINGS = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True)
class Preprocessing:
    """(image - mean) · scale of channels in OpenCV's order, blue, green, red, unless `rgb`.

    `mean` is a number, one for each channel, or an image: c h w; `scale` is a number, or one for
    each channel. An image is resized to the height and width of `uncropped`, if there are any, or
    of a mean image, and its middle is cropped to what the net takes.
    (Source: src/caffe/data_transformer.cpp, in the phase TEST.)
    """

    mean: Array
    scale: float | Array = 1.0
    rgb: bool = False
    uncropped: tuple[int, int] | None = None

    @classmethod
    def of(cls, entry: Input) -> Preprocessing:
        """As in training, by the prototxt. Raises BridgeError if its mean file cannot be read."""
        mean = np.asarray(entry.mean or 0.0, np.float32)
        if entry.mean_file:
            from bridge.caffe.preprocessing import read_mean

            file = Path(entry.where.file).parent / entry.mean_file
            mean = read_mean(file).array()
        return cls(mean, entry.scale, uncropped=entry.uncropped)

    @classmethod
    def of_pixels(cls, pixels: Pixels) -> Preprocessing:
        """For a graph that says which images it takes."""
        return cls(np.asarray([pixels.mean], np.float32), 1 / pixels.divisor, pixels.rgb)

    def frame(self, height: int, width: int) -> tuple[int, int]:
        """The height and width to which an image is resized before its middle is cropped to these
        ones: the same, if nothing is."""
        sizes = self.uncropped or (height, width)
        if self.mean.ndim == 3:
            sizes = self.mean.shape[1], self.mean.shape[2]
        return sizes if sizes[0] >= height and sizes[1] >= width else (height, width)

    def apply(self, pixels: Array) -> Array:
        """pixels: h w c, 0 to 255  ->  c h w.

        Raises UsageError if the mean or the scale does not fit.
        """
        image = pixels.astype(np.float32).transpose(2, 0, 1)
        self._refuse_mismatch(image.shape)
        mean = self.mean.reshape(-1, 1, 1) if self.mean.ndim < 3 else self._middle(image.shape)
        scale = np.asarray(self.scale, np.float32).reshape(-1, 1, 1)
        image = ((image[::-1] if self.rgb else image) - mean) * scale
        return np.ascontiguousarray(image, np.float32)

    def _refuse_mismatch(self, shape: tuple[int, ...]) -> None:
        if np.size(self.scale) not in (1, shape[0]):
            raise UsageError(
                "the scale does not fit the images that the net takes",
                expected=f"one number, or {shape[0]}",
                received=np.size(self.scale),
            )
        mean = self.mean.shape
        if len(mean) < 3:
            fits = self.mean.size in (1, shape[0])
        else:
            fits = mean[0] == shape[0] and mean[1] >= shape[1] and mean[2] >= shape[2]
        if not fits:
            image = " ".join(map(str, shape))
            raise UsageError(
                "the mean does not fit the images that the net takes",
                expected=f"one number, {shape[0]} of them, or an image of {image} or larger",
                received=" ".join(map(str, mean)),
            )

    def _middle(self, shape: tuple[int, ...]) -> Array:
        """The middle of a mean that is larger than the image, as Caffe crops both."""
        starts = [(size - crop) // 2 for size, crop in zip(self.mean.shape, shape, strict=True)]
        return self.mean[tuple(slice(s, s + crop) for s, crop in zip(starts, shape, strict=True))]


PLAIN = Preprocessing(np.float32(0).reshape(1))


def opencv() -> Any:
    """OpenCV, which reads images and draws. Raises UsageError if it is missing."""
    try:
        import cv2
    except ImportError as error:
        raise UsageError(
            "OpenCV is needed to read images",
            received=str(error),
            hint=pip_install("opencv"),
        ) from error
    return cv2


_NO_IMAGE = "not an image that OpenCV can read"


def pixels_of(path: Path, channels: int = 3) -> Array:
    """An image file: h w c of bytes, blue, green, red, or grey. Raises UsageError."""
    cv2 = opencv()
    if channels not in (1, 3):
        raise UsageError(
            "images cannot be fed to this net", expected="1 or 3 channels", received=channels
        )
    data = np.fromfile(readable(path, "image"), np.uint8)
    kind = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR
    try:
        pixels = cv2.imdecode(data, kind) if data.size else None
    except cv2.error as error:  # of more pixels than it takes
        raise UsageError(_NO_IMAGE, where=path, received=words_of(error)) from error
    if pixels is None:
        raise other_kind(path, _NO_IMAGE, expected="an image, as .png or .jpg")
    return np.asarray(pixels).reshape(*pixels.shape[:2], channels)


def fitted(pixels: Array, shape: Sequence[int], preprocessing: Preprocessing) -> Array:
    """An image as a net of this shape takes it. pixels: h w c  ->  c h w. Raises UsageError."""
    cv2 = opencv()
    channels, height, width = shape
    rows, columns = preprocessing.frame(height, width)
    resized = cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_LINEAR)
    top, left = (rows - height) // 2, (columns - width) // 2
    middle = resized.reshape(rows, columns, channels)[top : top + height, left : left + width]
    return preprocessing.apply(middle)


def read_image(path: Path, shape: Sequence[int], preprocessing: Preprocessing) -> Array:
    """An image file, resized to the shape that a net takes: c h w. Raises UsageError."""
    return fitted(pixels_of(path, shape[0]), shape, preprocessing)


class Labelled(Protocol):
    """Images with known labels."""

    def __len__(self) -> int: ...

    def batches(self, size: int) -> Iterator[tuple[Array, Array]]:
        """Images, n c h w, and their labels, n; `size` at a time, the last time the rest."""

    def part(self, start: int, stop: int) -> Labelled:
        """Some of them, which another machine can read as well."""


@dataclass(frozen=True)
class LabelledArrays:
    """An .npz with `images`, n c h w as the net takes them, and `labels`, n."""

    images: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, size: int) -> Iterator[tuple[Array, Array]]:
        for start in range(0, len(self), size):
            yield self.images[start : start + size], self.labels[start : start + size]

    def part(self, start: int, stop: int) -> LabelledArrays:
        return LabelledArrays(self.images[start:stop], self.labels[start:stop])


@dataclass(frozen=True)
class LabelledFiles:
    """Image files, read batch by batch."""

    paths: tuple[Path, ...]
    labels: tuple[int, ...]
    shape: tuple[int, ...]
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, size: int) -> Iterator[tuple[Array, Array]]:
        for start in range(0, len(self), size):
            paths = self.paths[start : start + size]
            images = [read_image(path, self.shape, self.preprocessing) for path in paths]
            yield np.stack(images), np.array(self.labels[start : start + size])

    def part(self, start: int, stop: int) -> LabelledFiles:
        paths = tuple(path.resolve() for path in self.paths[start:stop])
        return replace(self, paths=paths, labels=self.labels[start:stop])


def labelled(path: Path, shape: Sequence[int], preprocessing: Preprocessing) -> Labelled:
    """The images of an .npz, of a list of files (Caffe's own: a path and a label on each line),
    or of a folder, which has such a list, `labels.txt`, or a folder for each label.

    Raises UsageError.
    """
    if not path.exists():
        raise missing(path, "labelled images")
    if path.suffix == ".npz":
        return _from_arrays(path, tuple(shape))
    files = _in_list(path) if path.is_file() else _in_folder(path)
    if not files:
        raise UsageError("no images with labels here", where=path)
    paths, labels = zip(*files, strict=True)
    return LabelledFiles(paths, labels, tuple(shape), preprocessing)


def _from_arrays(path: Path, shape: tuple[int, ...]) -> Labelled:
    arrays = Arrays.of(path)
    if not {"images", "labels"} <= set(arrays.names):
        raise UsageError(
            "the images or their labels are missing",
            where=path,
            expected="arrays `images`, n c h w, and `labels`, n",
            received=", ".join(arrays.names),
        )
    images, labels = arrays["images"], arrays["labels"].reshape(-1)
    if len(images) != len(labels) or not len(labels):
        raise UsageError(
            "images and labels do not match",
            where=path,
            expected=f"{len(images)} labels",
            received=len(labels),
        )
    if images.shape[1:] != shape:
        raise UsageError(
            "the net takes images of another shape",
            where=path,
            expected=" ".join(map(str, ("n", *shape))),
            received=" ".join(map(str, images.shape)),
        )
    if (labels % 1).any():
        raise UsageError(
            "labels must be whole numbers", where=path, received=labels[labels % 1 > 0][0]
        )
    return LabelledArrays(images, labels)


def _in_list(path: Path) -> list[tuple[Path, int]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(
            "not a list of images",
            where=path,
            expected="lines of PATH NUMBER; or an .npz, or a folder",
        ) from error
    files = []
    for number, line in enumerate(lines, 1):
        name, _, label = line.strip().rpartition(" ")
        if not line.strip():
            continue
        if not name or not label.isdigit():
            raise UsageError(
                "not an image and its label",
                where=f"{path}:{number}",
                expected="PATH NUMBER",
                received=line,
            )
        files.append((path.parent / name, int(label)))
    return files


def _in_folder(path: Path) -> list[tuple[Path, int]]:
    """A folder named by a number has that label; other folders are numbered in sorted order."""
    if (path / "labels.txt").is_file():
        return _in_list(path / "labels.txt")
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir())
    are_numbers = all(folder.name.isdigit() for folder in folders)
    return [
        (file, int(folder.name) if are_numbers else index)
        for index, folder in enumerate(folders)
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in ENDINGS
    ]
