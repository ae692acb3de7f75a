"""Which sizes of a graph's inputs are open, and which of them hold its raising up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bridge import ir
from bridge.errors import BridgeError
from bridge.graph.io import load
from bridge.graph.passes import run_passes
from bridge.graph.quantization import to_floats
from bridge.graph.shapes.prepare import prepare
from bridge.public.options import GraphOptions
from bridge.raising.driver import raise_model
from bridge.raising.values import is_constant, name_of

Shape = tuple[int | str, ...]

UNKNOWN = "?"
# What a size may be, where nothing in the graph says more: the batch, the sides of an image or a
# volume, the length of a sequence.
_BATCH, _SIDE, _LENGTH = 1, 224, 64
_MOST_TRIALS = 8


@dataclass(frozen=True)
class OpenSizes:
    """The open sizes of inputs.

    `inputs` has the shape of each input that has any, None where even its rank is unknown. `needed`
    are those of which the sizes have to be fixed: with them open the graph is `refused`, for the
    first of the reasons. `options` are those of onnx-to-keras that fix sizes; the sizes are
    examples. With `refused` and nothing `needed`, fixed sizes do not help.
    """

    inputs: Mapping[str, Shape | None]
    needed: tuple[str, ...]
    refused: str
    options: tuple[str, ...]


def open_sizes(path: Path) -> OpenSizes | None:
    """What is open in a graph; None if nothing is.

    It is raised as it is, and if that is refused again with fixed sizes. No weight is read for it.
    """
    model = load(path)
    inputs = {name_of(v): _shape(v) for v in model.graph.inputs if not is_constant(v)}
    opened = {
        n: s for n, s in inputs.items() if s is None or not all(isinstance(x, int) for x in s)
    }
    if not opened:
        return None
    sizes = {str(key): str(value) for key, value in model.metadata_props.items()}
    examples = {v.name or "": _example(v, sizes) for v in model.graph.inputs if v.name in opened}
    refused = _refusal(path, GraphOptions())
    if not refused:
        return OpenSizes(opened, (), "", _options(opened, examples))
    batched = [name for name, shape in opened.items() if shape and isinstance(shape[0], str)]
    if batched and not _refusal(path, GraphOptions(batch=_BATCH)):
        return OpenSizes(opened, tuple(batched), refused, ("--batch", str(_BATCH)))
    if still := _refusal(path, GraphOptions(input_shape=examples)):
        return OpenSizes(opened, (), still, ())
    needed = _needed(path, examples)
    return OpenSizes(opened, tuple(needed), refused, _options(opened, needed))


def _needed(path: Path, examples: Mapping[str, Sequence[int]]) -> dict[str, Sequence[int]]:
    """The inputs without whose sizes the graph is refused."""
    needed = dict(examples)
    for name in [*examples][:_MOST_TRIALS]:
        others = {other: shape for other, shape in needed.items() if other != name}
        if others and not _refusal(path, GraphOptions(input_shape=others)):
            needed = others
    return needed


def _refusal(path: Path, options: GraphOptions) -> str:
    """Why a graph is not raised, in a line; empty if it is."""
    try:
        model = load(path)
        prepare(model, options)
        to_floats(model)
        raise_model(run_passes(model))
    except BridgeError as error:
        head, *further = str(error).splitlines()
        return f"{head} {further[0].strip()}" if head.endswith(":") and further else head
    return ""


def _options(
    opened: Mapping[str, Shape | None], examples: Mapping[str, Sequence[int]]
) -> tuple[str, ...]:
    """The batch alone, if nothing else is open, or the shapes of these inputs."""
    shapes = [opened[name] for name in examples]
    if all(shape and all(isinstance(size, int) for size in shape[1:]) for shape in shapes):
        return ("--batch", str(_BATCH))
    texts = [f"{name}:{','.join(map(str, shape))}" for name, shape in examples.items()]
    return tuple(word for text in texts for word in ("--input-shape", text))


def _shape(value: ir.Value) -> Shape | None:
    if value.shape is None:
        return None
    return tuple(
        size if isinstance(size, int) else str(size.value or UNKNOWN) for size in value.shape
    )


def _example(value: ir.Value, known: Mapping[str, str]) -> tuple[int, ...]:
    """A shape that an input may have: by what the file says, and by what reads it."""
    shape, kernel = _shape(value), _kernel(value)
    if shape is None:
        shape = (UNKNOWN,) * (len(kernel) if kernel else 2)
    free = [_BATCH, *[_SIDE if len(shape) > 3 else _LENGTH] * (len(shape) - 1)]
    if kernel and len(kernel) == len(shape):
        free[1] = kernel[1]
    for axis, size in enumerate(shape):
        text = str(size) if isinstance(size, int) else known.get(size, "")
        if re.fullmatch("[1-9][0-9]*", text):
            free[axis] = int(text)
    return tuple(free)


def _kernel(value: ir.Value) -> Sequence[int] | None:
    """The shape of the kernel of a convolution in one group that reads a value."""
    for node in value.consumers():
        weights = node.inputs[1] if node.op_type == "Conv" and len(node.inputs) > 1 else None
        if weights is not None and weights.shape is not None and "group" not in node.attributes:
            return [size for size in weights.shape if isinstance(size, int)]
    return None
