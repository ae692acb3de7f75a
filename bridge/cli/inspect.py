"""inspect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bridge.cli.app import app
from bridge.cli.show import show_table, show_warnings, words

if TYPE_CHECKING:
    from bridge.inspection import Inspection, Part
    from bridge.lower.values import Dims


@app.command
def inspect(
    *files: Annotated[
        Path,
        Parameter(help="A .prototxt, a .caffemodel (.h5 too) or both, .binaryproto, .npy, .onnx."),
    ],
    as_json: Annotated[bool, Parameter("--json", negative=(), help="Print all as JSON.")] = False,
) -> None:
    """Show what is in files: layers, shapes, parameters, and what is not carried over.

    A caffemodel behind a prototxt belongs to it.

    **Examples**

        python -m bridge inspect deploy.prototxt

        python -m bridge inspect deploy.prototxt net.caffemodel

        python -m bridge inspect net.onnx mean.binaryproto --json
    """
    from bridge.inspection import inspect as inspected

    found = inspected(files)
    if as_json:
        print(json.dumps([each.as_dict() for each in found], indent=1, ensure_ascii=False))
        return
    for number, each in enumerate(found):
        if number:
            print()
        show(each)


def show(found: Inspection) -> None:
    show_warnings(found.warnings)
    print(f"{' '.join(found.files)}: {found.kind}{f' {found.name!r}' if found.name else ''}")
    for fact, value in found.facts.items():
        print(f"{fact}: {value}")
    if found.parts:
        heads = ("name", "type", "from", "to", "shape", "weights", "parameters", "")
        show_table(heads, [_row(part) for part in found.parts])
    for kind, shapes in (("input", found.inputs), ("output", found.outputs)):
        for name, shape in shapes.items():
            print(f"{kind} {name}: {_text(shape)}")
    size = f", {found.bytes:,} bytes" if found.bytes else ""
    print(f"{found.parameters:,} parameters{size}")


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
