"""Quantized graphs, and the float models that they stand for.

grid.py       the numbers that a quantized tensor can stand for
operators.py  QLinearConv and its kin, as float operators between QuantizeLinear and its inverse
limits.py     between which numbers the values of a graph are
floats.py     the float model: rounding left out, saturation kept
"""

from bridge.graph.quantization.floats import to_floats

__all__ = ["to_floats"]
