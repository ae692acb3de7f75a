"""From what a user names to two sides that can be compared.

The translation map of a Keras model is not in its file: it is found again by raising the graph
that stands on the other side (or that is given with `graph`), whose plan says for each value which
layer gives it and how it is stored. So a model can be checked after it was trained and saved by
anyone, as long as its layers still have their names.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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
from bridge.errors import UsageError, after
from bridge.graph.ranges import Columns
from bridge.layout import Layout

if TYPE_CHECKING:
    import keras

    from bridge.check.backends.exported import Exported
    from bridge.raising.plan import Plan

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
    """Whether this is the name of a Caffe net's weights, in either of Caffe's two formats."""
    return path.name.endswith((".caffemodel", ".caffemodel.h5"))


@dataclass(frozen=True)
class ModelFiles:
    """A thing to compare, as a user names it: one path, or the two of a Caffe net, which may be
    lowered without some fields that nobody here knows."""

    path: Path
    weights: Path | None = None
    ignore_fields: tuple[str, ...] = ()

    @cached_property
    def kind(self) -> Kind:
        """Told by the ending; a SavedModel is a folder. Raises UsageError."""
        if not self.path.exists():
            raise files.missing(self.path, "model")
        if is_caffemodel(self.path):
            raise UsageError(
                "these are the weights of a Caffe net, without the net",
                where=self.path,
                expected="NET.prototxt before it",
            )
        kind = _KINDS.get("" if self.path.is_dir() else self.path.suffix.lower())
        if kind is None or (kind == "saved model" and not self.path.is_dir()):
            raise UsageError(
                "cannot compare this",
                where=self.path,
                expected="a .prototxt with its .caffemodel, .onnx, .keras, .tflite, a SavedModel "
                "folder, or an .npz of blobs",
            )
        return kind

    @property
    def is_graph(self) -> bool:
        return self.kind in ("caffe", "onnx")

    @property
    def is_stored(self) -> bool:
        """Whether its arrays may be in another order than ONNX's."""
        return self.kind in ("keras", "tflite", "saved model")


@dataclass(frozen=True)
class Pair:
    """Two sides, with the plan that translates between them where one is made of Keras; where
    both are `stored` as Keras has them and no graph says how, they are compared as they are."""

    expected: Backend
    received: Backend
    plan: Plan | None
    warnings: tuple[str, ...] = ()
    prototxt: Path | None = None
    ranges: Mapping[str, Columns] = field(default_factory=dict)
    stored: bool = False

    def preprocessing(self) -> Preprocessing | None:
        """What was done to images when the net was trained, if its prototxt says so."""
        if self.prototxt is None:
            return None
        from bridge.caffe import read

        said = (given for given in read(self.prototxt).inputs if len(given.shape) == 4)
        found = next((x for x in said if x.mean or x.mean_file or x.scale != 1), None)
        return None if found is None else Preprocessing.of(found)


@contextmanager
def opened(
    a: ModelFiles, b: ModelFiles, *, runtime: str = "onnxruntime", graph: ModelFiles | None = None
) -> Iterator[Pair]:
    """Opens both sides. Files and processes that are needed on the way are gone afterwards.

    `runtime` runs an .onnx; where both are, the second. Raises BridgeError.
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
        )


class _Opener:
    def __init__(
        self, a: ModelFiles, b: ModelFiles, graph: ModelFiles | None, stack: ExitStack
    ) -> None:
        texts = [each.path for each in (a, b, graph) if each and each.kind == "caffe"]
        self.prototxt = texts[0] if texts else None
        self._graph = next((each for each in (graph, a, b) if each and each.is_graph), None)
        self._stack = stack
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self._lowered: dict[ModelFiles, Path] = {}
        self.plan: Plan | None = None
        self.stored = self._graph is None and a.is_stored and b.is_stored
        self.warnings: list[str] = []
        if self._graph is None and a.is_stored != b.is_stored:
            raise UsageError(
                "these two speak of different axis orders, and nothing here translates",
                where=f"{a.path} and {b.path}",
                hint="name the graph that the Keras model was raised from: --graph net.onnx",
            )

    def backend(self, files: ModelFiles, runtime: str) -> Backend:
        match files.kind:
            case "caffe":
                return self._caffe(files, runtime)
            case "onnx":
                return self._onnx(files.path, runtime, files.path.name)
            case "recorded":
                return RecordedBackend(files.path)
            case "keras":
                return self._keras(files.path)
            case _:
                return self._exported(files)

    def ranges(self) -> dict[str, Columns]:
        """What numbers inputs take that are no images, as far as a graph says."""
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

        return OnnxBackend(path, find(runtime), title)

    def _caffe(self, files: ModelFiles, runtime: str) -> Backend:
        from bridge.check.backends.caffe import CaffeBackend, engine

        found = None if files.weights is None else engine(files.weights)
        if found is not None and files.weights is not None:
            backend = CaffeBackend(files.path, files.weights, found)
            self._stack.callback(backend.close)
            return backend
        self.warnings.append(
            f"{files.path.name}: no Caffe here (neither pycaffe nor an OpenCV 4 that reads these "
            "files), so it was lowered to ONNX first: this compares what comes after that step"
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
                    "a net without its weights computes nothing that could be compared",
                    where=files.path,
                    expected="its .caffemodel behind it",
                )
            lowered = with_warnings(lower(net, ignore_fields=ignored))
            self.warnings += lowered.warnings
            path = self._folder / f"lowered{len(self._lowered)}.onnx"
            self._lowered[files] = save(lowered, path)
        return self._lowered[files]

    def _keras(self, path: Path) -> Backend:
        from bridge.check.backends.keras import KerasBackend, own_places, places_of
        from bridge.keras.load import load

        model = load(path)
        title = f"{path.name} in {_keras_version()}"
        shapes = [tuple(tensor.shape) for tensor in model.inputs]
        if self._graph is None:
            places = own_places(model)
            inputs, outputs = _own_ends(model)
            return KerasBackend(model, title, places, inputs, outputs)
        plan = self._plan_for(path, [each.name for each in model.inputs], shapes)
        _refuse_stranger(path, model, plan)
        names = {each.name: each.value for each in plan.inputs}
        inputs = [names[each.name] for each in model.inputs]
        return KerasBackend(model, title, places_of(plan), inputs, plan.outputs)

    def _exported(self, files: ModelFiles) -> Backend:
        from bridge.check.backends.exported import ExportedBackend, saved_model, tflite

        open_ = {"tflite": tflite, "saved model": saved_model}[files.kind]
        model = open_(files.path)
        if self._graph is None:
            ends = [{port.name: None for port in ports} for ports in (model.inputs, model.outputs)]
            return ExportedBackend(model, *ends)
        shapes = [port.shape for port in model.inputs]
        plan = self._plan_for(files.path, [port.name for port in model.inputs], shapes)
        _refuse_other_ends(files.path, model, plan)
        values = {each.name: each.value for each in plan.inputs}
        inputs = {values[port.name]: _layout(plan, values[port.name]) for port in model.inputs}
        return ExportedBackend(model, inputs, {name: _layout(plan, name) for name in plan.outputs})

    def _plan_for(
        self, path: Path, names: Sequence[str], shapes: Sequence[Sequence[int | None]]
    ) -> Plan:
        """The graph's plan, with inputs in the order in which the model takes them."""
        from bridge.graph.io import load
        from bridge.graph.passes import run_passes
        from bridge.raising import raise_model

        if self._graph is None:
            raise ValueError("no graph to plan")
        file = self._as_onnx(self._graph)
        for io_layout in ("channels_last", "onnx"):
            plan = raise_model(run_passes(load(file)), io_layout)
            wanted = {each.name: each.shape for each in plan.inputs}
            if wanted.keys() == set(names) and all(
                _fits(wanted[name], shape) for name, shape in zip(names, shapes, strict=True)
            ):
                self.plan = plan
                return plan
        raise UsageError(
            "this model takes other inputs than the graph",
            where=path,
            expected=", ".join(f"{n}: {_words(shape)}" for n, shape in wanted.items()),
            received=", ".join(f"{n}: {_words(s)}" for n, s in zip(names, shapes, strict=True)),
            hint="is it raised from this graph? Two models of Keras can be compared without one",
        )


def _layout(plan: Plan, value: str) -> Layout:
    return plan.values[value].layout


def _fits(planned: Sequence[int | str], shape: Sequence[int | None]) -> bool:
    """Whether sizes agree where both are known."""
    return len(planned) == len(shape) and all(
        one == other
        for one, other in zip(planned, shape, strict=True)
        if isinstance(one, int) and other is not None
    )


def _refuse_stranger(path: Path, model: keras.Model, plan: Plan) -> None:
    """Refuses a model without the layers that give the plan's outputs, or of another kind."""
    kinds = {operation.name: type(operation).__name__ for operation in model.operations}
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
            received=f"{len(common)} of them" + "".join(f"; {each}" for each in others[:3]),
            hint="raise the graph again with onnx-to-keras, or compare with the right one",
        )


def _refuse_other_ends(path: Path, model: Exported, plan: Plan) -> None:
    if len(model.outputs) != len(plan.outputs):
        raise UsageError(
            "this model has other outputs than the graph",
            where=path,
            expected=", ".join(plan.outputs),
            received=", ".join(port.name for port in model.outputs),
        )


def _own_ends(model: keras.Model) -> tuple[list[str], list[str]]:
    from bridge.raising.names import decode

    inputs = [decode(each.name) for each in model.inputs]
    return inputs, [decode(each._keras_history.operation.name) for each in model.outputs]


def _keras_version() -> str:
    import keras

    return f"Keras {keras.__version__} on {keras.backend.backend()}"


def _words(shape: Sequence[Any]) -> str:
    return " ".join("?" if size is None else str(size) for size in shape)
