"""The raise rules, one module a family; importing this fills the table."""

from bridge.raising.rules import (
    activation,
    conv,
    dense,
    elementwise,
    norm,
    pool,
    reduce,
    shaping,
)

__all__ = ["activation", "conv", "dense", "elementwise", "norm", "pool", "reduce", "shaping"]
