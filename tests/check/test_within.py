"""Which values within a net are looked at."""

from __future__ import annotations

from bridge.check.backends.backend import Origin
from bridge.check.within import MAX_BYTES, MAX_VALUES, values_within

CHAIN = {f"v{i}": Origin(f"l{i}", "Conv", (f"v{i - 1}",)) for i in range(500)}


def test_what_is_squashed_comes_first_and_the_rest_from_all_over() -> None:
    graph = {**CHAIN, "prob": Origin("prob", "Softmax", ("v77",))}
    ranges = values_within(graph, dict.fromkeys(graph, 4))
    assert ranges[0] == "v77"
    assert len(ranges) == MAX_VALUES
    numbers = sorted(int(name.removeprefix("v")) for name in ranges if name != "prob")
    assert numbers[0] < 50
    assert numbers[-1] > 450


def test_what_is_too_large_is_left_out() -> None:
    graph = {**CHAIN, "prob": Origin("prob", "Softmax", ("v499",))}
    assert values_within(graph, {"v499": MAX_BYTES + 1, "v3": 4}) == ["v3"]
    assert len(values_within(graph, dict.fromkeys(CHAIN, MAX_BYTES // 2))) == 2


def test_only_known_values_are_taken() -> None:
    assert values_within(CHAIN, {}) == []


def test_sums_and_copies_of_them_are_left_out() -> None:
    graph = {
        "a": Origin("a", "Conv", ("x",)),
        "mean": Origin("mean", "ReduceMean", ("a",)),
        "minus": Origin("minus", "Neg", ("mean",)),
        "b": Origin("b", "Mul", ("a", "minus")),
    }
    assert values_within(graph, dict.fromkeys(graph, 4)) == ["a", "b"]
