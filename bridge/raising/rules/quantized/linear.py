"""QuantizeLinear and DequantizeLinear, computed as they are defined."""

from __future__ import annotations

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.rules.quantized.steps import (
    Steps,
    require_integers,
    rounded,
)
from bridge.raising.table import Candidate, Node, Operand, raises

# ONNX's numbers of the dtypes that a result may have.
_INTEGERS = {0: "uint8", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16"}
_FLOATS = {1: "float32", 10: "float16"}


@raises("QuantizeLinear", since=10)
def quantize_linear(
    node: Node,
    x: Operand,
    y_scale: Operand,
    y_zero_point: Operand | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
    precision: int = 0,
    saturate: int = 1,
) -> Candidate:
    """round(x / scale) + zero point, half to even, saturated

    (onnx.ai/onnx/operators, QuantizeLinear)
    """
    dtype = require_integers(
        _INTEGERS.get(output_dtype, f"ONNX's type {output_dtype}")
        if y_zero_point is None
        else y_zero_point.dtype
    )
    steps = Steps.of(x, y_scale, y_zero_point, axis, block_size)
    base = steps.base(x.layout)

    def build(k: Recorder, x: Ref, *refs: Ref) -> Ref:
        scale, zero_point = steps.arguments(k, base, refs)
        y = k.op("divide", k.op("cast", x, dtype="float32"), scale)
        return rounded(k, y, zero_point, dtype)

    return Candidate((base, *steps.input_layouts), (base,), build)


@raises("DequantizeLinear", since=10)
def dequantize_linear(
    node: Node,
    x: Operand,
    x_scale: Operand,
    x_zero_point: Operand | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
) -> Candidate:
    """(x - zero point) · scale                      (onnx.ai/onnx/operators, DequantizeLinear)"""
    if x.dtype != "int32":
        require_integers(x.dtype)
    dtype = _FLOATS.get(output_dtype, x_scale.dtype) if output_dtype else x_scale.dtype
    if dtype not in ("float32", "float16"):
        raise UnsupportedError("dequantizing to this type", received=dtype)
    steps = Steps.of(x, x_scale, x_zero_point, axis, block_size)
    base = steps.base(x.layout)

    def build(k: Recorder, x: Ref, *refs: Ref) -> Ref:
        scale, zero_point = steps.arguments(k, base, refs)
        y = k.op("cast", x, dtype="float32")
        y = y if zero_point is None else k.op("subtract", y, zero_point)
        y = k.op("multiply", y, scale)
        return y if dtype == "float32" else k.op("cast", y, dtype=dtype)

    return Candidate((base, *steps.input_layouts), (base,), build)


@raises("DynamicQuantizeLinear", since=11)
def dynamic_quantize_linear(node: Node, x: Operand) -> Candidate:
    """x as uint8, with the scale and zero point at which its range and 0 just fit

    (onnx.ai/onnx/operators, DynamicQuantizeLinear)
    """

    def build(k: Recorder, x: Ref) -> tuple[Ref, ...]:
        low = k.op("minimum", k.op("min", x), 0.0)
        high = k.op("maximum", k.op("max", x), 0.0)
        scale = k.op("divide", k.op("subtract", high, low), 255.0)
        scale = k.op("where", k.op("equal", scale, 0.0), 1.0, scale)
        lowest = k.op("negative", k.op("divide", low, scale))
        zero_point = k.op("round", k.op("clip", lowest, x_min=0.0, x_max=255.0))
        y = rounded(k, k.op("divide", x, scale), zero_point, "uint8")
        return y, scale, k.op("cast", zero_point, dtype="uint8")

    scalar = Layout.identity(())
    return Candidate((x.layout,), (x.layout, scalar, scalar), build)
