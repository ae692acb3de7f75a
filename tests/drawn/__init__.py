"""The rows of every rule, a module a family."""

from tests.drawn import (
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
from tests.helpers.node_strategies import ROWS

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
