"""The options of a layer as a person writes them: without Keras's defaults, and a square as one
number."""

from __future__ import annotations

from typing import Any

from bridge.archive.tables import layers
from bridge.raising.plan import Call
from bridge.script.literals import shortest

# The options that are written without their names, in the order in which Keras takes them.
_POSITIONAL = {
    "Activation": ("activation",),
    "Dense": ("units",),
    "DepthwiseConv1D": ("kernel_size",),
    "DepthwiseConv2D": ("kernel_size",),
    "Dropout": ("rate",),
    "EinsumDense": ("equation", "output_shape"),
    "Permute": ("dims",),
    "Reshape": ("target_shape",),
    **{
        name.format(rank): options
        for rank in (1, 2, 3)
        for name, options in {
            "Conv{}D": ("filters", "kernel_size"),
            "Conv{}DTranspose": ("filters", "kernel_size"),
            "Cropping{}D": ("cropping",),
            "ZeroPadding{}D": ("padding",),
            "MaxPooling{}D": ("pool_size",),
            "AveragePooling{}D": ("pool_size",),
        }.items()
    },
}
# The options in which one number stands for several equal ones.
_SQUARES = frozenset({"kernel_size", "strides", "pool_size", "dilation_rate", "size"})


def positional(kind: str) -> tuple[str, ...]:
    """The options of a layer that are written without their names."""
    return _POSITIONAL.get(kind, ())


def options_of(call: Call, rank: int | None, *, is_single: bool) -> dict[str, Any]:
    """The options of a layer that are not Keras's defaults, the positional ones first; `rank` is
    that of its result, if it is known. With `is_single` nothing is computed in double precision."""
    kind = call.target.removeprefix("layers.")
    options = {name: _short(name, value) for name, value in call.options.items()}
    options = {n: shortest(v) for n, v in options.items()} if is_single else options
    if rank is not None and options.get("axis") == rank - 1:
        options["axis"] = -1
    if "strides" in options and options["strides"] == options.get("pool_size"):
        del options["strides"]  # which is what Keras does without
    first = {name: options.pop(name) for name in positional(kind) if name in options}
    known = layers()[kind].config
    return first | {n: v for n, v in options.items() if n not in known or v != default(kind, n)}


def default(kind: str, option: str) -> Any:
    """Keras's default of an option; KeyError if it has none."""
    return _square(layers()[kind].config[option])


def _short(name: str, value: Any) -> Any:
    if name in _SQUARES:
        return _square(value)
    if name in ("padding", "cropping") and isinstance(value, tuple):
        return _symmetric(value)
    return value


def _square(value: Any) -> Any:
    """One number for several equal ones."""
    several = isinstance(value, (tuple, list)) and len(value) > 0
    return value[0] if several and all(size == value[0] for size in value) else value


def _symmetric(value: tuple[Any, ...]) -> Any:
    """One number for both sides of each axis where these are equal, and one for all equal axes."""
    if any(not isinstance(ends, tuple) or ends[0] != ends[1] for ends in value):
        return value
    return _square(tuple(ends[0] for ends in value))
