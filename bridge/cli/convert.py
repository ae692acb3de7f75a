"""The commands caffe-to-onnx, onnx-to-keras and caffe-to-keras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from bridge.cli.app import reading_command
from bridge.cli.explain import show_transposes
from bridge.cli.options import (
    DEFAULT_GRAPH,
    DEFAULT_LOWERING,
    DEFAULT_PRINTING,
    Caffemodel,
    Check,
    ExplainLayout,
    For,
    Fp16,
    Graph,
    Int8,
    IoLayoutOption,
    Lowering,
    Map,
    Output,
    Printing,
    Prototxt,
    Solver,
    SolverState,
    TargetOption,
)
from bridge.cli.progress import running
from bridge.cli.summary import Summary

if TYPE_CHECKING:
    from bridge.public.deployment import Choices
    from bridge.results import Raising

UNCHECKED = 4  # exit status


@reading_command
def caffe_to_onnx(
    net: Prototxt,
    caffemodel: Caffemodel = None,
    /,
    *,
    output: Output,
    weights: Annotated[
        Literal["inline", "external", "linked"] | None,
        Parameter(help="Weights in the .onnx, in a file next to it, or left in the caffemodel."),
    ] = None,
    lowering: Lowering = DEFAULT_LOWERING,
    fp16: Annotated[
        bool, Parameter(negative=(), help="Half precision; inputs and outputs stay float32.")
    ] = False,
    runtime: For = None,
    check: Check = True,
    printing: Printing = DEFAULT_PRINTING,
) -> None:
    """Lower a Caffe net to an NCHW ONNX graph, and run it in onnxruntime.

    **Examples**

        python -m bridge caffe-to-onnx deploy.prototxt net.caffemodel -o net.onnx

        python -m bridge caffe-to-onnx deploy.prototxt net.caffemodel -o head.onnx --outputs pool5

        python -m bridge caffe-to-onnx deploy.prototxt net.caffemodel -o net.onnx \\
            --input-shape data:1,3,320,240

        python -m bridge caffe-to-onnx deploy.prototxt net.caffemodel -o net.onnx --for tract
    """
    from bridge.convert import caffe_to_onnx as convert

    with running(verbose=printing.verbose) as run:
        conversion = convert(
            net,
            caffemodel,
            output,
            check=check,
            weights=weights,
            fp16=fp16,
            runtime=runtime,
            progress=run.stage,
            **lowering.keywords(),
        )
    choices = choices_of(runtime, conversion.chosen)
    Summary.of_conversion(conversion, output, choices).show(run.seconds, printing)


@reading_command
def onnx_to_keras(
    model: Annotated[Path, Parameter(help="The graph, .onnx.")],
    /,
    *,
    output: Output,
    io_layout: IoLayoutOption = "channels_last",
    target: TargetOption = "natural",
    fp16: Fp16 = False,
    int8: Int8 = None,
    graph: Graph = DEFAULT_GRAPH,
    check: Check = True,
    map: Map = None,
    explain_layout: ExplainLayout = False,
    printing: Printing = DEFAULT_PRINTING,
) -> None:
    """Raise an ONNX graph to a native, channels-last Keras 3 model, and compare the two.

    **Examples**

        python -m bridge onnx-to-keras net.onnx -o net.keras

        python -m bridge onnx-to-keras net.onnx -o net.py

        python -m bridge onnx-to-keras net.onnx -o net.keras --io-layout onnx

        python -m bridge onnx-to-keras net.onnx -o net.keras --input-shape x:1,3,320,240

        python -m bridge onnx-to-keras net.onnx -o net.tflite --int8 photos/
    """
    from bridge.convert import raise_onnx

    with running(verbose=printing.verbose) as run:
        raising = raise_onnx(
            model,
            output,
            io_layout=io_layout,
            target=target,
            fp16=fp16,
            int8=int8,
            check=check,
            map=map,
            progress=run.stage,
            **graph.keywords(),
        )
    if explain_layout and printing.prose:
        show_transposes(raising.map.transposes)
    Summary.of_raising(raising, output).show(run.seconds, printing)
    exit_unchecked(check, raising)


@reading_command
def caffe_to_keras(
    net: Prototxt,
    caffemodel: Caffemodel = None,
    /,
    *,
    output: Output,
    io_layout: IoLayoutOption = "channels_last",
    target: TargetOption = "natural",
    fp16: Fp16 = False,
    int8: Int8 = None,
    lowering: Lowering = DEFAULT_LOWERING,
    check: Check = True,
    map: Map = None,
    explain_layout: ExplainLayout = False,
    printing: Printing = DEFAULT_PRINTING,
    solver: Solver = None,
    solverstate: SolverState = None,
) -> None:
    """Carry a Caffe net to a native Keras 3 model: both conversions, and the checks of both.

    **Examples**

        python -m bridge caffe-to-keras deploy.prototxt net.caffemodel -o net.keras

        python -m bridge caffe-to-keras deploy.prototxt net.caffemodel -o net.py

        python -m bridge caffe-to-keras deploy.prototxt net.caffemodel -o net.keras --target speed

        python -m bridge caffe-to-keras train_val.prototxt net.caffemodel -o net.keras \\
            --solver solver.prototxt --solverstate net.solverstate

        python -m bridge caffe-to-keras train_val.prototxt net.caffemodel -o train.py \\
            --solver solver.prototxt
    """
    from bridge.convert import raise_caffe

    with running(verbose=printing.verbose) as run:
        raising = raise_caffe(
            net,
            caffemodel,
            output,
            check=check,
            io_layout=io_layout,
            target=target,
            fp16=fp16,
            int8=int8,
            map=map,
            progress=run.stage,
            solver=solver,
            solverstate=solverstate,
            **lowering.keywords(),
        )
    if explain_layout and printing.prose:
        show_transposes(raising.map.transposes)
    Summary.of_raising(raising, output).show(run.seconds, printing)
    if solver is not None and printing.prose and raising.model.compiled:
        print(f"compiled for training, by Keras's own {type(raising.model.optimizer).__name__}")
    exit_unchecked(check, raising)


def exit_unchecked(check: bool, raising: Raising) -> None:
    """As `check` where it cannot tell: the file is there, and Keras is not, to compare it."""
    if check and raising.report is None:
        raise SystemExit(UNCHECKED)


def choices_of(runtime: str | None, chosen: Choices) -> tuple[str, ...]:
    from bridge.public.deployment import deployment

    if runtime is None:
        return ()
    return (f"for {deployment(runtime)}: {str(chosen) or 'no other options'}",)
