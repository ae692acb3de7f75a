from __future__ import annotations

import pytest

from bridge.caffe.origins import origin


@pytest.mark.parametrize(
    ("type_", "expected"), [("Convolution", "BVLC"), ("PriorBox", "SSD"), ("Interp", "fork")]
)
def test_the_caffe_of_a_layer_type(type_: str, expected: str) -> None:
    assert origin(type_) == expected
