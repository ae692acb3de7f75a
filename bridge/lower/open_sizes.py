"""`--dynamic`: symbolic heights and widths, as well as the batch if it is free.

Caffe's shape formulas decide: the net's shapes are computed at a few sizes of the images. A dim
that is the same at all of them is fixed. Two dims that agree at all of them are one size with one
name. So the emitter never has to do arithmetic with names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bridge.caffe.net import Net, Shape
from bridge.caffe.shapes import Shapes, infer
from bridge.errors import ShapeError, UnsupportedError
from bridge.lower.values import Dims

# Enough to distinguish any two of ⌊h/s⌋, ⌈h/s⌉ and their sums, for strides up to 64.
_STEPS = (1, 2, 3, 5, 8, 13, 16, 32, 64)

NAMES = ("batch", None, "height", "width")


def open_shapes(
    net: Net, inputs: Mapping[str, Shape], shapes: Shapes, *, free_batch: bool = True
) -> dict[str, Dims]:
    """Each value's shape, with a symbol for every size that follows the images, or a free batch.

    Raises UnsupportedError, naming the layer, if one makes this impossible.
    """
    first = next((shape for shape in inputs.values() if len(shape) == 4), None)
    if first is None:
        raise UnsupportedError("the net has no images, so no height and width can be open")
    probes = [shapes.values]
    for probe in _probes(inputs, first, (0, 2, 3) if free_batch else (2, 3)):
        try:
            others = infer(net, probe)
        except ShapeError as error:
            raise _obstacle(error.problem, error.where) from error
        for layer, weights, other in zip(net.layers, shapes.weights, others.weights, strict=True):
            if weights != other:
                raise _obstacle("its weights fit only one size", layer)
        probes.append(others.values)
    return _named(inputs, probes)


def _obstacle(problem: str, where: object) -> UnsupportedError:
    return UnsupportedError(
        f"height and width cannot be open: {problem}", where=where, hint="leave out --dynamic"
    )


def _probes(
    inputs: Mapping[str, Shape], first: Shape, axes: Sequence[int]
) -> Iterator[dict[str, Shape]]:
    """The inputs with one of these axes of the images larger, and all inputs of that size too."""
    for axis in axes:
        for step in _STEPS if axis else (1,):
            yield {
                name: (*shape[:axis], shape[axis] + step, *shape[axis + 1 :])
                if len(shape) > axis and shape[axis] == first[axis] and _belongs(axis, shape, first)
                else shape
                for name, shape in inputs.items()
            }


def _belongs(axis: int, shape: Shape, first: Shape) -> bool:
    return axis == 0 or (len(shape) == 4 and shape[2:] == first[2:])


def _named(inputs: Mapping[str, Shape], probes: list[Mapping[str, Shape]]) -> dict[str, Dims]:
    """Sizes named by their values at every probe; the images' own have the simplest names."""
    names: dict[tuple[int, ...], str] = {}
    dims: dict[str, Dims] = {}
    images = [name for name, shape in inputs.items() if len(shape) == 4]
    for value in (*images, *probes[0]):
        sizes = list(zip(*(probe[value] for probe in probes), strict=True))
        own = NAMES if value in images else ()
        dims[value] = tuple(
            dim[0] if len(set(dim)) == 1 else names.setdefault(dim, _name(value, axis, own, names))
            for axis, dim in enumerate(sizes)
        )
    return {value: dims[value] for value in probes[0]}


def _name(
    value: str, axis: int, own: tuple[str | None, ...], taken: Mapping[tuple[int, ...], str]
) -> str:
    plain = own[axis] if axis < len(own) else None
    return plain if plain and plain not in taken.values() else f"{value}.{axis}"
