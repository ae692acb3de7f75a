"""The command inspect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bridge.cli.app import reading_command
from bridge.cli.options import AllowExternalPath
from bridge.cli.show import say, show_json, show_table, show_warnings, words
from bridge.errors import UsageError

if TYPE_CHECKING:
    from bridge.inspection import Inspection, Part
    from bridge.lower.values import Dims
    from bridge.raising.open_sizes import OpenSizes

WIDTH = 80


@reading_command
def inspect(
    *files: Annotated[
        Path,
        Parameter(
            help="A .prototxt, a .caffemodel (.h5 too) or both, .binaryproto, .npy, .onnx, .keras, "
            ".tflite."
        ),
    ],
    allow_external_path: AllowExternalPath = False,
    as_json: Annotated[
        bool, Parameter("--json", negative=(), help="Print it all as JSON.")
    ] = False,
) -> None:
    """Show what is in files: layers, shapes, parameters, and what cannot be converted.

    A caffemodel after a prototxt belongs to it.

    **Examples**

        python -m bridge inspect deploy.prototxt

        python -m bridge inspect deploy.prototxt net.caffemodel

        python -m bridge inspect net.onnx mean.binaryproto --json

        python -m bridge inspect net.keras net.tflite
    """
    from bridge.inspection import inspect as inspected

    if not files:
        raise UsageError("inspect: no file is named", expected="FILE…")
    inspections = inspected(files, allow_external_path=allow_external_path)
    if as_json:
        show_json([inspection.as_dict() for inspection in inspections])
        return
    for number, inspection in enumerate(inspections):
        if number:
            print()
        show(inspection)


def show(inspection: Inspection) -> None:
    show_warnings(inspection.warnings)
    name = f" {inspection.name!r}" if inspection.name else ""
    say(f"{' '.join(inspection.files)}: {inspection.kind}{name}")
    for fact, value in inspection.facts.items():
        say(f"{fact}: {value}")
    if inspection.parts:
        heads = ("name", "type", "from", "to", "shape", "weights", "parameters", "")
        show_table(heads, [_row(part) for part in inspection.parts], ("to", "from", "weights"))
    for kind, shapes in (("input", inspection.inputs), ("output", inspection.outputs)):
        for name, shape in shapes.items():
            say(f"{kind} {name}: {_text(shape)}")
    size = f", {inspection.bytes:,} bytes" if inspection.bytes else ""
    print(f"{inspection.parameters:,} parameters{size}")
    if inspection.open_sizes is not None:
        _show_open_sizes(Path(inspection.files[0]), inspection.open_sizes)


def _show_open_sizes(path: Path, sizes: OpenSizes) -> None:
    print()
    for name, shape in sizes.inputs.items():
        mark = "; it holds the conversion up" if name in sizes.needed else ""
        _show_text(f"open sizes of {name}: {_open(shape)}{mark}")
    if not sizes.refused:
        print("It converts with these sizes open. To fix them:")
    elif sizes.options:
        _show_text(f"With them open it is refused: {sizes.refused}")
        print("Fix them, with your own sizes in place of these:")
    else:
        _show_text(f"It is refused, also with fixed sizes: {sizes.refused}")
        return
    say(*_command(path, sizes.options))


def _show_text(text: str) -> None:
    """In lines of the width; names are not cut."""
    lines = wrap(
        text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    say(*lines)


def _open(shape: Sequence[int | str] | None) -> str:
    if shape is None:
        return "all, and how many axes it has"
    opened = [(axis, size) for axis, size in enumerate(shape) if isinstance(size, str)]
    return ", ".join(f"axis {axis} ({'no name' if size == '?' else size})" for axis, size in opened)


def _command(path: Path, options: Sequence[str]) -> Sequence[str]:
    """A command for a shell, in lines of the width where names allow that."""
    command = ["python -m bridge onnx-to-keras", quote(str(path))]
    command.append(f"-o {quote(str(path.with_suffix('.keras')))}")
    flags = zip(options[::2], options[1::2], strict=True)
    command += [f"{flag} {quote(value)}" for flag, value in flags]
    lines = [f"  {command[0]}"]
    for words_ in command[1:]:
        if len(lines[-1]) + len(words_) + 3 > WIDTH:  # a space before it, and " \\" behind
            lines[-1] += " \\"
            lines.append(f"    {words_}")
        else:
            lines[-1] += f" {words_}"
    return lines


def _row(part: Part) -> Sequence[str]:
    return (
        part.name,
        part.type,
        ", ".join(part.reads),
        ", ".join(part.writes),
        ", ".join(map(_text, part.shapes)),
        ", ".join(map(_text, part.weights)),
        f"{part.parameters:,}" if part.weights else "",
        part.refused,
    )


def _text(shape: Dims | None) -> str:
    return "?" if shape is None else words(shape) or "scalar"
