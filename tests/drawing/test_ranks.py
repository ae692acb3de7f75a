"""The rows of a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from bridge.drawing.diagram import Diagram, Node, Value
from bridge.drawing.ranks import FREE_COLUMNS, Rows, ranked

Reads = Mapping[str, Sequence[str]]


def diagram(reads: Reads, inputs: Sequence[str] = ("x",)) -> Diagram:
    """Each node writes the value of its name."""
    nodes = [Node(name, {}, (), (name,), is_input=True) for name in inputs]
    nodes += [Node(name, {}, tuple(of), (name,)) for name, of in reads.items()]
    return Diagram(tuple(nodes), {node.name: Value(node.name) for node in nodes})


def rank(rows: Rows, key: int | str) -> int:
    return rows.ranks[rows.keys.index(key)]


def test_nodes_and_values_are_in_turn() -> None:
    rows = ranked(diagram({"a": ["x"], "b": ["a"]}))
    assert [rank(rows, key) for key in (0, "x", 1, "a", 2, "b")] == [0, 1, 2, 3, 4, 5]


def test_a_node_is_below_all_that_it_reads() -> None:
    rows = ranked(diagram({"a": ["x"], "b": ["a"], "sum": ["b", "x"]}))
    assert rank(rows, 3) == 6
    free = [box for box, key in enumerate(rows.keys) if key is None]
    assert [rows.ranks[box] for box in free] == [2, 3, 4, 5], "the curve from x passes beside a, b"


def test_an_input_that_is_read_late_is_beside_its_reader() -> None:
    rows = ranked(diagram({"a": ["x"], "b": ["a"], "c": ["b", "size"]}, ["x", "size"]))
    assert (rank(rows, 1), rank(rows, "size"), rank(rows, 4)) == (4, 5, 6)


def test_so_is_what_depends_on_no_input() -> None:
    rows = ranked(diagram({"one": [], "two": ["one"], "a": ["x"], "b": ["a"], "c": ["b", "two"]}))
    assert (rank(rows, 1), rank(rows, 2), rank(rows, 5)) == (2, 4, 6)


def test_a_value_that_is_read_before_it_is_written_is_no_fault() -> None:
    rows = ranked(diagram({"a": ["x", "b"], "b": ["a"]}))
    assert [link.direct for link in rows.links].count(True) == 1


READS = st.lists(st.lists(st.integers(0, 29), max_size=3, unique=True), min_size=1, max_size=30)


@given(READS)
def test_curves_lead_down_one_row_each_and_are_not_too_many(reads: list[list[int]]) -> None:
    graph = {f"{i}": [f"{j}" for j in of if j < i] or ["x"] for i, of in enumerate(reads)}
    drawn = diagram(graph)
    rows = ranked(drawn)
    boxes = len(drawn.nodes) + len(drawn.values)
    assert rows.keys.count(None) <= FREE_COLUMNS * boxes
    for link in rows.links:
        step = rows.ranks[link.target] - rows.ranks[link.source]
        assert step == 1 or (link.direct and step > 1)
    ends = sum(rows.keys[link.target] is not None for link in rows.links)
    assert ends == len(drawn.values) + sum(map(len, graph.values()))
