"""The command keras-to-onnx."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from bridge.cli.app import reading_command
from bridge.cli.options import DEFAULT_PRINTING, Check, Output, Printing
from bridge.cli.progress import running
from bridge.cli.summary import Summary


@reading_command
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
    printing: Printing = DEFAULT_PRINTING,
) -> None:
    """Write a Keras model as ONNX, through tf2onnx, and run it in onnxruntime.

    **Examples**

        python -m bridge keras-to-onnx tuned.keras -o tuned.onnx

        python -m bridge keras-to-onnx tuned.keras -o tuned.onnx --io-layout channels_last
    """
    from bridge.to_onnx import keras_to_onnx as convert

    with running(verbose=printing.verbose) as run:
        export = convert(model, output, io_layout=io_layout, check=check, progress=run.stage)
    Summary.of_export(export, output).show(run.seconds, printing)
