"""The functions of a script that read batches, and that prepare images as a data layer does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bridge.caffe.net import Input
from bridge.caffe.preprocessing import read_mean
from bridge.errors import UnsupportedError
from bridge.files.beside import beside
from bridge.layout import Layout, Moves, moves
from bridge.raising.plan import Plan, PlanInput
from bridge.script.constants import Constants
from bridge.script.lines import INDENT, Source, lines
from bridge.script.literals import literal, quoted, shortest
from bridge.training.net.setup import Setup
from bridge.types import Array


def prepared(setup: Setup, constants: Constants) -> str:
    """The function that does what the data layer's transform_param says; empty without any. A mean
    image is among the constants.

    Raises BridgeError for a mean file that is not beside the net, or cannot be read.
    """
    images = [entry for entry in setup.net.inputs if entry.mean or entry.mean_file]
    images += [entry for entry in setup.net.inputs if entry.scale != 1 and entry not in images]
    return "" if not images else "\n".join(_of_image(setup.plan, images[0], constants))


def _of_image(plan: Plan, image: Input, constants: Constants) -> Iterator[str]:
    mean = _mean_image(plan, image) if image.mean_file else np.array(image.mean, np.float32)
    yield "def prepared(images):"
    yield f'{INDENT}"""Images from 0 to 255, of blue, green and red, as the net takes them.'
    if note := _cropping(image, mean):
        yield from ("", f"{INDENT}{note}")
    yield f'{INDENT}"""'
    source: Source = constants.source(mean) if mean.size else "0.0"
    yield from lines(source, INDENT, "mean = ")
    scaled = f"(images - mean) * {literal(shortest(image.scale))}"
    yield f"{INDENT}return {'images - mean' if image.scale == 1 else scaled}"


def _cropping(image: Input, mean: Array) -> str:
    if mean.ndim == 3:  # h w c
        sizes, cropped = mean.shape[:2], tuple(image.shape[2:])
        if sizes != cropped:
            return (
                f"Caffe does so with images of {_by(sizes)}, and then crops them to {_by(cropped)}."
            )
    elif image.uncropped:
        return f"Caffe crops them from images of {_by(image.uncropped)}."
    return ""


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))


def batches(setup: Setup, targets: Sequence[str]) -> str:
    """The function that gives the inputs of the model, and the targets."""
    fed = [planned.value for planned in setup.plan.inputs]
    shapes = {entry.name: entry.shape for entry in setup.net.inputs}
    size = next(shapes[name][0] for name in fed)
    said = [f"{quoted(name)}, of {_sizes(setup.plan, name, shapes[name])}" for name in shapes]
    yielded = ", ".join(_structure(names) for names in (fed, targets))
    text = [
        "def batches(path):",
        f'{INDENT}"""The batches of an .npz, over and over again, as a data layer gives them."""',
        f"{INDENT}# It has these arrays, of any number n of samples, images as the net takes them:",
        *(f"{INDENT}# - {line}" for line in said),
        f"{INDENT}arrays = dict(np.load(path))",
        f"{INDENT}samples = min(map(len, arrays.values()))",
        f"{INDENT}while True:",
        f"{INDENT * 2}for start in range(0, samples - {size - 1}, {size}):",
        f"{INDENT * 3}batch = {{k: array[start : start + {size}] for k, array in arrays.items()}}",
        f"{INDENT * 3}yield {yielded}",
    ]
    return "\n".join(text)


def _mean_image(plan: Plan, image: Input) -> Array:
    """The mean, c, or with the axes that the model has for one image, h w c, at the size at which
    Caffe subtracts it."""
    mean = read_mean(beside(image.where, image.mean_file, "mean image")).array()
    if mean.ndim < 3:
        return mean
    layout = plan.values[image.name].layout
    steps = moves(Layout.identity(layout.logical_shape), layout)
    if steps != Moves(order=(0, 2, 3, 1)):
        raise UnsupportedError(
            "the images of the model have other axes than n h w c, and their mean is an image",
            where=image.where,
            received=str(layout),
        )
    return np.ascontiguousarray(mean.transpose(1, 2, 0))


def _sizes(plan: Plan, name: str, shape: Sequence[int]) -> str:
    planned: Mapping[str, PlanInput] = {entry.value: entry for entry in plan.inputs}
    stored = planned[name].shape if name in planned else shape
    return " ".join(["n", *(str(size) if isinstance(size, int) else "?" for size in stored[1:])])


def _structure(names: Sequence[str]) -> str:
    items = [f"batch[{quoted(name)}]" for name in names]
    return items[0] if len(items) == 1 else f"({', '.join(items)})"
