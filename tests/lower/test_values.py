from __future__ import annotations

import pytest

from bridge.errors import GraphError
from bridge.lower.values import FLOAT, Value


def test_a_symbol_is_no_fixed_size() -> None:
    value = Value("x", FLOAT, ("n", 3))
    assert value.rank == 2
    assert value.fixed(1) == 3
    with pytest.raises(GraphError, match="axis 0 of 'x' has no fixed size"):
        value.fixed(0)
