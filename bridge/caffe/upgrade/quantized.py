"""Layers that round their numbers to a few bits, as float layers.

Ristretto's layers (base_ristretto_layer.cpp of pmgysel's fork) are Caffe's own, except that they
round their weights, inputs and outputs, as `quantization_param` says; Intel's int8 convolutions
have that message too. Without the rounding it is the net that was trained, so the rounding is
dropped with a warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.caffe.files.prototxt import Message

_FLOAT_TYPES: Mapping[str, str] = {
    "ConvolutionRistretto": "Convolution",
    "DeconvolutionRistretto": "Deconvolution",
    "FcRistretto": "InnerProduct",
    "LRNRistretto": "LRN",
}


def in_float(layers: Sequence[Message]) -> tuple[list[Message], tuple[str, ...]]:
    """The layers, quantized ones as their float types, and a warning if there are any."""
    quantized = [layer for layer in layers if _is_quantized(layer)]
    if not quantized:
        return list(layers), ()
    first, more = quantized[0], len(quantized) - 1
    note = (
        f"{first.where}: layer '{first.get('name', '')}' ({first.get('type', '')})"
        f"{f' and {more} more' if more else ''}: its quantization is left out: it computes in "
        "float32, and its results differ from the quantized net's by the rounding"
    )
    return [_in_float(layer) if _is_quantized(layer) else layer for layer in layers], (note,)


def _is_quantized(layer: Message) -> bool:
    return layer.get("type") in _FLOAT_TYPES or "quantization_param" in layer


def _in_float(layer: Message) -> Message:
    values = {name: value for name, value in layer.items() if name != "quantization_param"}
    kind = layer.get("type", "")
    return layer.with_values({**values, "type": _FLOAT_TYPES.get(kind, kind)})
