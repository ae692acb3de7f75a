"""The command check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

from cyclopts import Parameter

from bridge.cli.app import reading_command
from bridge.cli.options import (
    DEFAULT_PRINTING,
    AllowExternalPath,
    IgnoreFields,
    Mean,
    Printing,
    Rgb,
    Scale,
    Scheduler,
    SolverState,
    parse_mean,
    parse_scale,
)
from bridge.cli.progress import running
from bridge.cli.show import say, show_json, show_table, show_verdict, show_warnings, words
from bridge.errors import UsageError

if TYPE_CHECKING:
    from bridge.check.compare import Row, Verdict
    from bridge.check.report import Report

    ModelFiles = Path | tuple[Path, Path]


RuntimeName = Literal[
    "onnxruntime",
    "reference",
    "onnxruntime-web",
    "openvino",
    "opencv",
    "opencv5",
    "opencv4",
    "tract",
    "tvm",
    "iree",
    "mnn",
    "ncnn",
    "onnx2torch",
    "tinygrad",
]


@reading_command
def check(
    *models: Annotated[
        Path,
        Parameter(
            help="Two of: NET.prototxt WEIGHTS.caffemodel, .onnx, .keras, .tflite, a SavedModel "
            "folder, an .npz of recorded blobs. The first is the expected one."
        ),
    ],
    inputs: Annotated[
        Path | None, Parameter(help="An .npz of inputs: `in/NAME` or plain names.")
    ] = None,
    image: Annotated[
        list[Path] | None,
        Parameter(consume_multiple=True, negative=(), help="Image files to feed, as one batch."),
    ] = None,
    labels: Annotated[
        Path | None,
        Parameter(
            help="Images with labels, for accuracy: an .npz of `images` and `labels`, a list of "
            "files, or a folder with a folder for each label."
        ),
    ] = None,
    mean: Mean = None,
    scale: Scale = None,
    rgb: Rgb = False,
    scheduler: Scheduler = None,
    seed: Annotated[int, Parameter(help="Of the random inputs, if there are no others.")] = 0,
    batch: Annotated[int, Parameter(help="Samples at a time; faults of layout hide in 1.")] = 2,
    batches: Annotated[int, Parameter(help="How many batches, of different numbers.")] = 2,
    runtime: Annotated[
        RuntimeName, Parameter(help="The runtime of an .onnx; of two, the second.")
    ] = "onnxruntime",
    graph: Annotated[
        Path | None,
        Parameter(help="The .onnx that a Keras model was raised from, if it is neither one."),
    ] = None,
    ignore_fields: IgnoreFields = None,
    allow_external_path: AllowExternalPath = False,
    report: Annotated[
        Path | None, Parameter(help="A page to write, .html, with everything.")
    ] = None,
    training: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Replay a recorded training: NET.prototxt WEIGHTS.caffemodel IO.npz and --solver.",
        ),
    ] = False,
    solver: Annotated[Path | None, Parameter(help="The solver.prototxt of the training.")] = None,
    solverstate: SolverState = None,
    printing: Printing = DEFAULT_PRINTING,
) -> None:
    """Compare two models blob by blob, and name the first layer that differs.

    Exits with 0 if all agree, with 1 if anything differs, and with 4 if nothing differs, but the
    outputs would not show it.

    **Examples**

        python -m bridge check net.onnx net.keras

        python -m bridge check deploy.prototxt net.caffemodel net.keras

        python -m bridge check blobs.npz net.onnx

        python -m bridge check blobs.npz net.keras --graph net.onnx

        python -m bridge check net.onnx net.onnx --runtime openvino

        python -m bridge check net.onnx net.keras --report net.html

        python -m bridge check net.onnx net.keras --image cat.jpg dog.jpg --mean 104,117,123

        python -m bridge check net.onnx net.keras --labels validation/

        python -m bridge check net.onnx net.keras --labels validation/ \\
            --scheduler tcp://10.0.0.1:8786

        python -m bridge check --training train.prototxt init.caffemodel io.npz \\
            --solver solver.prototxt
    """
    if training or solver is not None or solverstate is not None:
        show_result(
            replay(models, training, solver, solverstate, ignore_fields, printing), printing
        )
    from bridge.check.api import check as compared

    expected, received = pair_of(models)
    if image == []:
        raise UsageError("no image file", expected="--image FILE …")
    with running(verbose=printing.verbose) as run:
        result = compared(
            expected,
            received,
            inputs=inputs,
            images=image or (),
            labels=labels,
            mean=parse_mean(mean),
            scale=parse_scale(scale),
            rgb=rgb,
            seed=seed,
            batch=batch,
            batches=batches,
            runtime=runtime,
            graph=graph,
            ignore_fields=ignore_fields or (),
            allow_external_path=allow_external_path,
            report=report,
            scheduler=scheduler,
            progress=run.stage,
        )
    show_result(result, printing)


def show_result(result: Report, printing: Printing) -> NoReturn:
    """Prints a report, and exits as its verdict says."""
    if printing.as_json:
        show_json(result.as_dict())
    elif printing.prose:
        show_report(result)
    raise SystemExit(STATUSES[result.verdict])


def replay(
    files: Sequence[Path],
    training: bool,
    solver: Path | None,
    solverstate: Path | None,
    ignore_fields: Sequence[str] | None,
    printing: Printing,
) -> Report:
    """A recorded training against Keras."""
    from bridge.training.api import check_training

    if not training or len(files) != 3 or solver is None:
        raise UsageError(
            "a recorded training is replayed from a net, its first weights and the record",
            expected="--training NET.prototxt WEIGHTS.caffemodel IO.npz --solver SOLVER.prototxt",
            received=" ".join(map(str, files)) or "no files",
        )
    net, weights, record = files
    with running(verbose=printing.verbose) as run:
        run.stage("replaying the training")
        return check_training(
            net, weights, solver, record, solverstate, ignore_fields=ignore_fields or ()
        )


STATUSES: Mapping[Verdict, int] = {"equal": 0, "differs": 1, "cannot tell": 4}


def pair_of(paths: Sequence[Path]) -> tuple[ModelFiles, ModelFiles]:
    """Two models: a .caffemodel, or .caffemodel.h5, belongs to the .prototxt before it."""
    from bridge.check.loading import is_caffemodel

    models: list[ModelFiles] = []
    for path in paths:
        before = models[-1] if models else None
        if is_caffemodel(path) and isinstance(before, Path):
            models[-1] = (before, path)
        else:
            models.append(path)
    if len(models) != 2:
        raise UsageError(
            "two models are compared",
            expected="A B, where a Caffe net is NET.prototxt WEIGHTS.caffemodel",
            received=" ".join(map(str, paths)) or "none",
        )
    return models[0], models[1]


def show_report(report: Report) -> None:
    show_warnings(report.warnings)
    heads = ("", "blob", "shape", "max abs", "allowed", "max rel", "cosine", "at", "made by")
    show_table(heads, [_cells(row) for row in report.rows], ("cosine", "max rel", "made by"))
    for title, names in zip((report.expected, report.received), report.unmatched, strict=True):
        if names:
            say(f"{len(names)} values in {title} only")
    say(f"fed {report.fed}")
    if report.accuracy is not None:
        print(report.accuracy)
    if report.first is not None:
        print(report.located())
    if report.doubts:
        print(report.doubted())
    show_verdict(str(report), report.verdict)


MARKS: Mapping[Verdict, str] = {"equal": "", "differs": "*", "cannot tell": "?"}


def _cells(row: Row) -> Sequence[str]:
    return (
        MARKS[row.verdict],
        row.name,
        words(row.received_shape),
        f"{row.error:.1e}",
        f"{row.limit:.1e}",
        f"{row.relative:.1e}",
        f"{row.cosine:.7f}",
        words(row.place),
        row.computed_by,
    )
