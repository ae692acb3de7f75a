"""The command inspect."""

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
    """
    from bridge.inspection import inspect as inspected

    inspections = inspected(files)
    if as_json:
        print(
            json.dumps(
                [inspection.as_dict() for inspection in inspections], indent=1, ensure_ascii=False
            )
        )
        return
    for number, inspection in enumerate(inspections):
        if number:
            print()
        show(inspection)


def show(inspection: Inspection) -> None:
    show_warnings(inspection.warnings)
    name = f" {inspection.name!r}" if inspection.name else ""
    print(f"{' '.join(inspection.files)}: {inspection.kind}{name}")
    for fact, value in inspection.facts.items():
        print(f"{fact}: {value}")
    if inspection.parts:
        heads = ("name", "type", "from", "to", "shape", "weights", "parameters", "")
        show_table(heads, [_row(part) for part in inspection.parts])
    for kind, shapes in (("input", inspection.inputs), ("output", inspection.outputs)):
        for name, shape in shapes.items():
            print(f"{kind} {name}: {_text(shape)}")
    size = f", {inspection.bytes:,} bytes" if inspection.bytes else ""
    print(f"{inspection.parameters:,} parameters{size}")


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
