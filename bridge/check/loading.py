"""Opens the files that a user names as two models that can be compared.

The translation map of a Keras model is not in its file. It is derived again by raising the graph
that is the other model (or that is passed as `graph`), whose plan knows for each value which layer
computes it and how it is stored. So a model can be checked after anyone has trained and saved it,
as long as its layers still have their names.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bridge import files
from bridge.caffe.ranges import input_ranges
from bridge.check.backends.backend import Backend
from bridge.check.backends.recorded import RecordedBackend
from bridge.check.backends.renamed import same_io_names
from bridge.check.images import Preprocessing
from bridge.errors import UnsupportedError, UsageError, after
from bridge.graph.ranges import Columns
from bridge.public.options import IoLayout

if TYPE_CHECKING:
    from bridge.check.backends.exported import Exported
    from bridge.check.backends.stored.opening import KerasFile
    from bridge.raising.plan import Plan, PlanInput

Kind = Literal["caffe", "onnx", "keras", "tflite", "saved model", "recorded"]

_KINDS: Mapping[str, Kind] = {
    ".prototxt": "caffe",
    ".pt": "caffe",
    ".onnx": "onnx",
    ".keras": "keras",
    ".h5": "keras",
    ".tflite": "tflite",
    ".npz": "recorded",
    "": "saved model",
}


def is_caffemodel(path: Path) -> bool:
    """Whether the name is that of a Caffe net's weights, in either of Caffe's two formats."""
    return path.name.endswith((".caffemodel", ".caffemodel.h5"))


@dataclass(frozen=True)
class ModelFiles:
    """A model to compare, as a user names it: one path, or the two of a Caffe net, which may be
    lowered without some unknown fields. `is_own`: a model that was in memory, saved by bridge."""

    path: Path
    weights: Path | None = None
    ignore_fields: tuple[str, ...] = ()
    is_own: bool = False

    @cached_property
    def kind(self) -> Kind:
        """By the suffix; a SavedModel is a folder. Raises UsageError."""
        if not self.path.is_dir():
            files.readable(self.path, "model")
        if is_caffemodel(self.path):
            raise UsageError(
                "the weights of a Caffe net, without the net",
                where=self.path,
                expected="NET.prototxt before it",
            )
        kind = _KINDS.get("" if self.path.is_dir() else self.path.suffix.lower())
        is_torch = kind == "caffe" and files.looks_binary(files.glance(self.path))
        if kind is None or is_torch or (kind == "saved model" and not self.path.is_dir()):
            raise files.other_kind(
                self.path,
                "cannot open this",
                expected="a .prototxt with its .caffemodel, .onnx, .keras, .tflite, a SavedModel "
                "folder, or an .npz of blobs",
            )
        return kind

    @property
    def is_graph(self) -> bool:
        return self.kind in ("caffe", "onnx")

    @property
    def is_stored(self) -> bool:
        """Whether its arrays may have another layout than ONNX's."""
        return self.kind in ("keras", "tflite", "saved model")


@dataclass(frozen=True)
class Pair:
    """Two models, with the plan that translates between them if one is from Keras. If both are,
    and no graph has their layouts, arrays are compared as they are `stored`. `graph` is the file of
    the ONNX graph that is one of the two, or stands for one."""

    expected: Backend
    received: Backend
    plan: Plan | None
    warnings: tuple[str, ...] = ()
    prototxt: Path | None = None
    ranges: Mapping[str, Columns] = field(default_factory=dict)
    stored: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    graph: Path | None = None

    def preprocessing(self) -> Preprocessing | None:
        """The preprocessing in training, if the prototxt has one."""
        if self.prototxt is None:
            return None
        from bridge.caffe import read

        images = (entry for entry in read(self.prototxt).inputs if len(entry.shape) == 4)
        trained = (x for x in images if x.mean or x.mean_file or x.scale != 1)
        entry = next(trained, None)
        return None if entry is None else Preprocessing.of(entry)


@contextmanager
def opened(
    a: ModelFiles, b: ModelFiles, *, runtime: str = "onnxruntime", graph: ModelFiles | None = None
) -> Iterator[Pair]:
    """Opens both models. Temporary files and processes are gone afterwards.

    `runtime` runs an .onnx; if both are, the second. Raises BridgeError.
    """
    with ExitStack() as stack:
        opener = _Opener(a, b, graph, stack)
        runtimes = ("onnxruntime" if b.is_graph else runtime, runtime)
        with after(opener.warnings):
            expected, received = map(opener.backend, (a, b), runtimes)
        for recorded, other in ((expected, received), (received, expected)):
            if isinstance(recorded, RecordedBackend):
                recorded.name_by_layers(other.origins)
        received = same_io_names(received, expected)
        yield Pair(
            expected,
            received,
            opener.plan,
            tuple(opener.warnings),
            opener.prototxt,
            opener.ranges(),
            opener.stored,
            opener.versions,
            opener.graph,
        )


class _Opener:
    def __init__(
        self, a: ModelFiles, b: ModelFiles, graph: ModelFiles | None, stack: ExitStack
    ) -> None:
        self._models = [m for m in (graph, a, b) if m]
        prototxts = [m.path for m in (a, b, graph) if m and m.kind == "caffe"]
        self.prototxt = prototxts[0] if prototxts else None
        self._graph = next((m for m in self._models if m.is_graph), None)
        self._stack = stack
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self._lowered: dict[ModelFiles, Path] = {}
        self.plan: Plan | None = None
        self.stored = self._graph is None and a.is_stored and b.is_stored
        self.warnings: list[str] = []
        self.versions: dict[str, str] = {}
        if self._graph is None and a.is_stored != b.is_stored:
            raise UsageError(
                "the two models have different axis orders, and no graph translates between them",
                where=f"{a.path} and {b.path}",
                hint="name the graph that the Keras model was raised from: --graph net.onnx",
            )

    @property
    def graph(self) -> Path | None:
        """The first ONNX graph that is read, or else that a Caffe net was lowered to."""
        return next((x.path for x in self._models if x.kind == "onnx"), None) or next(
            iter(self._lowered.values()), None
        )

    def backend(self, files: ModelFiles, runtime: str) -> Backend:
        match files.kind:
            case "caffe":
                return self._caffe(files, runtime)
            case "onnx":
                return self._onnx(files.path, runtime, files.path.name)
            case "recorded":
                return RecordedBackend(files.path)
            case _:
                return self._stored(files)

    def ranges(self) -> dict[str, Columns]:
        """The ranges of the inputs that are not images, as far as the graph has them."""
        if self._graph is None:
            return {}
        if self._graph.kind == "caffe":
            from bridge.caffe import read

            return input_ranges(read(self._graph.path))
        from bridge.check.backends.onnx import loaded
        from bridge.graph.ranges import ranges

        return ranges(loaded(self._graph.path))

    def _onnx(self, path: Path, runtime: str, title: str) -> Backend:
        from bridge.check.backends.onnx import OnnxBackend
        from bridge.check.backends.runtimes import runtime as find

        chosen = find(runtime)
        if chosen.open is None:  # no module of this process
            self.versions[chosen.name] = chosen.version
        return OnnxBackend(path, chosen, title)

    def _caffe(self, files: ModelFiles, runtime: str) -> Backend:
        from bridge.check.backends.caffe import CaffeBackend, engine

        name = None if files.weights is None else engine(files.weights)
        if name is not None and files.weights is not None:
            backend = CaffeBackend(files.path, files.weights, name)
            self._stack.callback(backend.close)
            return backend
        self.warnings.append(
            f"{files.path.name}: no Caffe here (neither pycaffe nor an OpenCV 4 that reads these "
            "files), so it was lowered to ONNX first: only the later steps are compared"
        )
        title = f"{files.path.name}, lowered,"
        return self._onnx(self._as_onnx(files), runtime, title)

    def _as_onnx(self, files: ModelFiles) -> Path:
        if files.kind == "onnx":
            return files.path
        if files not in self._lowered:
            from bridge.caffe import read
            from bridge.caffe.shapes import known_weights
            from bridge.graph.io import save
            from bridge.lower import lower, understood
            from bridge.lower.model import with_warnings

            ignored = files.ignore_fields
            hold = partial(understood, ignore_fields=ignored)
            net = read(files.path, files.weights, hold=hold)
            if files.weights is None and any(known_weights(net)):
                raise UsageError(
                    "a net without its weights has nothing to compare",
                    where=files.path,
                    expected="its .caffemodel after it",
                )
            lowered = with_warnings(lower(net, ignore_fields=ignored))
            self.warnings += lowered.warnings
            path = self._folder / f"lowered{len(self._lowered)}.onnx"
            self._lowered[files] = save(lowered, path)
        return self._lowered[files]

    def _stored(self, files: ModelFiles) -> Backend:
        from bridge.check.backends.stored.opening import KerasFile, as_stored
        from bridge.check.backends.stored.process import opened

        opening = opened(files.kind, files.path, is_own=files.is_own)
        model, versions = self._stack.enter_context(opening)
        self.versions |= versions
        if not isinstance(model, KerasFile) and "int8" in model.rounded:
            self.warnings.append(_BYTES.format(name=files.path.name))
        if self._graph is None:
            return as_stored(model)
        if isinstance(model, KerasFile):
            return self._keras(files.path, model)
        return self._exported(files.path, model)

    def _keras(self, path: Path, model: KerasFile) -> Backend:
        from bridge.check.backends.keras import value_locations

        names = [name for name, _ in model.inputs]
        shapes = [shape for _, shape in model.inputs]
        plan = self._plan_for(path, names, shapes, model.operations)
        _refuse_unexpected_layers(path, model.operations, plan)
        inputs = [_planned(plan, names)[name].value for name in names]
        return model.run(value_locations(plan), inputs, plan.outputs)

    def _exported(self, path: Path, model: Exported) -> Backend:
        from bridge.check.backends.exported import ExportedBackend

        shapes = [port.shape for port in model.inputs]
        names = [port.name for port in model.inputs]
        plan = self._plan_for(path, names, shapes)
        _refuse_other_outputs(path, model, plan)
        inputs = [_planned(plan, names)[name].value for name in names]
        outputs = [port.name for port in model.outputs]
        if set(outputs) != set(plan.outputs):  # an export by Keras itself has them by position
            outputs = [*plan.outputs]
        known = [{name: plan.values[name].layout for name in x} for x in (inputs, outputs)]
        return ExportedBackend(model, *known)

    def _plan_for(
        self,
        path: Path,
        names: Sequence[str],
        shapes: Sequence[Sequence[int | None]],
        operations: Collection[str] = (),
    ) -> Plan:
        """The graph's plan, with the io_layout that the model's inputs have; of those of a
        quantized graph the one that has more of the model's operations."""
        if self._graph is None:
            raise ValueError("no graph to plan")
        file = self._as_onnx(self._graph)
        for io_layout in _IO_LAYOUTS:
            plans = list(_plans(file, io_layout))
            plan = max(plans, key=lambda plan: sum(call.name in operations for call in plan.calls))
            planned = _planned(plan, names)
            if planned.keys() == set(names) and all(
                _fits(planned[name].shape, shape) for name, shape in zip(names, shapes, strict=True)
            ):
                if len(plans) > 1 and plan is plans[0]:
                    self.warnings.append(_ROUNDED)
                self.plan = plan
                return plan
        raise UsageError(
            "the inputs of this model are not those of the graph",
            where=path,
            expected=", ".join(f"{n}: {_words(x.shape)}" for n, x in planned.items()),
            received=", ".join(f"{n}: {_words(s)}" for n, s in zip(names, shapes, strict=True)),
            hint="was it raised from this graph? Two Keras models can be compared without a graph",
        )


_BYTES = (
    "{name} rounds to int8: it is another net, near to the one it was made of, and differs from it "
    "by that; --labels says on how many images both have the same best guess"
)
_IO_LAYOUTS: tuple[IoLayout, ...] = ("channels_last", "onnx")
_ROUNDED = (
    "the graph is quantized, and the Keras model is the float model that it stands for: rounding "
    "is among what differs"
)


def _plans(file: Path, io_layout: IoLayout) -> Iterator[Plan]:
    """The plan of a graph; of a quantized one that of its float model, then that of itself."""
    from bridge.graph.io import load
    from bridge.graph.passes import run_passes
    from bridge.graph.quantization import to_floats
    from bridge.raising import raise_model

    model = load(file)
    is_quantized = to_floats(model)
    yield raise_model(run_passes(model), io_layout)
    if is_quantized:
        with suppress(UnsupportedError):
            yield raise_model(run_passes(load(file)), io_layout)


def _planned(plan: Plan, names: Sequence[str]) -> dict[str, PlanInput]:
    """The inputs of a plan by their names in ONNX, if a model has these, or in Keras."""
    by_value = {planned.value: planned for planned in plan.inputs}
    by_name = {planned.name: planned for planned in plan.inputs}
    return by_value if by_value.keys() == set(names) else by_name


def _fits(planned: Sequence[int | str], shape: Sequence[int | None]) -> bool:
    """Whether the sizes agree that both know."""
    return len(planned) == len(shape) and all(
        one == other
        for one, other in zip(planned, shape, strict=True)
        if isinstance(one, int) and other is not None
    )


def _refuse_unexpected_layers(path: Path, kinds: Mapping[str, str], plan: Plan) -> None:
    """Refuses a model whose layers, of these `kinds`, are not those of the plan."""
    planned = {call.name: call.target for call in plan.calls}
    common = [name for name in planned if name in kinds]
    others = [
        f"{name} is a {kinds[name]}, not {planned[name]}"
        for name in common
        if planned[name].startswith("layers.") and planned[name] != f"layers.{kinds[name]}"
    ]
    if others or len(common) < len(planned) / 2:
        raise UsageError(
            "this model was not raised from this graph",
            where=path,
            expected=f"the {len(planned)} operations of the graph's plan",
            received=f"{len(common)} of them" + "".join(f"; {other}" for other in others[:3]),
            hint="raise the graph again with onnx-to-keras, or compare with the right graph",
        )


def _refuse_other_outputs(path: Path, model: Exported, plan: Plan) -> None:
    if len(model.outputs) != len(plan.outputs):
        raise UsageError(
            "the outputs of this model are not those of the graph",
            where=path,
            expected=", ".join(plan.outputs),
            received=", ".join(port.name for port in model.outputs),
        )


def _words(shape: Sequence[Any]) -> str:
    return " ".join("?" if size is None else str(size) for size in shape)
