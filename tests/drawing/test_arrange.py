"""Where boxes are: in no other's way, and straight where they can be."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bridge.drawing.arrange import GAP, arranged
from bridge.drawing.ranks import Rows, ranked
from tests.drawing.test_ranks import READS, diagram


def widths_of(rows: Rows) -> list[float]:
    return [2.0 if key is None else 100.0 for key in rows.keys]


@given(READS, st.integers(1, 400))
def test_no_box_is_in_the_way_of_another(reads: list[list[int]], width: int) -> None:
    graph = {f"{i}": [f"{j}" for j in of if j < i] or ["x"] for i, of in enumerate(reads)}
    rows = ranked(diagram(graph))
    widths = [float(width) if box % 2 else 20.0 for box in range(len(rows.keys))]
    middles = arranged(rows, widths)
    for row in rows.rows:
        spans = sorted((middles[b] - widths[b] / 2, middles[b] + widths[b] / 2) for b in row)
        assert all(right + GAP <= left + 1e-6 for (_, right), (left, _) in pairwise(spans))


def test_a_chain_is_straight() -> None:
    rows = ranked(diagram({f"{i}": [f"{i - 1}" if i else "x"] for i in range(50)}))
    assert len(set(arranged(rows, widths_of(rows)))) == 1


def test_blocks_with_a_shortcut_do_not_drift_to_one_side() -> None:
    """The mean of two neighbours, equally, moves each block of a ResNet beside the one before."""
    graph = {}
    for i in range(60):
        before = f"sum{i - 1}" if i else "x"
        graph |= {f"a{i}": [before], f"b{i}": [f"a{i}"], f"sum{i}": [before, f"b{i}"]}
    rows = ranked(diagram(graph))
    middles = arranged(rows, widths_of(rows))
    assert max(middles) - min(middles) < 300


def test_two_ways_that_need_not_cross_do_not() -> None:
    graph = {"a": ["x"], "b": ["x"], "c": ["b"], "d": ["a"], "e": ["d"], "f": ["c"]}
    drawn = diagram(graph)
    rows = ranked(drawn)
    middles = arranged(rows, widths_of(rows))
    names = [node.name for node in drawn.nodes]
    left = {name: middles[rows.keys.index(i)] for i, name in enumerate(names)}
    assert (left["a"] < left["b"]) == (left["d"] < left["c"]) == (left["e"] < left["f"])
