"""What quantized numbers stand for."""

from __future__ import annotations

import numpy as np
import pytest

from bridge import ir
from bridge.graph.quantization.grid import Grid, grid_of, is_a
from tests.helpers.quantized_graphs import quantized


@pytest.mark.parametrize(
    ("dtype", "limits"),
    [("INT8", (-1.5, 0.625)), ("UINT8", (-0.5, 1.625)), ("INT4", (-0.5, -0.5)), ("UINT2", (0, 0))],
)
def test_limits_are_those_of_the_integers(dtype: str, limits: tuple[float, float]) -> None:
    low, high = Grid(dtype, (1 / 128,), (64,), None).limits
    q = {"INT8": (-128, 127), "UINT8": (0, 255), "INT4": (-8, 7), "UINT2": (0, 3)}[dtype]
    assert (low.item(), high.item()) == tuple((n - 64) / 128 for n in q)


def test_floats_of_integers() -> None:
    grid = Grid("UINT8", (0.5,), (10,), None)
    np.testing.assert_array_equal(grid.floats(np.uint8([0, 10, 255])), [-5, 0, 122.5])


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("q = QuantizeLinear(x, s, z)", Grid("INT8", (0.5,), (3,), None)),
        ("q = QuantizeLinear(x, s)", Grid("UINT8", (0.5,), (0,), None)),
        ("q = QuantizeLinear<axis = 0>(x, ss, zz)", Grid("INT8", (0.5, 2.0), (3, 4), 0)),
        ("q = QuantizeLinear<axis = 0, block_size = 1>(x, ss, zz)", None),
        ("q = QuantizeLinear(x, t, z)", None),
    ],
    ids=["whole", "no zero point", "axis", "blocks", "computed"],
)
def test_the_grid_of_a_node(node: str, expected: Grid | None) -> None:
    constants = {"s": np.float32(0.5), "z": np.int8(3), "zz": np.int8([3, 4])}
    model = ir.from_proto(
        quantized(
            f"g (float[2,3] x, float t) => (int8[2,3] q) {{ {node} }}",
            {**constants, "ss": np.float32([0.5, 2.0])},
            opset=21,
        )
    )
    quantize = model.graph[0]
    quantize.outputs[0].dtype = ir.DataType.INT8 if len(quantize.inputs) > 2 else ir.DataType.UINT8
    assert grid_of(quantize) == expected
    assert is_a(quantize, "QuantizeLinear")
    assert not is_a(None, "QuantizeLinear")
