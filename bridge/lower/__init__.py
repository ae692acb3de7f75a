"""Net → ONNX graph. The rules, family by family, register themselves in the table."""

from bridge.lower import (
    activation,
    conv,
    dense,
    elementwise,
    norm,
    pool,
    reduction,
    shaping,
)
from bridge.lower.driver import lower
from bridge.lower.emitter import Emitter, Value
from bridge.lower.model import LoweredModel
from bridge.lower.table import TABLE, layer

__all__ = [
    "TABLE",
    "Emitter",
    "LoweredModel",
    "Value",
    "activation",
    "conv",
    "dense",
    "elementwise",
    "layer",
    "lower",
    "norm",
    "pool",
    "reduction",
    "shaping",
]
