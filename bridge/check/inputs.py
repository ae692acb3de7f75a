"""What a check feeds: seeded numbers, what was recorded, or what a user gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bridge.check.backends.caffe import CaffeBackend
from bridge.check.backends.recorded import RecordedBackend
from bridge.check.images import Labelled, Preprocessing, labelled, read_image
from bridge.errors import UsageError
from bridge.graph.ranges import Columns

if TYPE_CHECKING:
    from bridge.check.backends.backend import Backend, Given

Array = NDArray[Any]
Feeds = Mapping[str, Array]
Source = Callable[[Sequence[str]], Feeds]
"""Gives the arrays of inputs by their names, as far as it has them."""

# A layout fault can hide in a batch of one.
FREE_BATCH = 2
FREE_SIZE = 64

# What the numbers of an image lie below, when a mean is subtracted and nothing else is done.
WIDE = 128.0


@dataclass(frozen=True)
class Feeding:
    """What a user wants to be fed: arrays (of a `source`), image files, or the first of `labels`;
    else what a recording was fed, else `batches` times seeded numbers, `batch` at a time. Two are
    needed to see whether anything depends on what is fed.

    `preprocessing` is what is done to images, None where the net itself says.
    """

    source: Source | None = None
    images: tuple[Path, ...] = ()
    labels: Path | None = None
    preprocessing: Preprocessing | None = None
    seed: int = 0
    batch: int = FREE_BATCH
    batches: int = 2

    @property
    def has_files(self) -> bool:
        """Whether there are image files to read."""
        return bool(self.images) or (self.labels is not None and self.labels.suffix != ".npz")


def seeded_inputs(
    inputs: Mapping[str, tuple[Sequence[int | str], str]],
    seed: int = 0,
    batch: int = FREE_BATCH,
    sizes: Mapping[str, int] | None = None,
    ranges: Mapping[str, Columns] | None = None,
    images: float = 1.0,
) -> dict[str, Array]:
    """Values in [-1, 1) for each input, given its shape and dtype; `images` times that where it has
    four axes.

    Inputs that `ranges` knows get whole numbers out of these. Others of whole numbers are images
    where they are of bytes and have more than two axes, else 0 or 1: that is a mask, and as good
    a count as any. A free batch size becomes 2, any other free size that of `sizes`, else 64.
    """
    generator = np.random.default_rng(seed)
    found: dict[str, Array] = {}
    for name, (shape, dtype) in inputs.items():
        sizes_of_one = fixed(_sized(shape, sizes or {}), batch)
        columns = (ranges or {}).get(name)
        found[name] = (
            _values(generator, sizes_of_one, np.dtype(dtype), images)
            if columns is None
            else _whole(generator, sizes_of_one, columns).astype(dtype)
        )
    return found


def _sized(shape: Sequence[int | str], sizes: Mapping[str, int]) -> tuple[int | str, ...]:
    return tuple(sizes.get(size, size) if isinstance(size, str) else size for size in shape)


def fixed(shape: Sequence[int | str], batch: int = FREE_BATCH) -> tuple[int, ...]:
    """A shape with every free size decided."""
    return tuple(
        size if isinstance(size, int) else FREE_SIZE if axis and size != "batch" else batch
        for axis, size in enumerate(shape)
    )


def _values(
    generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any], images: float
) -> Array:
    if dtype.kind == "f":
        size = images if len(shape) == 4 else 1.0
        return generator.uniform(-size, size, shape).astype(dtype)
    if dtype.kind in "iu" and dtype.itemsize == 1 and len(shape) > 2:
        ends = np.iinfo(dtype)
        return generator.integers(ends.min, ends.max, shape, dtype, endpoint=True)
    return generator.integers(0, 2, shape).astype(dtype)


def _whole(generator: np.random.Generator, shape: tuple[int, ...], columns: Columns) -> Array:
    """Whole numbers, of one range or one for each place on the last axis: *n c"""
    low, high = np.array(columns).T
    if len(columns) > 1 and shape[-1:] != low.shape:
        # Regions may come as n 5 1 1.
        return _whole(generator, (*shape[:1], len(columns)), columns).reshape(shape)
    return generator.integers(low, high, shape, endpoint=True)


def all_feeds(
    expected: Backend, received: Backend, feeding: Feeding, ranges: Mapping[str, Columns]
) -> list[tuple[str, Feeds]]:
    """What to feed in each run, and in words what it is. Images have a `preprocessing` by now.

    Raises UsageError where an input is missing or cannot have its shape, or is another than that of
    a recording.
    """
    inputs = inputs_of(expected, received)
    recorded = [backend for backend in (expected, received) if isinstance(backend, RecordedBackend)]
    if feeding.source is not None:
        given = _fitting(feeding.source(list(inputs)), inputs)
        return [("the inputs given", _those_recorded(given, recorded))]
    if feeding.images or feeding.labels:
        words, given = _images(inputs, feeding)
        return [(words, _those_recorded(given, recorded))]
    if not inputs:
        return [("nothing, both are recorded", {})]
    if recorded:
        fed = _fitting(recorded[0].feeds(list(inputs)), inputs)
        return [(f"what {recorded[0].title}, was fed", fed)]
    sizes = _sizes_of_caffe(inputs, expected, received)
    return [
        (
            f"seeded numbers, seed {each}",
            seeded_inputs(inputs, each, feeding.batch, sizes, ranges),
        )
        for each in range(feeding.seed, feeding.seed + feeding.batches)
    ]


def wide_feeds(
    expected: Backend, received: Backend, feeding: Feeding, ranges: Mapping[str, Columns]
) -> list[tuple[str, Feeds]]:
    """What to feed where seeded numbers told nothing: once more such, as large as an image's.

    None where others were fed, or nothing may be an image.
    """
    inputs = inputs_of(expected, received)
    recorded = any(isinstance(backend, RecordedBackend) for backend in (expected, received))
    given = feeding.source is not None or feeding.images or feeding.labels
    if given or recorded or not any(may_be_image(*each) for each in inputs.values()):
        return []
    seed = feeding.seed + feeding.batches
    sizes = _sizes_of_caffe(inputs, expected, received)
    fed = seeded_inputs(inputs, seed, feeding.batch, sizes, ranges, WIDE)
    return [(f"such from -{WIDE:.0f} to {WIDE:.0f}, seed {seed}", fed)]


def may_be_image(shape: Sequence[int | str], dtype: str) -> bool:
    return len(shape) == 4 and np.dtype(dtype).kind == "f"


def _those_recorded(given: dict[str, Array], recorded: Sequence[RecordedBackend]) -> Feeds:
    """What is given, which recordings may leave out but not have otherwise."""
    for backend in recorded:
        for name, array in backend.feeds(list(given)).items():
            if not np.array_equal(array, given[name]):
                raise UsageError(
                    f"'{name}' is not what {backend.title}, was fed",
                    hint="a recording holds what came of its own inputs: give no others",
                )
    return given


def inputs_of(expected: Backend, received: Backend) -> dict[str, Given]:
    """What both sides take. A Caffe net is reshaped to what the other side takes.

    Raises UsageError where they take other shapes.
    """
    inputs = {**received.inputs, **expected.inputs}
    for name in expected.inputs.keys() & received.inputs.keys():
        one, other = expected.inputs[name][0], received.inputs[name][0]
        if isinstance(expected, CaffeBackend):
            one = _reshaped(one, other)
        if isinstance(received, CaffeBackend):
            other = _reshaped(other, one)
        inputs[name] = _sizes_of_both(name, one, other), expected.inputs[name][1]
    for caffe, partner in ((expected, received), (received, expected)):
        if isinstance(caffe, CaffeBackend):
            inputs |= _of_the_same_batch(caffe.inputs, partner.inputs, inputs)
    return inputs


def _of_the_same_batch(
    own: Mapping[str, Given], others: Mapping[str, Given], inputs: Mapping[str, Given]
) -> dict[str, Given]:
    """The inputs that Caffe has alone, as labels are, with as many samples as the others have."""
    batches = {own[name][0][:1]: inputs[name][0][:1] for name in own if name in others}
    return {
        name: (batches.get(shape[:1], shape[:1]) + shape[1:], dtype)
        for name, (shape, dtype) in own.items()
        if name not in others
    }


def _reshaped(shape: tuple[int | str, ...], like: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Another shape for a Caffe net: all but the channels, for which it has weights."""
    if len(shape) != len(like):
        return shape
    return like[:1] + shape[1:2] + like[2:]


def _sizes_of_caffe(inputs: Mapping[str, Given], *backends: Backend) -> dict[str, int]:
    """The sizes that are free, but not to a Caffe net as its text has it."""
    return {
        symbol: size
        for backend in backends
        if isinstance(backend, CaffeBackend)
        for name, (own, _) in backend.inputs.items()
        for symbol, size in zip(inputs[name][0][1:], own[1:], strict=True)
        if isinstance(symbol, str) and isinstance(size, int)
    }


def _sizes_of_both(
    name: str, one: Sequence[int | str], other: Sequence[int | str]
) -> tuple[int | str, ...]:
    """A size that is free on one side is that of the other."""
    if not _may_be_both(one, other):
        raise UsageError(
            f"the two take other shapes for the input '{name}'",
            expected=_words(one),
            received=_words(other),
            hint="are these two forms of one net?",
        )
    return tuple(b if isinstance(a, str) else a for a, b in zip(one, other, strict=True))


def _may_be_both(one: Sequence[int | str], other: Sequence[int | str]) -> bool:
    return len(one) == len(other) and all(
        a == b or isinstance(a, str) or isinstance(b, str) for a, b in zip(one, other, strict=True)
    )


def image_input(inputs: Mapping[str, Given]) -> tuple[str, tuple[int | str, ...]]:
    """The one input that takes images, and its shape: n c h w. Raises UsageError."""
    found = [(name, shape) for name, (shape, _) in inputs.items() if len(shape) == 4]
    if len(found) != 1 or len(inputs) != 1:
        raise UsageError(
            "images cannot be fed to this net",
            expected="one input, n c h w",
            received=", ".join(f"{n}: {_words(s)}" for n, (s, _) in inputs.items()) or "none",
            hint="give arrays in an .npz instead: --inputs FILE.npz",
        )
    return found[0]


def labelled_images(inputs: Mapping[str, Given], feeding: Feeding) -> Labelled:
    """The images of `labels`. Raises UsageError."""
    name, shape = image_input(inputs)
    if feeding.labels is None or feeding.preprocessing is None:
        raise ValueError("no images with labels are asked for")
    return labelled(feeding.labels, _sizes(name, shape), feeding.preprocessing)


def _images(inputs: Mapping[str, Given], feeding: Feeding) -> tuple[str, dict[str, Array]]:
    name, shape = image_input(inputs)
    batch = shape[0] if isinstance(shape[0], int) else None
    if feeding.labels is not None and not feeding.images:
        images = labelled_images(inputs, feeding)
        first = next(images.batches(batch or feeding.batch))[0]
        return f"the first of {feeding.labels.name}", {name: filled(first, batch)}
    if feeding.preprocessing is None:
        raise ValueError("it is not decided what is done to images")
    if batch is not None and len(feeding.images) > batch:
        raise UsageError(
            "these are more images than the net takes at a time",
            expected=f"{batch}, or fewer",
            received=len(feeding.images),
            hint="fix another batch when lowering, with --batch",
        )
    arrays = [
        read_image(path, _sizes(name, shape), feeding.preprocessing) for path in feeding.images
    ]
    words = ", ".join(path.name for path in feeding.images)
    return words, _fitting({name: filled(np.stack(arrays), batch)}, inputs)


def filled(images: Array, batch: int | None) -> Array:
    """As many images as a fixed batch asks for: where they run out the last one stands again."""
    missing = 0 if batch is None else max(0, batch - len(images))
    images = images.astype(np.float32, copy=False)
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])


def _sizes(name: str, shape: Sequence[int | str]) -> tuple[int, ...]:
    sizes = tuple(size for size in shape[1:] if isinstance(size, int))
    if len(sizes) != 3:
        raise UsageError(
            f"the input '{name}' takes images of any size",
            received=_words(shape),
            hint="lower it without --dynamic, or fix the size with --input-shape",
        )
    return sizes


def _fitting(feeds: Feeds, inputs: Mapping[str, Given]) -> dict[str, Array]:
    missing = [name for name in inputs if name not in feeds]
    if missing:
        raise UsageError(
            "not every input is given",
            expected=", ".join(inputs),
            received=", ".join(feeds) or "none",
            hint="give the others in an .npz: --inputs FILE.npz",
        )
    for name, (shape, _) in inputs.items():
        if not feeds[name].size:
            raise UsageError(f"the input '{name}' is empty", received=_words(feeds[name].shape))
        if not _may_be_both(feeds[name].shape, shape):
            raise UsageError(
                f"the input '{name}' has another shape",
                expected=_words(shape),
                received=_words(feeds[name].shape),
            )
    return {name: _cast(name, feeds[name], np.dtype(dtype)) for name, (_, dtype) in inputs.items()}


def _cast(name: str, array: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(invalid="ignore"):
        found = array.astype(dtype, copy=False)
    if dtype.kind != "f" and not np.array_equal(found, array):
        raise UsageError(
            f"the input '{name}' takes other numbers",
            expected=dtype,
            received=f"{array.dtype}, from {array.min()} to {array.max()}",
        )
    return found


def _words(shape: Sequence[int | str]) -> str:
    return " ".join(map(str, shape))
