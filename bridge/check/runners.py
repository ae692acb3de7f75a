"""Runs a model on logical arrays: inputs and outputs are as in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.check.backends.backend import Origin, in_onnx_order
from bridge.check.backends.onnx import dtypes_of, origins_of
from bridge.check.backends.runtimes import limit_of, run_within, session
from bridge.check.compare import compare
from bridge.errors import GraphError, UnsupportedError, words_of
from bridge.graph.ranges import Columns
from bridge.types import Array

if TYPE_CHECKING:
    import keras
    import onnx

    from bridge.raising.plan import Plan

Chooser = Callable[[Mapping[str, Origin]], Sequence[str]]


class OnnxRunner:
    """An ONNX file in onnxruntime, on the CPU. With `every_value` all named values are outputs;
    `extra` chooses some among the graph's origins. `shapes` names values of which the shape alone
    is wanted: no run keeps their numbers. A `plain` one computes node by node, as the file says."""

    def __init__(
        self,
        path: Path,
        *,
        every_value: bool = False,
        extra: Chooser = lambda _: (),
        shapes: Collection[str] = (),
        plain: bool = False,
    ) -> None:
        from bridge.graph.io.mapped import load_unread
        from bridge.graph.ranges import ranges

        self.path = path
        proto = load_unread(path)
        self.ranges: Mapping[str, Columns] = ranges(proto)
        self.origins, self.dtypes = origins_of(proto.graph), dtypes_of(proto)
        self.graph_outputs = tuple(output.name for output in proto.graph.output)
        self.extra = tuple(extra(self.origins))
        if every_value:
            _add_every_value(proto)
        _add_outputs(proto, self.extra)
        self.outputs = tuple(output.name for output in proto.graph.output)
        self._shapes = _add_shapes(proto, shapes)
        self._seconds = limit_of(proto)
        unoptimized = _BELIEVING if self._shapes else ()
        self._session = _session(proto, path.parent, unoptimized, plain)

    @property
    def inputs(self) -> dict[str, tuple[tuple[int | str, ...], str]]:
        """Shape and dtype of each input. Raises UnsupportedError for a dtype that NumPy lacks."""
        return {
            entry.name: (_dims(entry.name, entry.shape), _dtype(entry.name, entry.type))
            for entry in self._session.get_inputs()
        }

    @property
    def data_sized(self) -> set[str]:
        """The outputs with a size that depends on the data, such as the number of boxes."""
        free = {size for shape, _ in self.inputs.values() for size in shape}
        return {
            result.name
            for result in self._session.get_outputs()
            if any(not isinstance(size, int) and size not in free for size in result.shape)
        }

    @property
    def own_sizes(self) -> dict[str, int]:
        """The size of each free height and width for which the net was made, by the file."""
        known = self._session.get_modelmeta().custom_metadata_map
        return {name: int(size) for name, size in known.items() if size.isdecimal()}

    def run(self, feeds: Mapping[str, Array], names: Sequence[str] = ()) -> dict[str, Array]:
        """The outputs, or only the named ones. Raises GraphError if onnxruntime fails."""
        names = names or self.outputs
        return dict(zip(names, self._run(feeds, names), strict=True))

    def run_with_shapes(
        self, feeds: Mapping[str, Array]
    ) -> tuple[dict[str, Array], dict[str, tuple[int, ...]]]:
        """The outputs, and the shapes that were asked for, of one run."""
        results = self._run(feeds, [*self.outputs, *self._shapes.values()])
        shapes = (tuple(map(int, shape)) for shape in results[len(self.outputs) :])
        return dict(zip(self.outputs, results, strict=False)), dict(
            zip(self._shapes, shapes, strict=True)
        )

    def _run(self, feeds: Mapping[str, Array], names: Sequence[str]) -> list[Array]:
        try:
            results = run_within(self._seconds, self._session, names, feeds)
            return [np.asarray(result) for result in results]
        except Exception as error:  # onnxruntime's errors have no common class but this
            raise GraphError(
                "onnxruntime cannot run the graph", received=words_of(error)
            ) from error


def rounding(
    optimized: OnnxRunner, names: Sequence[str], runs: Iterable[Mapping[str, Array]]
) -> Mapping[str, float]:
    """How far onnxruntime differs from itself, at most, in outputs of a graph: with its optimisers,
    which add in another order, and without. Raises GraphError where it cannot run the graph."""
    plain = OnnxRunner(optimized.path, plain=True)
    most = dict.fromkeys(names, 0.0)
    for feeds in runs:
        one, other = optimized.run(feeds, names), plain.run(feeds, names)
        for name in names:
            most[name] = max(most[name], compare(name, one[name], other[name]).error)
    return most


_SIZES = (8, 16, 32, 64)
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(bool)": "bool",
    **{f"tensor({sign}int{size})": f"{sign}int{size}" for sign in ("", "u") for size in _SIZES},
}


def _dtype(name: str, kind: str) -> str:
    if kind not in _DTYPES:
        raise UnsupportedError(
            "NumPy lacks the dtype of an input, so nothing can be compared",
            where=f"the input '{name}'",
            expected=", ".join(_DTYPES),
            received=kind,
            hint="convert without the comparison: --no-check",
        )
    return _DTYPES[kind]


def _dims(name: str, shape: Sequence[int | str | None]) -> tuple[int | str, ...]:
    return tuple(f"{name}_{axis}" if dim is None else dim for axis, dim in enumerate(shape))


def _add_every_value(proto: onnx.ModelProto) -> None:
    """Adds the values that are blobs as outputs, but not those within a composed layer."""
    known = {output.name for output in proto.graph.output}
    proto.graph.output.extend(value for value in proto.graph.value_info if value.name not in known)


def _add_outputs(proto: onnx.ModelProto, names: Sequence[str]) -> None:
    import onnx

    known = {info.name: info for info in proto.graph.value_info}
    proto.graph.output.extend(known.get(n) or onnx.ValueInfoProto(name=n) for n in names)


# This optimiser answers for a shape what the file says of it, where that is known beforehand.
_BELIEVING = ("ConstantFolding",)


def _add_shapes(proto: onnx.ModelProto, names: Collection[str]) -> dict[str, str]:
    """Adds the shapes of these values as outputs, of those that the graph has and describes.

    onnxruntime goes back over the graph from its last node, and computes what that one needs first:
    so the shape of the first value is added last, and none waits for its shape to be read.
    Returns the outputs' names by the values'.
    """
    from onnx import TensorProto, helper

    described = {info.name for info in (*proto.graph.value_info, *proto.graph.output)}
    outputs = {name: f"{name}:bridge:shape" for name in names if name in described}
    for name, output in reversed(outputs.items()):
        proto.graph.node.append(helper.make_node("Shape", [name], [output]))
    proto.graph.output.extend(
        helper.make_tensor_value_info(output, TensorProto.INT64, None)
        for output in outputs.values()
    )
    return outputs


def _session(proto: onnx.ModelProto, folder: Path, unoptimized: Sequence[str], plain: bool) -> Any:
    try:
        return session(proto, folder, unoptimized, plain)
    except Exception as error:  # onnxruntime's errors have no common class but this
        raise GraphError("onnxruntime refuses the graph", received=words_of(error)) from error


class KerasRunner:
    """A Keras model built from a plan, whose layouts convert ONNX's arrays to Keras's and back.
    `extra` has tensors within it, by the names of their values."""

    def __init__(
        self, model: keras.Model, plan: Plan, extra: Mapping[str, Any] | None = None
    ) -> None:
        self.model, self.plan = model, plan
        self._names = [*plan.outputs, *(extra or {})]
        if extra:
            import keras

            from bridge.keras.depth import room_for

            outputs = [*keras.tree.flatten(model.output), *extra.values()]
            with room_for(len(plan.calls)):
                self.model = keras.Model(model.input, outputs)

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        arrays = [self.plan.values[i.value].layout.apply(feeds[i.value]) for i in self.plan.inputs]
        results = zip(self._names, run_keras(self.model, arrays), strict=True)
        values = self.plan.values
        return {name: in_onnx_order(result, values[name].layout) for name, result in results}


def run_keras(model: keras.Model, arrays: Sequence[Array]) -> list[Array]:
    """A model's outputs for its inputs, both as the model stores them, and in the order of
    `model.inputs` and `model.outputs`, whatever structure it is called with: a list, a dict, …

    Raises UnsupportedError if Keras cannot, or would take too many steps."""
    import keras

    from bridge.keras.steps import refuse_many_steps

    refuse_many_steps(model)
    feeds = keras.tree.pack_sequence_as(model.input, list(arrays))
    try:
        results = keras.tree.flatten(model(feeds, training=False))
    except Exception as error:  # backends raise whatever they like
        raise UnsupportedError(
            f"Keras on {keras.backend.backend()} cannot run the model",
            received=words_of(error),
            hint="another backend may: KERAS_BACKEND=tensorflow, jax or torch",
        ) from error
    return [np.asarray(keras.ops.convert_to_numpy(result)) for result in results]
