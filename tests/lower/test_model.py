from __future__ import annotations

import numpy as np

from bridge.lower import lower
from bridge.lower.model import with_warnings

TEXT = """layer { name: "fc" type: "InnerProduct" bottom: "x" top: "y"
                  inner_product_param { num_output: 2 } }"""


def test_weights_that_are_not_finite_are_warned_of(net_of: object) -> None:
    weights = {"fc": (np.array([[1, np.nan]] * 2), np.zeros(2))}
    model = lower(net_of(TEXT, weights, x=(1, 2)))
    (warning,) = with_warnings(model).warnings[len(model.warnings) :]
    assert warning == "weight 'fc.weight': 2 of its 4 numbers are NaN or infinite"
