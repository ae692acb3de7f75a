"""Net → ONNX graph. The rules, family by family, register themselves in the table."""

from bridge.lower import (
    activation,
    block,
    conv,
    dense,
    detection,
    elementwise,
    flow,
    lstm_unit,
    norm,
    padding,
    pool,
    preprocessing,
    priors,
    proposal,
    recurrent,
    reduction,
    region,
    resize,
    sequence,
    shaping,
    sources,
    volume,
    yolo,
)
from bridge.lower.driver import lower
from bridge.lower.emitter import Emitter
from bridge.lower.model import LoweredModel
from bridge.lower.table import TABLE, layer
from bridge.lower.values import Value

__all__ = [
    "TABLE",
    "Emitter",
    "LoweredModel",
    "Value",
    "activation",
    "block",
    "conv",
    "dense",
    "detection",
    "elementwise",
    "flow",
    "layer",
    "lower",
    "lstm_unit",
    "norm",
    "padding",
    "pool",
    "preprocessing",
    "priors",
    "proposal",
    "recurrent",
    "reduction",
    "region",
    "resize",
    "sequence",
    "shaping",
    "sources",
    "volume",
    "yolo",
]
