"""What lowering gives: an ONNX graph whose weights are still where they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import onnx

from bridge.lower.values import Dims, Weight

PRODUCER = "bridge"
"""Who an ONNX file says has made it."""


@dataclass(frozen=True)
class LoweredModel:
    """An ONNX model without its initializers, and beside it the weights that they will be.

    `proto` has every value's type and shape; `weights` is by initializer name, in the order of
    first use. `inputs`, `outputs` and `values` (every blob of the net that became a value) have
    shapes by name, in Caffe's order; "batch" stands for a free batch size. `shapes` has in the
    same way all blobs, those too that are between two layers which became one.
    """

    proto: onnx.ModelProto
    weights: Mapping[str, Weight]
    inputs: Mapping[str, Dims]
    outputs: Mapping[str, Dims]
    values: Mapping[str, Dims]
    shapes: Mapping[str, Dims]
    warnings: tuple[str, ...] = ()
