"""The inputs of a check: seeded numbers, those of a recording, or a user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.check.backends.caffe import CaffeBackend
from bridge.check.backends.recorded import RecordedBackend
from bridge.check.images import Labelled, Preprocessing, labelled, read_image
from bridge.errors import UsageError
from bridge.files.memory import MAX_RANK, refuse_large, size_of
from bridge.graph.ranges import Columns
from bridge.types import Array

if TYPE_CHECKING:
    from bridge.check.backends.backend import Backend, InputSpec

Feeds = Mapping[str, Array]
Source = Callable[[Sequence[str]], Feeds]
"""Returns the arrays of the named inputs, of those that it has."""

# A layout fault can hide in a batch of one.
FREE_BATCH = 2
FREE_SIZE = 64

# The size of an image's numbers, when a mean is subtracted and nothing else is done.
WIDE = 128.0


@dataclass(frozen=True)
class Feeding:
    """The inputs that a user asks for: arrays (of a `source`), image files, or the first of
    `labels`; else those of a recording, else seeded numbers, in `batches` of `batch` samples. It
    takes two batches to see whether anything depends on the inputs.

    `preprocessing` is None if the net's own is to be used.
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
    """Values in [-1, 1) for each input, of its shape and dtype; `images` times that if it has four
    axes.

    An input that is in `ranges` gets whole numbers from there. Other integer inputs are images if
    they are of bytes and have more than two axes, else 0 or 1: a mask, and a count as good as any.
    A free batch size becomes 2, any other free size that of `sizes`, else 64.
    """
    generator = np.random.default_rng(seed)
    feeds: dict[str, Array] = {}
    for name, (shape, dtype) in inputs.items():
        fixed_shape = fixed(_sized(shape, sizes or {}), batch)
        refuse_large(size_of(fixed_shape, 8), f"the input {name!r}, of {_words(fixed_shape)},")
        if len(fixed_shape) > MAX_RANK:
            raise UsageError(
                f"the input {name!r} has more axes than NumPy's arrays may have",
                expected=f"at most {MAX_RANK}",
                received=len(fixed_shape),
            )
        columns = (ranges or {}).get(name)
        feeds[name] = (
            _values(generator, fixed_shape, np.dtype(dtype), images)
            if columns is None
            else _whole(generator, fixed_shape, columns).astype(dtype)
        )
    return feeds


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
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return generator.integers(0, 2, shape).astype(dtype)


def _whole(generator: np.random.Generator, shape: tuple[int, ...], columns: Columns) -> Array:
    """Whole numbers, of one range or one for each index of the last axis: *n c"""
    low, high = np.array(columns).T
    if len(columns) > 1 and shape[-1:] != low.shape:
        # Regions may come as n 5 1 1.
        return _whole(generator, (*shape[:1], len(columns)), columns).reshape(shape)
    return generator.integers(low, high, shape, endpoint=True)


def all_feeds(
    expected: Backend, received: Backend, feeding: Feeding, ranges: Mapping[str, Columns]
) -> list[tuple[str, Feeds]]:
    """The inputs of each run, with a description. Images have a `preprocessing` by now.

    Raises UsageError if an input is missing, has the wrong shape, or differs from a recording's.
    """
    inputs = inputs_of(expected, received)
    recorded = [backend for backend in (expected, received) if isinstance(backend, RecordedBackend)]
    if feeding.source is not None:
        feeds = fitting(feeding.source(list(inputs)), inputs)
        return [("the inputs given", _as_recorded(feeds, recorded))]
    if feeding.images or feeding.labels:
        words, feeds = _images(inputs, feeding)
        return [(words, _as_recorded(feeds, recorded))]
    if not inputs:
        return [("nothing, both are recorded", {})]
    if recorded:
        feeds = fitting(recorded[0].feeds(list(inputs)), inputs)
        return [(f"the inputs of {recorded[0].title}", feeds)]
    sizes = _sizes_of_caffe(inputs, expected, received)
    return [
        (
            f"seeded numbers, seed {seed}",
            seeded_inputs(inputs, seed, feeding.batch, sizes, ranges),
        )
        for seed in range(feeding.seed, feeding.seed + feeding.batches)
    ]


def wide_feeds(
    expected: Backend, received: Backend, feeding: Feeding, ranges: Mapping[str, Columns]
) -> list[tuple[str, Feeds]]:
    """What to feed after seeded numbers could not tell: once more such, as large as an image's.

    Empty if there were other inputs, or none may be an image.
    """
    inputs = inputs_of(expected, received)
    recorded = any(isinstance(backend, RecordedBackend) for backend in (expected, received))
    is_own = feeding.source is not None or feeding.images or feeding.labels
    if is_own or recorded or not any(may_be_image(*spec) for spec in inputs.values()):
        return []
    seed = feeding.seed + feeding.batches
    sizes = _sizes_of_caffe(inputs, expected, received)
    feeds = seeded_inputs(inputs, seed, feeding.batch, sizes, ranges, WIDE)
    return [(f"numbers from -{WIDE:.0f} to {WIDE:.0f}, seed {seed}", feeds)]


def may_be_image(shape: Sequence[int | str], dtype: str) -> bool:
    return len(shape) == 4 and np.dtype(dtype).kind == "f"


def _as_recorded(feeds: dict[str, Array], recorded: Sequence[RecordedBackend]) -> Feeds:
    """The inputs themselves; a recording may lack some, but must not have others."""
    for backend in recorded:
        for name, array in backend.feeds(list(feeds)).items():
            if not np.array_equal(array, feeds[name]):
                raise UsageError(
                    f"'{name}' is not the input of {backend.title}",
                    hint="a recording has the outputs of its own inputs: pass no others",
                )
    return feeds


def inputs_of(expected: Backend, received: Backend) -> dict[str, InputSpec]:
    """The inputs of both models. A Caffe net is reshaped to the other's.

    Raises UsageError if they take different shapes.
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
    own: Mapping[str, InputSpec], others: Mapping[str, InputSpec], inputs: Mapping[str, InputSpec]
) -> dict[str, InputSpec]:
    """The inputs that only Caffe has, such as labels, with as many samples as the others."""
    batches = {own[name][0][:1]: inputs[name][0][:1] for name in own if name in others}
    return {
        name: (batches.get(shape[:1], shape[:1]) + shape[1:], dtype)
        for name, (shape, dtype) in own.items()
        if name not in others
    }


def _reshaped(shape: tuple[int | str, ...], like: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The other shape, but with the Caffe net's own channels, for which it has weights."""
    if len(shape) != len(like):
        return shape
    return like[:1] + shape[1:2] + like[2:]


def _sizes_of_caffe(inputs: Mapping[str, InputSpec], *backends: Backend) -> dict[str, int]:
    """The sizes that are free, except in the prototxt of a Caffe net."""
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
    """A size that is free in one model is that of the other."""
    if not _agree(one, other):
        raise UsageError(
            f"the two models take different shapes for the input '{name}'",
            expected=_words(one),
            received=_words(other),
            hint="are these two forms of one net?",
        )
    return tuple(b if isinstance(a, str) else a for a, b in zip(one, other, strict=True))


def _agree(one: Sequence[int | str], other: Sequence[int | str]) -> bool:
    return len(one) == len(other) and all(
        a == b or isinstance(a, str) or isinstance(b, str) for a, b in zip(one, other, strict=True)
    )


def image_input(inputs: Mapping[str, InputSpec]) -> tuple[str, tuple[int | str, ...]]:
    """The one input that takes images, and its shape: n c h w. Raises UsageError."""
    images = [(name, shape) for name, (shape, _) in inputs.items() if len(shape) == 4]
    if len(images) != 1 or len(inputs) != 1:
        raise UsageError(
            "images cannot be fed to this net",
            expected="one input, n c h w",
            received=", ".join(f"{n}: {_words(s)}" for n, (s, _) in inputs.items()) or "none",
            hint="pass arrays in an .npz instead: --inputs FILE.npz",
        )
    return images[0]


def labelled_images(inputs: Mapping[str, InputSpec], feeding: Feeding) -> Labelled:
    """The images of `labels`. Raises UsageError."""
    name, shape = image_input(inputs)
    if feeding.labels is None or feeding.preprocessing is None:
        raise ValueError("no labelled images are asked for")
    return labelled(feeding.labels, image_sizes(name, shape), feeding.preprocessing)


def _images(inputs: Mapping[str, InputSpec], feeding: Feeding) -> tuple[str, dict[str, Array]]:
    name, shape = image_input(inputs)
    batch = shape[0] if isinstance(shape[0], int) else None
    if feeding.labels is not None and not feeding.images:
        images = labelled_images(inputs, feeding)
        first = next(images.batches(batch or feeding.batch))[0]
        return f"the first of {feeding.labels.name}", {name: filled(first, batch)}
    if feeding.preprocessing is None:
        raise ValueError("the preprocessing is not decided")
    if batch is not None and len(feeding.images) > batch:
        raise UsageError(
            "more images than the net takes at a time",
            expected=f"{batch}, or fewer",
            received=len(feeding.images),
            hint="fix another batch when lowering, with --batch",
        )
    arrays = [
        read_image(path, image_sizes(name, shape), feeding.preprocessing) for path in feeding.images
    ]
    words = ", ".join(path.name for path in feeding.images)
    return words, fitting({name: filled(np.stack(arrays), batch)}, inputs)


def filled(images: Array, batch: int | None) -> Array:
    """The images, the last one repeated until a fixed batch is full."""
    missing = 0 if batch is None else max(0, batch - len(images))
    images = images.astype(np.float32, copy=False)
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])


def image_sizes(name: str, shape: Sequence[int | str]) -> tuple[int, ...]:
    sizes = tuple(size for size in shape[1:] if isinstance(size, int))
    if len(sizes) != 3:
        raise UsageError(
            f"the input '{name}' takes images of any size",
            received=_words(shape),
            hint="lower it without --dynamic, or fix the size with --input-shape",
        )
    return sizes


def fitting(feeds: Feeds, inputs: Mapping[str, InputSpec]) -> dict[str, Array]:
    missing = [name for name in inputs if name not in feeds]
    if missing:
        raise UsageError(
            "an input is missing",
            expected=", ".join(inputs),
            received=", ".join(feeds) or "none",
            hint="pass the others in an .npz: --inputs FILE.npz",
        )
    for name, (shape, _) in inputs.items():
        if not feeds[name].size:
            raise UsageError(f"the input '{name}' is empty", received=_words(feeds[name].shape))
        if not _agree(feeds[name].shape, shape):
            raise UsageError(
                f"the input '{name}' has the wrong shape",
                expected=_words(shape),
                received=_words(feeds[name].shape),
            )
    return {name: _cast(name, feeds[name], np.dtype(dtype)) for name, (_, dtype) in inputs.items()}


def _cast(name: str, array: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(invalid="ignore"):
        cast = array.astype(dtype, copy=False)
    if dtype.kind != "f" and not np.array_equal(cast, array):
        raise UsageError(
            f"the input '{name}' does not take these numbers",
            expected=dtype,
            received=f"{array.dtype}, from {array.min()} to {array.max()}",
        )
    return cast


def _words(shape: Sequence[int | str]) -> str:
    return " ".join(map(str, shape))
