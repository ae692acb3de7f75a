"""The rows of every rule: `drawn_nodes` has those of the commonest, here is a module a family."""

from drawn import (
    blocks,
    cutting,
    dynamic,
    norm,
    picking,
    pointwise,
    recurrent,
    regions,
    sampling,
    scattering,
    spreading,
)
from drawn_nodes import ROWS

__all__ = [
    "ROWS",
    "blocks",
    "cutting",
    "dynamic",
    "norm",
    "picking",
    "pointwise",
    "recurrent",
    "regions",
    "sampling",
    "scattering",
    "spreading",
]
