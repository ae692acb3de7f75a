"""A diagram as boxes of text and curves between them, in pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridge.drawing.arrange import arranged
from bridge.drawing.diagram import Diagram, Node, Note, Shape, Value
from bridge.drawing.ranks import Rows, ranked

# A text of so many pixels has characters of one width, so that boxes can be made to fit.
CHARACTER = 6.65
LABEL = 42  # the width of `Caffe`, `ONNX` and `Keras` before what a node is there
LINE, PADDING = 16, 8
LONGEST = 40  # characters of a line; what is longer is in the text of the box
BETWEEN = 22  # rows
MARGIN = 12


@dataclass(frozen=True)
class Line:
    """A line of a box, behind a label if it has one."""

    text: str
    label: str = ""


@dataclass(frozen=True)
class Box:
    """A box, by its upper left corner; `text` is all there is to say of it."""

    x: int
    y: int
    width: int
    height: int
    style: str
    lines: tuple[Line, ...]
    text: str


@dataclass(frozen=True)
class Curve:
    """A curve, as SVG writes a path; it is `long` if it passes behind boxes."""

    path: str
    long: bool = False


@dataclass(frozen=True)
class Picture:
    """What the template draws."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]


def pictured(diagram: Diagram) -> Picture:
    """Draws a diagram, from the inputs down. The same diagram gives the same picture."""
    rows = ranked(diagram)
    contents = [_content(diagram, key) for key in rows.keys]
    sizes = [_size(lines) for _, lines, _ in contents]
    middles = arranged(rows, [width for width, _ in sizes])
    left = min(
        (middle - width / 2 for middle, (width, _) in zip(middles, sizes, strict=True)), default=0
    )
    middles = [middle - left + MARGIN for middle in middles]
    tops, height = _tops(rows, sizes)
    boxes = [
        Box(round(middle - width / 2), tops[rank], round(width), round(high), style, lines, text)
        for middle, (width, high), rank, (style, lines, text) in zip(
            middles, sizes, rows.ranks, contents, strict=True
        )
    ]
    shown = tuple(box for box, key in zip(boxes, rows.keys, strict=True) if key is not None)
    width = max((box.x + box.width for box in boxes), default=0) + MARGIN
    return Picture(width, height, shown, tuple(_curves(rows, middles, boxes, tops)))


def _content(diagram: Diagram, key: int | str | None) -> tuple[str, tuple[Line, ...], str]:
    if key is None:
        return "", (), ""
    if isinstance(key, str):
        return _of_value(diagram.values[key], diagram.notes.get(key))
    return _of_node(diagram.nodes[key])


def _of_node(node: Node) -> tuple[str, tuple[Line, ...], str]:
    lines = [Line(node.name), *(Line(form.short, name) for name, form in node.forms.items())]
    text = [node.name]
    for name, form in node.forms.items():
        text += [name, *(f"  {line}" for line in form.full or (form.short,))]
    style = "input" if node.is_input else "node moves" if node.moves else "node"
    return style, tuple(map(_short, lines)), "\n".join(text)


def _of_value(value: Value, note: Note | None) -> tuple[str, tuple[Line, ...], str]:
    axes = [_axes(value.axes, value.shape)]
    if value.stored is not None and (value.stored_axes, value.stored) != (value.axes, value.shape):
        axes.append(_axes(value.stored_axes, value.stored))
    lines = [*map(Line, filter(None, axes)), *([Line(note.text)] if note else [])]
    text = [f"{value.name}{', an output' if value.is_output else ''}"]
    text += [f"  ONNX  {axes[0]}"] if axes[0] else []
    text += [f"  Keras {axes[-1]}"] if value.stored is not None else []
    text += [f"  {note.text}"] if note else []
    style = f"value {note.mark.replace(' ', '-')}" if note else "value"
    style += " output" if value.is_output else ""
    return style, tuple(map(_short, lines or [Line(value.name)])), "\n".join(text)


def _axes(axes: str, shape: Shape | None) -> str:
    sizes = "" if shape is None else " ".join(map(str, shape)) or "a number"
    return f"{axes}: {sizes}" if axes and sizes else axes or sizes


def _short(line: Line) -> Line:
    most = LONGEST - (8 if line.label else 0)
    text = line.text if len(line.text) <= most else f"{line.text[: most - 1]}…"
    return Line(text, line.label)


def _size(lines: Sequence[Line]) -> tuple[float, float]:
    if not lines:
        return 2.0, 0.0
    widths = (CHARACTER * len(line.text) + (LABEL if line.label else 0) for line in lines)
    return max(widths) + 2 * PADDING, LINE * len(lines) + PADDING


def _tops(rows: Rows, sizes: Sequence[tuple[float, float]]) -> tuple[list[int], int]:
    """The upper edge of each row, of one more below the last, and the height of all."""
    tops, y = [], MARGIN
    for row in rows.rows:
        tops.append(y)
        y += round(max(sizes[box][1] for box in row)) + BETWEEN
    return [*tops, y], y - BETWEEN + MARGIN


def _curves(
    rows: Rows, middles: Sequence[float], boxes: Sequence[Box], tops: Sequence[int]
) -> Iterator[Curve]:
    """From the lower edge of a box to the upper one of the next, and straight through a row in
    which there is a free column."""
    for link in rows.links:
        x, y = round(middles[link.source]), boxes[link.source].y + boxes[link.source].height
        below = rows.ranks[link.source] + 1
        floor = tops[below] - BETWEEN  # of the row, where its boxes may be higher
        to_x, to_y = round(middles[link.target]), tops[rows.ranks[link.target]]
        way = "" if floor <= y else f"V{floor}"
        start = floor if floor > y else y
        bend = (start + to_y) // 2
        yield Curve(f"M{x} {y}{way}C{x} {bend} {to_x} {bend} {to_x} {to_y}", link.direct)
