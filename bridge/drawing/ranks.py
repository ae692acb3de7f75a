"""A diagram as rows of boxes: nodes and values in turn, each below all that it depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bridge.drawing.diagram import Diagram

# A curve that passes many rows needs a free column in each. There are at most so many for each box
# of the diagram: the longest curves go behind the boxes instead.
FREE_COLUMNS = 8


@dataclass(frozen=True)
class Link:
    """A curve from a box to one in the next row, unless it is `direct`."""

    source: int
    target: int
    direct: bool = False


@dataclass
class Rows:
    """Boxes by number: `keys` are the node (its position in the diagram) or the value (its name)
    that each is, None for a free column through which a curve passes."""

    keys: list[int | str | None] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def add(self, key: int | str | None, rank: int) -> int:
        self.keys.append(key)
        self.ranks.append(rank)
        return len(self.keys) - 1

    @property
    def rows(self) -> list[list[int]]:
        """The boxes of each row, in the order in which they were added."""
        rows: list[list[int]] = [[] for _ in range(max(self.ranks, default=-1) + 1)]
        for box, rank in enumerate(self.ranks):
            rows[rank].append(box)
        return rows


def ranked(diagram: Diagram) -> Rows:
    """The rows of a diagram: a box is as far down as the longest way to it, but an input, and what
    depends on none, is right above the first that reads it."""
    ranks = _ranks(diagram)
    writers = {name: i for i, node in enumerate(diagram.nodes) for name in node.writes}
    rows = Rows()
    of_node = [rows.add(i, rank) for i, rank in enumerate(ranks)]
    of_value: dict[str, int] = {}
    for name in diagram.values:
        if name in writers:
            of_value[name] = rows.add(name, ranks[writers[name]] + 1)
            rows.links.append(Link(of_node[writers[name]], of_value[name]))
    readers: dict[str, list[int]] = {name: [] for name in of_value}
    for i, node in enumerate(diagram.nodes):
        for name in node.reads:
            if name in readers:
                readers[name].append(of_node[i])
    longest = _longest_routed(rows, of_value, readers)
    for name, box in of_value.items():
        rows.links += _routed(rows, box, readers[name], longest)
    return rows


def _ranks(diagram: Diagram) -> list[int]:
    """Of the nodes; values are in the rows between."""
    ranks: list[int] = []
    of_value: dict[str, int] = {}
    computed = set[str]()  # of the inputs of the net
    free = list[bool]()  # of those, or an input itself
    for node in diagram.nodes:
        ranks.append(
            max((of_value[name] + 1 for name in node.reads if name in of_value), default=0)
        )
        of_value |= dict.fromkeys(node.writes, ranks[-1] + 1)
        free.append(node.is_input or computed.isdisjoint(node.reads))
        if node.is_input or not free[-1]:
            computed.update(node.writes)
    first: dict[str, int] = {}
    for i in reversed(range(len(ranks))):
        node = diagram.nodes[i]
        readers = [first[name] for name in node.writes if name in first]
        if free[i]:
            ranks[i] = max(ranks[i], min(readers, default=0) - 2)
        for name in node.reads:
            first[name] = min(ranks[i], first.get(name, ranks[i]))
    return ranks


def _longest_routed(
    rows: Rows, of_value: Mapping[str, int], readers: Mapping[str, Sequence[int]]
) -> int:
    """The most rows that a curve may pass in free columns."""
    spans = sorted(
        max((rows.ranks[reader] for reader in readers[name]), default=0) - rows.ranks[box] - 1
        for name, box in of_value.items()
    )
    left, longest = FREE_COLUMNS * len(rows.keys), 0
    for span in filter(lambda span: span > 0, spans):
        left -= span
        if left < 0:
            return longest
        longest = span
    return longest


def _routed(rows: Rows, box: int, readers: Sequence[int], longest: int) -> Iterator[Link]:
    """The curves from a value to its readers, which share free columns."""
    column = [box]  # by row below the value
    for reader in sorted(readers, key=lambda reader: rows.ranks[reader]):
        span = rows.ranks[reader] - rows.ranks[box] - 1
        if not 0 <= span <= longest:
            yield Link(box, reader, direct=True)
            continue
        while len(column) <= span:
            column.append(rows.add(None, rows.ranks[column[-1]] + 1))
            yield Link(column[-2], column[-1])
        yield Link(column[span], reader)
