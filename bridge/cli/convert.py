"""The commands caffe-to-onnx, onnx-to-keras and caffe-to-keras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from bridge.cli.app import command
from bridge.cli.explain import show_transposes
from bridge.cli.options import (
    DEFAULT_GRAPH,
    DEFAULT_LOWERING,
    Caffemodel,
    Check,
    ExplainLayout,
    For,
    Graph,
    IoLayoutOption,
    Lowering,
    Map,
    Output,
    Prototxt,
    TargetOption,
)
from bridge.cli.show import progress, show_table, show_warnings, words

if TYPE_CHECKING:
    from bridge.public.deployment import Choices
    from bridge.results import Conversion, Raising

UNCHECKED = 4  # exit status


@command
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

    with progress() as report:
        conversion = convert(
            net,
            caffemodel,
            output,
            check=check,
            weights=weights,
            fp16=fp16,
            runtime=runtime,
            progress=report,
            **lowering.keywords(),
        )
    if runtime is not None:
        show_choices(runtime, conversion.chosen)
    show_conversion(conversion)


@command
def onnx_to_keras(
    model: Annotated[Path, Parameter(help="The graph, .onnx.")],
    /,
    *,
    output: Output,
    io_layout: IoLayoutOption = "channels_last",
    target: TargetOption = "natural",
    graph: Graph = DEFAULT_GRAPH,
    check: Check = True,
    map: Map = None,
    explain_layout: ExplainLayout = False,
) -> None:
    """Raise an ONNX graph to a native, channels-last Keras 3 model, and compare the two.

    **Examples**

        python -m bridge onnx-to-keras net.onnx -o net.keras

        python -m bridge onnx-to-keras net.onnx -o net.keras --io-layout onnx

        python -m bridge onnx-to-keras net.onnx -o net.keras --input-shape x:1,3,320,240
    """
    from bridge.convert import raise_onnx

    with progress() as report:
        raising = raise_onnx(
            model,
            output,
            io_layout=io_layout,
            target=target,
            check=check,
            map=map,
            progress=report,
            **graph.keywords(),
        )
    show_raising(raising, output, explain_layout)
    exit_unchecked(check, raising)


@command
def caffe_to_keras(
    net: Prototxt,
    caffemodel: Caffemodel = None,
    /,
    *,
    output: Output,
    io_layout: IoLayoutOption = "channels_last",
    target: TargetOption = "natural",
    lowering: Lowering = DEFAULT_LOWERING,
    check: Check = True,
    map: Map = None,
    explain_layout: ExplainLayout = False,
) -> None:
    """Carry a Caffe net to a native Keras 3 model: both conversions, and the checks of both.

    **Examples**

        python -m bridge caffe-to-keras deploy.prototxt net.caffemodel -o net.keras

        python -m bridge caffe-to-keras deploy.prototxt net.caffemodel -o net.keras --target speed
    """
    from bridge.convert import raise_caffe

    with progress() as report:
        raising = raise_caffe(
            net,
            caffemodel,
            output,
            check=check,
            io_layout=io_layout,
            target=target,
            map=map,
            progress=report,
            **lowering.keywords(),
        )
    show_raising(raising, output, explain_layout)
    exit_unchecked(check, raising)


def exit_unchecked(check: bool, raising: Raising) -> None:
    """As `check` where it cannot tell: the file is there, and Keras is not, to compare it."""
    if check and raising.report is None:
        raise SystemExit(UNCHECKED)


def show_choices(runtime: str, chosen: Choices) -> None:
    from bridge.public.deployment import deployment

    print(f"for {deployment(runtime)}: {str(chosen) or 'no other options'}")


def show_conversion(conversion: Conversion) -> None:
    show_warnings(conversion.warnings)
    rows = [("input", name, words(shape)) for name, shape in conversion.inputs.items()]
    rows += [("output", name, words(shape)) for name, shape in conversion.outputs.items()]
    show_table(("", "blob", "shape"), rows)
    if conversion.report is not None:
        print(conversion.report)
    print(conversion.path)


def show_raising(raising: Raising, path: Path, explain_layout: bool) -> None:
    show_warnings(raising.warnings)
    plan = raising.plan
    names = [("input", planned.value) for planned in plan.inputs]
    names += [("output", name) for name in plan.outputs]
    layouts = [(kind, name, plan.values[name].layout) for kind, name in names]
    rows = [(kind, name, words(at.stored_shape), str(at)) for kind, name, at in layouts]
    show_table(("", "blob", "shape in Keras", "layout"), rows)
    if explain_layout:
        show_transposes(raising.map.transposes)
    print(f"{len(plan.permutations)} transposes")
    if raising.report is not None:
        print(raising.report)
    print(path)
