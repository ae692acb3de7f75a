"""The raise rules, one module a family; importing this fills the table."""

from bridge.raising.rules import (
    activation,
    blocks,
    conv,
    conv_transpose,
    cutting,
    dense,
    dynamic,
    elementwise,
    norm,
    picking,
    pool,
    reduce,
    resize,
    scattering,
    shaping,
    suppression,
)

__all__ = [
    "activation",
    "blocks",
    "conv",
    "conv_transpose",
    "cutting",
    "dense",
    "dynamic",
    "elementwise",
    "norm",
    "picking",
    "pool",
    "reduce",
    "resize",
    "scattering",
    "shaping",
    "suppression",
]
