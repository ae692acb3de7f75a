"""The command keras-to-onnx."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from bridge.cli.app import command
from bridge.cli.options import Check, Output
from bridge.cli.show import progress, show_table, words


@command
def keras_to_onnx(
    model: Annotated[Path, Parameter(help="The model, .keras.")],
    /,
    *,
    output: Output,
    io_layout: Annotated[
        Literal["channels_last", "onnx"],
        Parameter(help="Axis order of images: n c h w as in ONNX, or as in the Keras model."),
    ] = "onnx",
    check: Check = True,
) -> None:
    """Write a Keras model as ONNX, through tf2onnx, and run it in onnxruntime.

    **Examples**

        python -m bridge keras-to-onnx tuned.keras -o tuned.onnx

        python -m bridge keras-to-onnx tuned.keras -o tuned.onnx --io-layout channels_last
    """
    from bridge.to_onnx import keras_to_onnx as convert

    with progress() as report:
        export = convert(model, output, io_layout=io_layout, check=check, progress=report)
    rows = [("input", name, words(shape)) for name, shape in export.inputs.items()]
    rows += [("output", name, words(shape)) for name, shape in export.outputs.items()]
    show_table(("", "name", "shape"), rows)
    if export.report is not None:
        print(export.report)
    print(export.path)
