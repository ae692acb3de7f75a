"""The rows of every rule, a module a family."""

from drawn import (
    along,
    blocks,
    cutting,
    dynamic,
    matrices,
    merging,
    norm,
    picking,
    pointwise,
    recurrent,
    regions,
    sampling,
    scattering,
    shaping,
    spreading,
    windows,
)
from drawn_nodes import ROWS

__all__ = [
    "ROWS",
    "along",
    "blocks",
    "cutting",
    "dynamic",
    "matrices",
    "merging",
    "norm",
    "picking",
    "pointwise",
    "recurrent",
    "regions",
    "sampling",
    "scattering",
    "shaping",
    "spreading",
    "windows",
]
