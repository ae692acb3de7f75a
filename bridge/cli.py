"""Commands and flags. No logic: each command calls one verb of `bridge.convert` and prints.

Exit status: 0 done and checked, 1 converted but the check failed, 2 the input or the call is at
fault. Results go to standard output, warnings, errors and progress to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

from cyclopts import App, CycloptsError, Parameter

from bridge import __version__
from bridge.errors import BridgeError, UsageError

if TYPE_CHECKING:
    from bridge.convert import Conversion, Progress, Raising

app = App(
    name="python -m bridge",
    help="Carries neural networks out of Caffe: to ONNX, and to native Keras 3 models.",
    version=f"bridge {__version__}",
    help_format="markdown",
)

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


@app.command
def caffe_to_onnx(
    net: Prototxt,
    caffemodel: Caffemodel = None,
    /,
    *,
    output: Output,
    weights: Annotated[
        Literal["inline", "external", "linked"] | None,
        Parameter(help="Weights in the .onnx, in a file beside it, or left in the caffemodel."),
    ] = None,
    outputs: Outputs = None,
    opset: Annotated[int, Parameter(help="ONNX operator set.")] = 17,
    batch: Batch = None,
    input_shape: InputShape = None,
    check: Check = True,
) -> None:
    """Lower a Caffe net to an NCHW ONNX graph, and run it in onnxruntime.

    **Examples**

        python -m bridge caffe-to-onnx deploy.prototxt net.caffemodel -o net.onnx

        python -m bridge caffe-to-onnx deploy.prototxt net.caffemodel -o head.onnx --outputs pool5

        python -m bridge caffe-to-onnx deploy.prototxt net.caffemodel -o net.onnx \\
            --input-shape data:1,3,320,240
    """
    from bridge.convert import caffe_to_onnx as convert

    with progress() as report:
        done = convert(
            net,
            caffemodel,
            output,
            check=check,
            weights=weights,
            outputs=outputs or (),
            opset=opset,
            batch=batch,
            input_shape=parse_shapes(input_shape or ()),
            progress=report,
        )
    show_conversion(done)


@app.command
def onnx_to_keras(
    model: Annotated[Path, Parameter(help="The graph, .onnx.")],
    /,
    *,
    output: Output,
    io_layout: IoLayoutOption = "channels_last",
    check: Check = True,
) -> None:
    """Raise an ONNX graph to a native, channels-last Keras 3 model, and compare the two.

    **Examples**

        python -m bridge onnx-to-keras net.onnx -o net.keras

        python -m bridge onnx-to-keras net.onnx -o net.keras --io-layout onnx
    """
    from bridge.convert import raise_onnx

    with progress() as report:
        done = raise_onnx(model, output, io_layout=io_layout, check=check, progress=report)
    show_raising(done, output)


@app.command
def caffe_to_keras(
    net: Prototxt,
    caffemodel: Caffemodel = None,
    /,
    *,
    output: Output,
    io_layout: IoLayoutOption = "channels_last",
    outputs: Outputs = None,
    batch: Batch = None,
    input_shape: InputShape = None,
    check: Check = True,
) -> None:
    """Carry a Caffe net to a native Keras 3 model: both conversions, and the checks of both.

    **Examples**

        python -m bridge caffe-to-keras deploy.prototxt net.caffemodel -o net.keras
    """
    from bridge.convert import raise_caffe

    with progress() as report:
        done = raise_caffe(
            net,
            caffemodel,
            output,
            check=check,
            io_layout=io_layout,
            outputs=outputs or (),
            batch=batch,
            input_shape=parse_shapes(input_shape or ()),
            progress=report,
        )
    show_raising(done, output)


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


@contextmanager
def progress() -> Iterator[Progress]:
    """A spinner with the current stage on standard error; silent when that is not a terminal."""
    from rich.console import Console

    from bridge.convert import silent

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    with console.status("starting") as status:
        yield status.update


def show_conversion(done: Conversion) -> None:
    show_warnings(done.warnings)
    rows = [("input", name, words(shape)) for name, shape in done.inputs.items()]
    rows += [("output", name, words(shape)) for name, shape in done.outputs.items()]
    show_table(("", "blob", "shape"), rows)
    if done.report is not None:
        print(done.report)
    print(done.path)


def show_raising(done: Raising, path: Path) -> None:
    show_warnings(done.warnings)
    plan = done.plan
    ends = [("input", each.value) for each in plan.inputs]
    ends += [("output", name) for name in plan.outputs]
    stored = [(kind, name, plan.values[name].layout) for kind, name in ends]
    rows = [(kind, name, words(at.stored_shape), str(at)) for kind, name, at in stored]
    show_table(("", "blob", "shape in Keras", "order"), rows)
    for permutation in plan.permutations:
        print(f"transposed {permutation}")
    print(f"{len(plan.permutations)} transposes")
    if done.report is not None:
        print(done.report)
    print(path)


def words(shape: Sequence[int | str]) -> str:
    return " ".join(map(str, shape))


def show_warnings(warnings: Sequence[str]) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def show_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table; in a pipe as wide as its cells, whole lines for the next program."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*map(Text, row))
    if not console.is_terminal:
        console.width = console.measure(table).maximum
    console.print(table)


def fail(error: BridgeError) -> NoReturn:
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(error.exit_status)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; every refusal is one message and an exit status."""
    try:
        app(arguments, exit_on_error=False, print_error=True)
    except CycloptsError:
        raise SystemExit(2) from None
    except BridgeError as error:
        fail(error)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
