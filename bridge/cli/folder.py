"""The command convert."""

from __future__ import annotations

import json
import os
from math import isfinite
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from bridge.cli.app import reading_command
from bridge.cli.options import DEFAULT_PRINTING, Check, Printing, Scheduler
from bridge.cli.progress import running
from bridge.errors import UsageError

INCOMPLETE = 1  # exit status

_GIB = 2**30


@reading_command
def convert(
    folder: Annotated[Path, Parameter(help="A folder of nets, .prototxt, and their caffemodels.")],
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o", help="The folder to write to.")],
    to: Annotated[
        str, Parameter(help="What to convert to: onnx, keras, or both, onnx,keras.")
    ] = "onnx",
    jobs: Annotated[
        int | None, Parameter(help="Conversions at a time; by default one for each processor.")
    ] = None,
    timeout: Annotated[float, Parameter(help="Seconds that one conversion may take.")] = 600,
    memory: Annotated[
        float | None, Parameter(help="GiB that one conversion may address (Linux).")
    ] = None,
    scheduler: Scheduler = None,
    check: Check = True,
    printing: Printing = DEFAULT_PRINTING,
) -> None:
    """Convert a whole folder of Caffe nets, and write a page of what became of each.

    A caffemodel belongs to the net that it fits, whatever their names are. Each net is converted in
    a process of its own. What is done already is not done again: run it once more to go on.
    Exits with 1 if any net was not converted.

    **Examples**

        python -m bridge convert models/ -o converted/

        python -m bridge convert models/ -o converted/ --to onnx,keras --jobs 4 --timeout 120

        python -m bridge convert models/ -o converted/ --scheduler tcp://10.0.0.1:8786
    """
    if jobs is not None and scheduler is not None:
        raise UsageError(
            "--jobs and --scheduler exclude each other",
            hint="a Dask cluster runs as many at a time as its workers have threads",
        )
    from bridge.folders.api import convert_folder
    from bridge.public.progress import Part

    with running() as run:
        run.stage("finding the nets")
        result = convert_folder(
            folder,
            output,
            to=to.split(","),
            check=check,
            jobs=jobs or os.cpu_count() or 1,
            seconds=timeout,
            memory=None if memory is None else _bytes(memory),
            scheduler=scheduler,
            done=lambda done, total, net: run.stage(
                Part.of("converting", done, total, f"{done} of {total}, {net}")
            ),
        )
    if printing.as_json:
        print(json.dumps({"index": str(result.index), "counts": result.counts}, indent=1))
    elif printing.prose:
        print(", ".join(f"{count} {status}" for status, count in result.counts.items()))
        print(result.index)
    if not result.ok:
        raise SystemExit(INCOMPLETE)


def _bytes(memory: float) -> int:
    if not isfinite(memory):
        raise UsageError("not an amount of memory", expected="GiB", received=memory)
    return int(memory * _GIB)
