"""Net → ONNX graph, by a table of rules."""

from bridge.lower import derived_shapes as derived_shapes  # lends the table to bridge.caffe
from bridge.lower import rules as rules  # fills the table
from bridge.lower.driver import lower, understood
from bridge.lower.emitter import Emitter
from bridge.lower.model import LoweredModel
from bridge.lower.table import TABLE, layer
from bridge.lower.values import Value

__all__ = [
    "TABLE",
    "Emitter",
    "LoweredModel",
    "Value",
    "layer",
    "lower",
    "understood",
]
