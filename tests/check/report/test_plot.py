"""The plot of errors on a logarithmic scale."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.check.compare import Row
from bridge.check.report.plot import MOST_TICKS, WIDTH, plotted

ROW = Row("a", (1,), (1,), 1e-4, 1e-3)


def test_rows_are_points_between_whole_powers_of_ten() -> None:
    plot = plotted([ROW, replace(ROW, name="b", error=1e-1, limit=1e-2)])
    assert [(tick.text, tick.y) for tick in plot.ticks] == [
        ("10⁻⁴", 100),
        ("10⁻³", 66.67),
        ("10⁻²", 33.33),
        ("10⁻¹", 0),
    ]
    assert [(point.x, point.y, point.style) for point in plot.points] == [
        (WIDTH / 4, 100, "equal"),
        (3 * WIDTH / 4, 0, "differs"),
    ]
    assert plot.limits == "M0.0 66.67H500.0L500.0 33.33H1000.0"
    assert plot.styles == {"equal": "equal", "differs": "differs"}
    assert plot.points[1].text == "b: off by 1.0e-01, 1.0e-02 allowed"


@pytest.mark.parametrize(
    ("error", "y"), [(0.0, 100), (float("inf"), 0), (float("nan"), 0), (1e-4, 100), (1e-3, 0)]
)
def test_zero_is_lowest_and_what_is_no_number_highest(error: float, y: float) -> None:
    plot = plotted([ROW, replace(ROW, error=error)])
    assert plot.points[1].y == y


def test_the_scale_has_few_ticks_however_long_it_is() -> None:
    plot = plotted([ROW, replace(ROW, error=1e30)])
    assert len(plot.ticks) <= MOST_TICKS + 1
    assert (plot.ticks[0].y, plot.ticks[-1].y) == (100, 0)


def test_of_no_rows_or_of_zeros_there_is_a_plot_as_well() -> None:
    assert plotted([]).points == ()
    assert [tick.text for tick in plotted([replace(ROW, error=0.0, limit=0.0)]).ticks] == [
        "1",
        "10¹",
    ]
