"""docs/reshape.svg: a small kernel as Caffe stores it, reshaped, and transposed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CELL, GAP, TOP = 36, 28, 58
COLOURS = ("#4c78a8", "#f2a34b")  # of Caffe's filters, told apart by their lightness too

Kernel = NDArray[np.int64]


def reshape_figure() -> str:
    """Each cell has a number of Caffe's kernel, in the colour of the filter that it belongs to."""
    kernel = np.arange(8).reshape(2, 1, 2, 2)  # o i h w
    rows = (
        ("In memory, as Caffe stores it: o i h w", [kernel.reshape(1, 8)]),
        (
            "kernel.reshape(2, 2, 1, 2): both filters are mixed",
            _filters(kernel.reshape(2, 2, 1, 2)),
        ),
        (
            "kernel.transpose(2, 3, 1, 0): each filter is whole",
            _filters(kernel.transpose(2, 3, 1, 0)),
        ),
    )
    parts, y = list[str](), 0
    for title, grids in rows:
        parts.append(f'<text x="{GAP}" y="{y + 30}">{title}</text>')
        parts += _grids(grids, y + TOP - GAP // 2)
        y += TOP + CELL * len(grids[0])
    return _SVG.format(width=460, height=y + GAP, body="\n".join(parts))


def _filters(kernel: Kernel) -> list[Kernel]:
    """Each output channel of a kernel of h w i o, as h w."""
    return [kernel[:, :, 0, o] for o in range(kernel.shape[-1])]


def _grids(grids: list[Kernel], top: int) -> Iterator[str]:
    left = GAP
    for grid in grids:
        for (row, column), number in np.ndenumerate(grid):
            yield _cell(left + CELL * column, top + CELL * row, int(number))
        left += CELL * grid.shape[1] + GAP


def _cell(x: int, y: int, number: int) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="{COLOURS[number // 4]}"/>'
        f'<text class="n" x="{x + CELL // 2}" y="{y + CELL * 2 // 3}">{number}</text>'
    )


_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">
<style>
text {{ font: 15px sans-serif; fill: #222 }}
.n {{ text-anchor: middle }}
rect {{ stroke: #fff; stroke-width: 2 }}
</style>
<rect width="{width}" height="{height}" fill="#fff"/>
{body}
</svg>
"""
