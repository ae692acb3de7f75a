"""Net → ONNX graph. The rules, family by family, register themselves in the table."""

from bridge.lower import (
    activation,
    conv,
    dense,
    detection,
    elementwise,
    norm,
    pool,
    preprocessing,
    proposal,
    recurrent,
    reduction,
    region,
    resize,
    shaping,
    sources,
    volume,
    yolo,
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
    "detection",
    "elementwise",
    "layer",
    "lower",
    "norm",
    "pool",
    "preprocessing",
    "proposal",
    "recurrent",
    "reduction",
    "region",
    "resize",
    "shaping",
    "sources",
    "volume",
    "yolo",
]
