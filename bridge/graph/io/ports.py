"""What a Keras model becomes in ONNX, with the layouts of its inputs and outputs.

It is known without Keras, which may run in another process.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from bridge.layout import Layout


@dataclass(frozen=True)
class Port:
    """An input or an output: its name in ONNX, and its layout in the Keras model."""

    name: str
    layout: Layout
    dtype: str

    @property
    def order(self) -> tuple[int, ...]:
        """ONNX's axes, in Keras's order."""
        return self.layout.order

    @property
    def shape(self) -> tuple[int | None, ...]:
        """ONNX's shape; None for a free size."""
        return tuple(s if isinstance(s, int) else None for s in self.layout.logical_shape)


@dataclass(frozen=True)
class Exported:
    """An ONNX model, and its inputs and outputs in Keras's order."""

    proto: onnx.ModelProto
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
