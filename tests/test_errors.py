from __future__ import annotations

import pickle

import pytest

from bridge.errors import (
    AND_HINT,
    LONGEST,
    MOST_LINES,
    BridgeError,
    Location,
    UnsupportedLayerError,
    after,
    did_you_mean,
    lines_of,
    plain,
)


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


FORGED = "a\x1b[2J\nerror: forged\r\x9b\u202e\x7f\u2028"
ESCAPED = "a\\x1b[2J\\nerror: forged\\r\\x9b\\u202e\\x7f\\u2028"


def test_a_name_makes_no_line_of_its_own_and_does_nothing_to_a_terminal() -> None:
    error = BridgeError(
        FORGED, where=FORGED, expected=FORGED, received=FORGED, hint=FORGED, lines=[FORGED]
    )
    assert str(error).splitlines() == [
        f"{ESCAPED}: {ESCAPED}",
        f"  {ESCAPED}",
        f"  expected: {ESCAPED}",
        f"  received: {ESCAPED}",
        f"  hint: {ESCAPED}",
    ]
    assert str(error.with_hint("more")).splitlines()[-1] == f"  hint: {ESCAPED}; more"


def test_letters_of_all_languages_stay() -> None:
    assert plain("größe 大小 ∑\t") == "größe 大小 ∑\\t"


def test_several_hints_have_a_line_each() -> None:
    text = str(BridgeError("no", hint=AND_HINT.join(["one", FORGED])))
    assert text.splitlines() == ["no", "  hint: one", f"        {ESCAPED}"]


def test_no_message_is_endless() -> None:
    names = ["n" * 10**4] * 200
    lines = lines_of(names, str.upper)
    text = str(BridgeError(names[0], where=names[0], received=names, hint=names[0], lines=lines))
    assert len(text.splitlines()) == MOST_LINES + 4
    assert all(len(line) <= LONGEST for line in text.splitlines())
    assert "20002 characters" in text
    assert "and 100 more" in text


def test_another_process_gets_the_same_message() -> None:
    error = UnsupportedLayerError(
        "no rule", where=Location("net.prototxt", 3), received=[1, 2], hint="none", lines=["a", "b"]
    )
    error.warnings = ("beforehand",)
    same = pickle.loads(pickle.dumps(error))
    assert (type(same), str(same)) == (UnsupportedLayerError, str(error))
    assert (same.problem, same.warnings, same.expected) == ("no rule", ("beforehand",), None)
