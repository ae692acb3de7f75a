"""The order of the boxes in each row, and where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from bridge.drawing.ranks import Rows

PASSES = 8  # down and up in turn
GAP = 26.0  # between two boxes of a row
PULL = 6.0  # of a free column, to keep long curves straight, beside 1 of a box

Neighbours = Mapping[int, Sequence[int]]


def arranged(rows: Rows, widths: Sequence[float]) -> list[float]:
    """The middle of each box, by number, from left to right.

    No box is nearer to the next of its row than GAP. In each pass the boxes of a row are ordered by
    the mean of their neighbours in the row before, and then move to it as far as they can.
    """
    above, below = _neighbours(rows)
    order = rows.rows
    weights = [PULL if key is None else 1.0 for key in rows.keys]
    middles = [0.0] * len(widths)
    for row in order:
        _set_apart(row, {box: float(i) for i, box in enumerate(row)}, widths, weights, middles)
    for turn in range(PASSES):
        down = turn % 2 == 0
        near = above if down else below
        for row in order if down else reversed(order):
            wanted = _means(row, near, middles, weights)
            row.sort(key=wanted.__getitem__)
            _set_apart(row, wanted, widths, weights, middles)
    for row in order:
        both = {box: (*above[box], *below[box]) for box in row}
        _set_apart(row, _means(row, both, middles, weights), widths, weights, middles)
    return middles


def _neighbours(rows: Rows) -> tuple[Neighbours, Neighbours]:
    above: dict[int, list[int]] = {box: [] for box in range(len(rows.keys))}
    below: dict[int, list[int]] = {box: [] for box in range(len(rows.keys))}
    for link in rows.links:
        if not link.direct:
            above[link.target].append(link.source)
            below[link.source].append(link.target)
    return above, below


def _means(
    row: Sequence[int], near: Neighbours, middles: Sequence[float], weights: Sequence[float]
) -> dict[int, float]:
    """Where the neighbours of each box are; a box without any stays. Free columns weigh as much
    here as where boxes are set apart: else each fork would move what follows to one side."""
    return {
        box: fmean((middles[n] for n in near[box]), (weights[n] for n in near[box]))
        if near[box]
        else middles[box]
        for box in row
    }


def _set_apart(
    row: Sequence[int],
    wanted: Mapping[int, float],
    widths: Sequence[float],
    weights: Sequence[float],
    middles: list[float],
) -> None:
    """Brings each box as near to where it is wanted as those beside it let it: the least squares
    of a sequence that must not fall, by pooling neighbours that are in each other's way (Ayer et
    al. 1955), after the distances that they keep are taken off."""
    offsets, offset = list[float](), 0.0
    for before, box in zip([None, *row], row, strict=False):
        if before is not None:
            offset += (widths[before] + widths[box]) / 2 + GAP
        offsets.append(offset)
    pools: list[tuple[float, float, int]] = []  # the mean, the weight, and how many boxes
    for box, off in zip(row, offsets, strict=True):
        pool = (wanted[box] - off, weights[box], 1)
        while pools and pools[-1][0] >= pool[0]:
            mean, weight, count = pools.pop()
            total = weight + pool[1]
            pool = ((mean * weight + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    means = [mean for mean, _, count in pools for _ in range(count)]
    for box, mean, off in zip(row, means, offsets, strict=True):
        middles[box] = mean + off
