"""What each class of operators is held to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bridge.check.compare import Row, compare, tolerance
from bridge.check.tolerance import (
    CHOOSES,
    CLASSES,
    COMPUTES,
    COPIES,
    NARROW,
    SINGLE,
    class_of,
    judged,
    precision,
)


@pytest.mark.parametrize(
    ("operators", "kind"),
    [
        ({"MaxPool"}, COPIES),
        ({"Relu", "Reshape", "Concat"}, COPIES),
        ({"Conv"}, COMPUTES),
        ({"Conv", "Relu"}, COMPUTES),
        ({"Pooling"}, COMPUTES),  # Caffe's may be an average
        ({"ArgMax"}, CHOOSES),
        (set(), COMPUTES),
    ],
)
def test_layers_in_a_row_are_of_the_class_that_holds_all(operators: set[str], kind: object) -> None:
    assert class_of(operators) is kind


def test_no_operator_is_of_two_classes() -> None:
    names = [name for class_ in CLASSES for name in class_.operators]
    assert len(names) == len(set(names))


def row(error: float, size: float = 1.0, **fields: object) -> Row:
    limit = tolerance(np.array([size]))
    return Row("y", (2,), (2,), error, limit, size=size, range=size, **fields)


def limit(error: float, operator: str, *inputs: Row, size: float = 1.0) -> float:
    return judged(row(error, size), size, [operator], inputs).limit


def test_what_copies_adds_only_noise_to_what_it_was_given() -> None:
    assert limit(0, "MaxPool", row(1e-5)) == pytest.approx(1e-5 + 1e-6)
    assert limit(0, "MaxPool") == pytest.approx(1e-6)


def test_a_swap_of_near_numbers_is_found() -> None:
    one = np.float32([1.0, 1.00005])
    swapped = compare("y", one, one[::-1])
    assert swapped.ok
    assert judged(swapped, 1.0, ["MaxPool"], [row(0)]).verdict == "differs"


@pytest.mark.parametrize("operator", ["MaxPool", "Conv", "Softmax", "ArgMax", "Sub"])
def test_nothing_is_allowed_more_than_the_golden_cases_are(operator: str) -> None:
    for variation in (0.0, 1e-3, 1.0, 1e6, float("inf"), None):
        for size in (0.0, 1e-6, 1.0, 1e6):
            computed_from = row(1e-4 * size, 1e6)
            verdict = judged(row(0, size), variation, [operator], [computed_from])
            assert verdict.limit <= 1e-4 * (1 + size)


def test_behind_a_layer_that_differs_nothing_is_told_by_its_inputs() -> None:
    assert limit(0, "Relu", row(3.0)) == limit(0, "Conv", row(3.0))


def test_positions_are_whole_numbers() -> None:
    assert judged(row(0, 1e6, dtypes=("int64", "int64")), 5.0, ["ArgMax"]).limit == 0.5


def test_rounding_of_numbers_that_agree_may_be_a_step_off() -> None:
    steps = row(1, 200.0, dtypes=("uint8", "uint8"))
    assert judged(steps, 200.0, ["QuantizeLinear"], [row(0, 1.0)]).verdict == "equal"
    assert judged(replace(steps, error=2), 200.0, ["QuantizeLinear"], [row(0)]).verdict == "differs"
    for operators, inputs in (
        (["QuantizeLinear"], []),
        (["QuantizeLinear"], [row(9.0)]),
        (["QuantizeLinear", "Conv"], [row(0)]),
    ):
        assert judged(steps, 200.0, operators, inputs).verdict == "differs"


def test_a_value_is_held_to_what_it_varies_by() -> None:
    """Probabilities of a thousand classes: off by a tenth of themselves, once called equal."""
    right = np.full((2, 1000), 1e-3)
    right[0] += np.linspace(-5e-4, 5e-4, 1000)
    wrong = np.full((2, 1000), 1e-3)
    assert compare("prob", right, wrong).error < 6e-4
    verdict = judged(compare("prob", right * 0.1, wrong * 0.1), 5e-5, ["Softmax"])
    assert verdict.verdict == "differs"
    assert compare("prob", right * 0.1, wrong * 0.1).ok


def test_rounding_is_let_through_where_a_value_varies_little() -> None:
    assert judged(row(5e-3, 1000.0), 1.0, ["Conv"]).verdict == "equal"
    assert judged(row(2e-2, 1000.0), 1.0, ["Conv"]).verdict == "differs"


def test_what_varies_less_than_rounding_shows_cannot_tell() -> None:
    verdict = judged(row(0, 1000.0), 0.1, ["Conv"])
    assert verdict.verdict == "cannot tell"
    assert verdict.doubt == "it varies by 1.0e-01 between inputs, and rounding alone makes 1.0e-02"


def test_a_value_has_the_noise_of_what_it_was_made_of() -> None:
    """The difference of two large numbers, and the probabilities of large exponents."""
    small = row(1e-7, 1e-6)
    assert judged(small, 1e-6, ["Sub"], [row(0, 1.0)]).verdict == "cannot tell"
    assert judged(small, 1e-6, ["Sub"], [row(0, 1e-6)]).verdict == "differs"
    assert judged(row(5e-4), 0.01, ["Softmax"], [row(0, 50.0)]).limit == pytest.approx(5e-5)


@pytest.mark.parametrize(
    ("variation", "doubt"),
    [(0.0, "it is the same for all inputs"), (None, "all its numbers are equal")],
)
def test_what_never_changes_cannot_tell(variation: float | None, doubt: str) -> None:
    verdict = judged(replace(row(0), range=0.0), variation, ["Softmax"])
    assert (verdict.verdict, verdict.doubt) == ("cannot tell", doubt)
    assert judged(replace(row(1e-3), range=0.0), variation, ["Softmax"]).verdict == "differs"


def test_a_constant_is_right_or_wrong() -> None:
    for error, verdict in ((0, "equal"), (5e-7, "equal"), (1e-5, "differs")):
        assert judged(row(error), 0.0, ["Identity"], depends=False).verdict == verdict


def test_a_single_number_varies_by_its_size() -> None:
    single = Row("y", (1,), (1,), 0, 2e-4, size=1.0)
    assert judged(single, None).verdict == "equal"


def test_nan_everywhere_cannot_tell() -> None:
    nan = np.full((2, 3), np.nan)
    verdict = judged(compare("y", nan, nan), 0.0)
    assert (verdict.verdict, verdict.doubt) == ("cannot tell", "none of its numbers is finite")
    assert judged(compare("y", nan, np.zeros((2, 3))), 0.0).verdict == "differs"


def test_nothing_cannot_tell() -> None:
    empty = np.zeros((0, 7))
    assert judged(compare("y", empty, empty), np.inf).doubt == "it has no numbers"


def test_a_low_cosine_differs() -> None:
    turned = replace(row(0), cosine=0.99)
    assert judged(turned, 1.0).verdict == "differs"


def test_the_narrowest_dtype_decides() -> None:
    assert precision({"float32", "int64"}) is SINGLE
    assert precision({"float32", "float16"}) is NARROW["float16"]
    assert precision({"bfloat16", "float16"}) is NARROW["bfloat16"]


def test_what_a_value_was_made_of_tells_for_it_through_layers_without_weights() -> None:
    explained, doubtful = row(0), replace(row(0), doubt="it varies by nothing much")
    small = row(0, 1000.0)
    assert judged(small, 0.1, ["Softmax"], [explained]).verdict == "equal"
    assert judged(small, 0.1, ["Softmax"], [doubtful]).verdict == "cannot tell"
    assert judged(small, 0.1, ["Conv"], [explained]).verdict == "cannot tell"
    assert judged(small, 0.0, ["Softmax"], [explained]).verdict == "cannot tell"


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_half_precision_is_right_within_roundings_of_a_half(size: float) -> None:
    half = {"at": NARROW["float16"]}
    assert judged(row(0.005 * size, size), size, ["Conv"], **half).verdict == "equal"
    assert judged(row(0.01 * size, size), size, ["Conv"], **half).verdict == "differs"
    assert judged(row(0.005 * size, size), size, ["Conv"]).verdict == "differs"


def test_a_sigmoid_near_0_has_the_rounding_of_the_half_that_it_is_made_with() -> None:
    """Of logits about -9, as a detector's classes have: onnxruntime is 1e-7 off there."""
    logits = row(0, size=10.0)
    assert judged(row(1e-7, size=2e-4), 2e-4, ["Sigmoid"], [logits]).verdict == "equal"
    assert judged(row(1e-5, size=2e-4), 2e-4, ["Sigmoid"], [logits]).verdict == "differs"
    assert judged(row(1e-7, size=2e-4), 2e-4, ["Exp"], [logits]).verdict == "differs"


@pytest.mark.parametrize("operators", [["Swish"], ["Sigmoid", "Mul"]])
def test_a_swish_below_0_has_x_times_that_rounding(operators: list[str]) -> None:
    x = row(0, size=10.0)
    assert judged(row(1e-6, size=2e-3), 2e-3, operators, [x]).verdict == "equal"
    assert judged(row(1e-4, size=2e-3), 2e-3, operators, [x]).verdict == "differs"


def test_a_variance_has_the_rounding_of_the_squares_that_it_is_the_rest_of() -> None:
    source = judged(row(error=0.0, size=0.75), 0.5)
    variance = judged(row(error=4e-7, size=0.0155), 0.0036, {"Mul", "ReduceMean", "Sub"}, [source])
    assert (variance.limit, variance.ok) == (pytest.approx(7.5e-7), True)
    weighted = judged(row(error=4e-7, size=0.0155), 0.0036, {"Conv", "Sub"}, [source])
    assert weighted.limit == pytest.approx(3.6e-7)


def test_a_root_differs_by_the_share_of_its_input() -> None:
    source = judged(row(error=4e-7, size=0.016), 0.016)
    root = judged(row(error=2e-6, size=0.128), 0.0128, {"Add", "Sqrt"}, [source])
    assert root.limit == pytest.approx(3.2e-6)
    other = judged(row(error=2e-6, size=0.128), 0.0128, {"Conv"}, [source])
    assert other.limit < 2e-6


def test_a_product_differs_by_what_its_factors_do() -> None:
    x, half = replace(row(0, size=10.0), limit=1e-3), replace(row(1e-7, size=2e-4), limit=5e-7)
    assert judged(row(9e-7, size=2e-3), 2e-3, ["Mul"], [x, half]).verdict == "equal"
    assert judged(row(1e-5, size=2e-3), 2e-3, ["Mul"], [x, half]).verdict == "differs"
    wrong = replace(half, error=1e-6)
    assert judged(row(9e-7, size=2e-3), 2e-3, ["Mul"], [x, wrong]).verdict == "differs"


def test_a_softmax_of_numbers_that_differ_by_their_rounding_alone_cannot_tell() -> None:
    """Of 5e9 the next float is 512 off, which is a factor of e to the 512."""
    rounded, near = row(512.0, size=5e9), row(0.01, size=2e3)
    assert judged(row(0.1), 1.0, ["Softmax"], [rounded]).verdict == "cannot tell"
    assert judged(row(0.0), 1.0, ["Softmax"], [rounded]).verdict == "equal"
    assert judged(row(0.1), 1.0, ["Softmax"], [near]).verdict == "differs"
    assert judged(row(0.1), 1.0, ["Sigmoid"], [rounded]).verdict == "differs"
    assert judged(row(0.1), 1.0, ["Softmax"], [row(5e7, size=5e9)]).verdict == "differs"
