"""The way back: a Keras model, perhaps trained on, to the runtimes that are not Keras."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import UsageError
from bridge.files.outputs import refuse_collisions, writable
from bridge.files.staging import staged
from bridge.public import public
from bridge.public.options import IoLayout, PathLike
from bridge.public.progress import Progress, silent

if TYPE_CHECKING:
    import keras
    import onnx

    from bridge.check.backends.stored.opening import Source
    from bridge.check.report import Report
    from bridge.graph.io.ports import Exported
    from bridge.lower.values import Dims


@dataclass(frozen=True)
class Export:
    """What `keras_to_onnx` returns: shapes by name, in Keras's own order.

    `path` is None if no file was asked for, `report` if no check was.
    """

    path: Path | None
    inputs: Mapping[str, Dims]
    outputs: Mapping[str, Dims]
    report: Report | None
    proto: onnx.ModelProto = field(repr=False)


@public
def keras_to_onnx(
    model: PathLike | keras.Model,
    output: PathLike | None = None,
    *,
    io_layout: IoLayout = "onnx",
    check: bool = True,
    progress: Progress = silent,
) -> Export:
    """Writes a Keras model as an ONNX graph of standard operators, through tf2onnx.

    With `io_layout` `onnx` images go in and come out as n c h w, with `channels_last` as Keras
    has them. `check` compares every output with onnxruntime's on seeded inputs. A model that was
    trained in mixed precision is written, and compared, in the precision of its weights.

    Raises BridgeError for whatever cannot be converted; then no file is left.
    """
    if io_layout not in ("channels_last", "onnx"):
        raise UsageError("unknown io_layout", expected="channels_last or onnx", received=io_layout)
    path = None if output is None else Path(output)
    if path is not None:
        inputs = [Path(model)] if isinstance(model, PathLike) else []
        refuse_collisions({"the graph": path}, inputs)
        writable(path, (".onnx",))
    exported, report = _exported(model, path, io_layout, check, progress)
    return Export(
        path,
        {port.name: port.layout.logical_shape for port in exported.inputs},
        {port.name: port.layout.logical_shape for port in exported.outputs},
        report,
        exported.proto,
    )


def _exported(
    model: PathLike | keras.Model,
    path: Path | None,
    io_layout: IoLayout,
    check: bool,
    progress: Progress,
) -> tuple[Exported, Report | None]:
    progress("reading the Keras model")
    with _source(model) as source, _staged(path) as file:
        progress("converting with tf2onnx")
        exported = source.exported(io_layout)
        file.write_bytes(exported.proto.SerializeToString())
        if not check:
            return exported, None
        from bridge.check.verify import check_export

        progress("comparing onnxruntime with Keras")
        return exported, check_export(source, exported, file)


@contextmanager
def _source(model: PathLike | keras.Model) -> Iterator[Source]:
    """A model of a file is opened in a process of its own: it may end that process."""
    from bridge.check.backends.stored.opening import KerasSource
    from bridge.check.backends.stored.process import opened_source

    if isinstance(model, PathLike):
        with opened_source(Path(model)) as source:
            yield source
    else:
        from bridge.keras.load import functional

        yield KerasSource(functional(model))


@contextmanager
def _staged(path: Path | None) -> Iterator[Path]:
    """The file to write before it gets its name; without a name it is temporary."""
    if path is not None:
        with staged(path) as file:
            yield file
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "model.onnx"
