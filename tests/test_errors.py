from __future__ import annotations

import pytest

from bridge.errors import BridgeError, after, did_you_mean


def test_a_refusal_carries_what_was_told_before_it() -> None:
    gathered = ["first"]

    def fail() -> None:
        with after(gathered), after(["inner", "first"]):
            gathered.append("later")
            raise BridgeError("no")

    with pytest.raises(BridgeError) as refusal:
        fail()
    assert refusal.value.warnings == ("first", "later", "inner")
    assert str(refusal.value) == "no"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("convolution", "Convolution"),
        ("CONVOLUTON", "Convolution"),
        ("inner_product", "InnerProduct"),
        ("xyz", ""),
        ("mat_write_param", ""),
        ("tiles_param", "tile_param"),
    ],
)
def test_names_that_are_near(name: str, meant: str) -> None:
    assert did_you_mean(name, ["Convolution", "InnerProduct", "tile_param"]) == (
        meant and f"did you mean '{meant}'?"
    )
