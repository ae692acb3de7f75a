"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from bridge.errors import UsageError

Prototxt = Annotated[Path, Parameter(help="The net's definition, .prototxt.")]
Caffemodel = Annotated[Path | None, Parameter(help="Its trained weights, .caffemodel.")]
Output = Annotated[Path, Parameter(alias="-o", help="The file to write.")]
Outputs = Annotated[
    list[str] | None,
    Parameter(consume_multiple=True, negative=(), help="Cut the net: give out these blobs."),
]
Batch = Annotated[int | None, Parameter(help="Fix the batch size; else free where it can be.")]
InputShape = Annotated[
    list[str] | None,
    Parameter(negative=(), help="Reshape an input: NAME:DIMS, such as data:1,3,320,240."),
]
Check = Annotated[bool, Parameter(negative="--no-check", help="Run the result and compare.")]
IoLayoutOption = Annotated[
    Literal["channels_last", "onnx"],
    Parameter(help="Axis order of the model's inputs and outputs: Keras's own, or ONNX's."),
]


def parse_shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """`NAME:D,D,…` for each input; blob names may hold colons, so the last one counts."""
    return dict(map(_parse_shape, texts))


def _parse_shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, dims = text.rpartition(":")
    try:
        shape = tuple(int(dim) for dim in dims.replace("x", ",").split(","))
    except ValueError:
        shape = ()
    if not name or not shape or min(shape) < 1:
        raise UsageError(
            "cannot read --input-shape", expected="NAME:DIMS, as data:1,3,320,240", received=text
        )
    return name, shape
