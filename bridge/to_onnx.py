"""The way back: a Keras model, perhaps trained on, to the runtimes that are not Keras."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import UsageError
from bridge.outputs import refuse_collisions, staged, writable
from bridge.public import public
from bridge.results import Dims, IoLayout, Progress, silent

if TYPE_CHECKING:
    import keras
    import onnx

    from bridge.check.report import Report
    from bridge.keras.to_onnx import Exported


@dataclass(frozen=True)
class Export:
    """What `keras_to_onnx` gives: shapes by name, in the order in which Keras has them.

    `path` is None where no file was asked for, `report` where no check was.
    """

    path: Path | None
    inputs: Mapping[str, Dims]
    outputs: Mapping[str, Dims]
    report: Report | None
    proto: onnx.ModelProto = field(repr=False)


@public
def keras_to_onnx(
    model: str | Path | keras.Model,
    output: str | Path | None = None,
    *,
    io_layout: IoLayout = "onnx",
    check: bool = True,
    progress: Progress = silent,
) -> Export:
    """Writes a Keras model as an ONNX graph of standard operators, through tf2onnx.

    With `io_layout` `onnx` images go in and come out as n c h w, with `channels_last` as Keras
    has them. `check` compares every output with onnxruntime's on seeded inputs. A model that was
    trained in mixed precision is written, and compared, in the precision of its weights.

    Raises BridgeError for whatever cannot be carried over; then no file is left.
    """
    if io_layout not in ("channels_last", "onnx"):
        raise UsageError("unknown io_layout", expected="channels_last or onnx", received=io_layout)
    target = None if output is None else Path(output)
    if target is not None:
        refuse_collisions(
            {"the graph": target}, [Path(model)] if isinstance(model, str | Path) else ()
        )
        writable(target, (".onnx",))
    progress("reading the Keras model")
    from bridge.keras.load import functional, in_full_precision, load
    from bridge.keras.to_onnx import to_onnx

    loaded = load(model) if isinstance(model, str | Path) else functional(model)
    progress("converting with tf2onnx")
    with in_full_precision(loaded), _place(target) as place:
        exported = to_onnx(loaded, io_layout)
        place.write_bytes(exported.proto.SerializeToString())
        report = _checked(loaded, exported, place, progress) if check else None
    return Export(
        target,
        {port.name: port.layout.logical_shape for port in exported.inputs},
        {port.name: port.layout.logical_shape for port in exported.outputs},
        report,
        exported.proto,
    )


def _checked(model: keras.Model, exported: Exported, path: Path, progress: Progress) -> Report:
    from bridge.check.verify import check_export

    progress("comparing onnxruntime with Keras")
    return check_export(model, exported, path)


@contextmanager
def _place(target: Path | None) -> Iterator[Path]:
    """Where the file is written before it gets its name; where it has none it vanishes."""
    if target is not None:
        with staged(target) as place:
            yield place
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "model.onnx"
