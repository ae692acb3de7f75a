"""Resizing feature maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from bridge.errors import UnsupportedError
from bridge.graph.sizes import resized as resized_sizes
from bridge.layout import Weight
from bridge.raising.building.candidates import channels_last, resized, spatial_orders
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref, Size
from bridge.raising.table import Candidate, Node, Operand, lookup, raises


@raises("Resize", since=11)
def resize(
    node: Node,
    x: Operand,
    roi: Operand | None = None,
    scales: Operand | None = None,
    sizes: Operand | None = None,
    *,
    antialias: int = 0,
    axes: Sequence[int] | None = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> list[Candidate]:
    """x: n c *s -> n c *t                                     (onnx.ai/onnx/operators, Resize)

    An UpSampling layer if elements are only repeated. Otherwise each axis is multiplied with the
    matrix of its interpolation weights: for any mode, the coordinates are computed here, as ONNX
    defines them.
    """
    shapes = [*x.shape[2:], *node.shape[2:]]
    if x.rank < 3 or not all(isinstance(size, int) for size in shapes):
        raise UnsupportedError("Resize, except for maps of known size", received=x.shape)
    if mode not in ("nearest", "linear") or antialias or exclude_outside:
        raise UnsupportedError("this kind of Resize", received=f"mode {mode}")
    if coordinate_transformation_mode == "tf_crop_and_resize":
        raise UnsupportedError("Resize that crops")
    pairs = list(zip(map(int, x.shape[2:]), map(int, node.shape[2:]), strict=True))
    factors = _scales(x, pairs, scales, sizes, axes, keep_aspect_ratio_policy)
    matrices = [
        _matrix(size, new_size, scale, mode, coordinate_transformation_mode, nearest_mode)
        for (size, new_size), scale in zip(pairs, factors, strict=True)
    ]
    constants = sum(operand is not None for operand in (roi, scales, sizes))
    return [_candidate(node, x, order, matrices, constants) for order in spatial_orders(x)]


def _candidate(
    node: Node,
    x: Operand,
    order: tuple[int, ...],
    by_axis: Sequence[NDArray[np.float32]],
    constants: int,
) -> Candidate:
    """With the spatial axes in an order, each multiplied with its matrix."""
    input_layout = channels_last(x, spatial=order)
    matrices = [by_axis[axis - 2] for axis in order]

    def build(k: Recorder, x: Ref) -> Ref:
        repeats = [_repeats(matrix) for matrix in matrices]
        if all(repeats) and len(repeats) <= 3:
            size = tuple(int(repeat or 1) for repeat in repeats)
            return k.layer(f"UpSampling{len(size)}D", x, size=size[0] if len(size) == 1 else size)
        shape = list(input_layout.stored_shape[1:])
        for axis, matrix in enumerate(matrices):
            if _repeats(matrix) != 1:
                shape[axis] = matrix.shape[0]
                x = _along(k, x, axis + 1, matrix, tuple(shape))
        return x

    output_layout = resized(input_layout, node.shape, order)
    return Candidate((input_layout, *(None,) * constants), (output_layout,), build)


def _scales(
    x: Operand,
    pairs: Sequence[tuple[int, int]],
    scales: Operand | None,
    sizes: Operand | None,
    axes: Sequence[int] | None,
    policy: str,
) -> list[np.float32]:
    """The factor of each spatial axis, from the scales or else from the sizes. If no size changes,
    onnxruntime copies the map, whatever the scales are."""
    if all(size == new_size for size, new_size in pairs):
        return [np.float32(1)] * len(pairs)
    explicit = [] if scales is None else scales.array().tolist()
    if not explicit and (sizes is None or policy == "stretch"):
        return [np.float32(new_size) / np.float32(size) for size, new_size in pairs]
    lookup({"stretch": 0, "not_larger": 0, "not_smaller": 0}, policy, "keep_aspect_ratio_policy")
    known = [size if isinstance(size, int) else 1 for size in x.shape]
    named = x.shape if axes is None else [x.shape[axis] for axis in axes]
    if not explicit and not all(isinstance(size, int) for size in named):
        raise UnsupportedError(
            "one scale for all axes, of which some have an unknown size",
            received=f"keep_aspect_ratio_policy {policy}",
            hint="fix the sizes of the inputs, or name the axes that are resized",
        )
    new_sizes = None if explicit or sizes is None else sizes.array().tolist()
    factors, _ = resized_sizes(known, explicit or None, new_sizes, axes, policy)
    return factors[2:]


HALF_TOLERANCE = 1e-6
"""onnxruntime rounds coordinates within this distance of a half as if they were one."""

_Coordinates = Callable[[], NDArray[np.floating]]


def _matrix(
    size: int, new_size: int, scale: np.float32, mode: str, coordinates: str, nearest: str
) -> NDArray[np.float32]:
    """new_size size: the weight of each row of x in each row of the result."""
    index, half, last = np.arange(new_size, dtype=np.float32), np.float32(0.5), new_size - 1
    # If the new size was rounded, the excess is split between both ends.
    offset = np.float32(size / 2) * (1 - np.float32(new_size) / (scale * np.float32(size)))
    scaled: Mapping[str, _Coordinates] = {
        "half_pixel": lambda: (index + half) / scale - half,
        "half_pixel_symmetric": lambda: float(offset) + (index + 0.5) / np.float64(scale) - 0.5,
        "pytorch_half_pixel": lambda: (index + half) / scale - half if last else index,
        "align_corners": lambda: index * np.float32(size - 1) / np.float32(last or 1),
        "asymmetric": lambda: index / scale,
    }
    at = lookup(scaled, coordinates, "coordinate_transformation_mode")()
    at = at.astype(np.float32).astype(np.float64)
    if mode == "nearest":
        rounded: Mapping[str, _Coordinates] = {
            "round_prefer_floor": lambda: np.ceil(at - 0.5 - HALF_TOLERANCE),
            "round_prefer_ceil": lambda: np.floor(at + 0.5 + HALF_TOLERANCE),
            "floor": lambda: np.floor(at),
            "ceil": lambda: np.ceil(at),
        }
        at = lookup(rounded, nearest, "nearest_mode")()
    at = at.clip(0, size - 1)
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, size - 1)
    matrix = np.zeros((new_size, size), np.float64)
    np.add.at(matrix, (np.arange(new_size), below), 1 - (at - below))
    np.add.at(matrix, (np.arange(new_size), above), at - below)
    return matrix.astype(np.float32)


def _repeats(matrix: NDArray[np.float32]) -> int | None:
    """How often each row is repeated; None unless that is all that the matrix does."""
    new_size, size = matrix.shape
    times = new_size // size
    if times * size != new_size:
        return None
    return times if np.array_equal(matrix, np.eye(size).repeat(times, axis=0)) else None


def _along(
    k: Recorder, x: Ref, axis: int, matrix: NDArray[np.float32], shape: tuple[Size, ...]
) -> Ref:
    """An EinsumDense over one stored axis, not trainable, since the matrix is not learned."""
    letters = ascii_lowercase[: len(shape) + 1]
    old, new = letters[axis], "z"
    kernel = Weight(matrix.T.shape, lambda: matrix.T, dtype=matrix.dtype)
    return k.layer(
        "EinsumDense",
        x,
        {"kernel": kernel},
        equation=f"{letters},{old}{new}->{letters.replace(old, new)}",
        output_shape=shape,
        trainable=False,
    )
