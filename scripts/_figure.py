"""The figures of the docs: docs/reshape.svg has a small kernel as Caffe stores it, reshaped, and
transposed; docs/weight-*.svg have weights on their way to Keras, by what `explain` says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

CELL, GAP, TOP = 36, 28, 58
# Of Caffe's filters, told apart by their lightness too.
COLOURS = ("#4c78a8", "#f2a34b", "#b8d4ee", "#fbdcb4")

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
            yield _cell(left + CELL * column, top + CELL * row, int(number), int(number) // 4)
        left += CELL * grid.shape[1] + GAP


def _cell(x: int, y: int, number: int, colour: int) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="{COLOURS[colour]}"/>'
        f'<text class="n" x="{x + CELL // 2}" y="{y + CELL * 2 // 3}">{number}</text>'
    )


@dataclass(frozen=True)
class Way:
    """A weight on its way: a net of one layer that has it, and its shape in Caffe.

    `colours` are those of its numbers, each for as many. `caffe` and `keras` name the axes.
    """

    title: str
    net: str
    shape: tuple[int, ...]
    caffe: str
    keras: str
    colours: tuple[int, ...] = (0, 1)


_NET = """layer {{ name: "data" type: "Input" top: "data"
        input_param {{ shape {{ dim: 1 dim: {channels} dim: {height} dim: {width} }} }} }}
layer {{ name: "layer" type: "{type}" bottom: "data" top: "layer" {parameters} }}"""


def _net(type: str, channels: int, height: int, width: int, parameters: str) -> str:
    return _NET.format(
        channels=channels, height=height, width=width, type=type, parameters=parameters
    )


_KERNEL = "convolution_param {{ num_output: {} group: {} kernel_size: 2 bias_term: false }}"
WAYS = {
    "convolution": Way(
        "A convolution: two filters of two input channels",
        _net("Convolution", 2, 4, 4, _KERNEL.format(2, 1)),
        (2, 2, 2, 2),
        "o i h w",
        "h w i o",
    ),
    "grouped": Way(
        "A convolution of two groups, each of two filters",
        _net("Convolution", 4, 4, 4, _KERNEL.format(4, 2)),
        (4, 2, 2, 2),
        "o i h w",
        "h w i o",
        (0, 2, 1, 3),
    ),
    "flatten": Way(
        "The dense layer after Flatten: two units",
        _net("InnerProduct", 2, 1, 3, "inner_product_param { num_output: 2 bias_term: false }"),
        (2, 6),
        "o (c h w)",
        "(h w c) o",
        (0, 2, 1, 3),
    ),
}


def weight_figure(way: Way) -> str:
    """Caffe's array and Keras's, and between them the expression that makes the one of the other:
    that of `explain`, computed. Each cell has the position of its number in Caffe's memory."""
    expression = _expression(way)
    w = np.arange(np.prod(way.shape)).reshape(way.shape)
    stored = eval(expression, {"np": np}, {"w": w})
    colours = np.repeat(way.colours, w.size // len(way.colours))
    parts = [f'<text x="{GAP}" y="28" class="t">{way.title}</text>']
    y, width = 34, 540
    for words, array in ((f"Caffe: {way.caffe}", w), (f"Keras: {way.keras}", stored)):
        sizes = " ".join(map(str, array.shape))
        parts.append(f'<text x="{GAP}" y="{y + 30}">{words}, {sizes}</text>')
        cells, right, y = _blocks(array, colours, y + 42)
        parts += cells
        width = max(width, right)
        if array is w:
            parts.append(f'<text x="{GAP}" y="{y + 34}" class="e">{expression}</text>')
            y += 44
    return _SVG.format(width=width + GAP, height=y + GAP, body="\n".join(parts))


def _expression(way: Way) -> str:
    import bridge

    with TemporaryDirectory() as folder:
        net = Path(folder) / "net.prototxt"
        net.write_text(way.net, encoding="utf-8")
        (weight,) = bridge.explain(net).weights
    if weight.expression is None:
        raise ValueError(f"{way.title}: its weight has no expression")
    return weight.expression


def _blocks(array: Kernel, colours: Sequence[int], top: int) -> tuple[list[str], int, int]:
    """The cells of an array, whose last two axes are blocks, and where they end on the right and
    below. The first two axes are rows and columns of blocks."""
    blocks = array.reshape((1,) * (4 - array.ndim) + array.shape)
    rows, columns, height, width = blocks.shape
    cells = [
        _cell(
            GAP + column * (width * CELL + GAP // 2) + j * CELL,
            top + row * (height * CELL + GAP // 2) + i * CELL,
            int(number),
            int(colours[int(number)]),
        )
        for (row, column, i, j), number in np.ndenumerate(blocks)
    ]
    right = GAP + columns * (width * CELL + GAP // 2)
    return cells, right, top + rows * (height * CELL + GAP // 2) - GAP // 2


_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">
<style>
text {{ font: 15px sans-serif; fill: #222 }}
.n {{ text-anchor: middle }}
.t {{ font-weight: bold }}
.e {{ font: 14px monospace }}
rect {{ stroke: #fff; stroke-width: 2 }}
</style>
<rect width="{width}" height="{height}" fill="#fff"/>
{body}
</svg>
"""
