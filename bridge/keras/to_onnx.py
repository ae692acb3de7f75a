"""A Keras model → ONNX, through tf2onnx, with the model's own names and batch normalisations.

tf2onnx converts the TensorFlow graph that is traced when a model runs. In it layers are only
scopes, names are numbered, and a BatchNormalization is a multiplication and an addition, or folded
into the convolution before it. Here each operation runs in a scope of its own, so that the graph's
nodes can be named after layers again; and the weights of batch normalisations, and biases of zeros,
enter the graph as inputs, so that nothing can fold them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import keras
import numpy as np
import onnx
from onnx import defs, numpy_helper

from bridge.errors import UnsupportedError, UsageError, lines_of, words_of
from bridge.graph.io.ports import Exported, Port
from bridge.keras.calls import computed, leaf_calls
from bridge.keras.cleanup import cleaned_up
from bridge.keras.execute import executed, is_norm
from bridge.keras.io_names import input_names, output_names
from bridge.keras.naming import name_nodes, name_values, scope
from bridge.layout import Layout
from bridge.public.extras import pip_install
from bridge.public.options import IoLayout
from bridge.raising.names import decode
from bridge.suppress_output import quiet_tf2onnx
from bridge.types import Array

Vector = Array

OPSET = 17
BATCH = "batch"
_OUTPUT = "/output"  # after the name of an input that is an output, or whose name an output has


def to_onnx(model: keras.Model, io_layout: IoLayout = "onnx") -> Exported:
    """A Functional model as standard ONNX operators.

    With `io_layout` `onnx` images and volumes go in and come out as n c h w, with `channels_last`
    as the Keras model has them. Tensors of rank 3 and below keep their order.
    Raises UsageError if Keras does not run on TensorFlow, UnsupportedError for what tf2onnx cannot
    convert.
    """
    if keras.backend.backend() != "tensorflow":
        raise UsageError(
            "tf2onnx converts only models that run on TensorFlow",
            received=f"Keras on {keras.backend.backend()}",
            hint="set KERAS_BACKEND=tensorflow; a .keras file is the same for all backends",
        )
    calls = list(leaf_calls(model))
    inputs = _ports(input_names(model), model.inputs, io_layout)
    outputs = _ports(_output_names(model), model.outputs, io_layout)
    kept = _unfolded(calls)
    proto = _converted(model, inputs, outputs, kept)
    _as_constants(proto.graph, kept)
    _name_io(proto.graph, inputs, outputs)
    proto = cleaned_up(proto)
    _return_inputs(proto.graph)
    name_nodes(proto.graph, [decode(call.operation.name) for call in calls])
    _refuse_unknown_operators(proto.graph)
    name_values(proto.graph)
    return Exported(proto, inputs, outputs)


def _ports(names: Sequence[str], tensors: Sequence[Any], io_layout: IoLayout) -> tuple[Port, ...]:
    return tuple(
        Port(name, _layout(tuple(tensor.shape), io_layout), tensor.dtype)
        for name, tensor in zip(names, tensors, strict=True)
    )


def _layout(stored: Sequence[int | None], io_layout: IoLayout) -> Layout:
    sizes = [BATCH if size is None and axis == 0 else size for axis, size in enumerate(stored)]
    shape = [f"size_{axis}" if size is None else size for axis, size in enumerate(sizes)]
    if io_layout == "channels_last" or len(shape) < 4:
        return Layout.identity(shape)
    rank = len(shape)
    return Layout.ordered([shape[0], shape[-1], *shape[1:-1]], (0, *range(2, rank), 1))


def _output_names(model: keras.Model) -> list[str]:
    """An input that is an output has one name; a result cannot have the name of an input, as the
    key of a dict may."""
    inputs = dict(zip(input_names(model), map(id, model.inputs), strict=True))
    return [
        name if inputs.get(name, id(tensor)) == id(tensor) else f"{name}{_OUTPUT}"
        for name, tensor in zip(output_names(model), model.outputs, strict=True)
    ]


# --- through TensorFlow ---------------------------------------------------------------------------


def _converted(
    model: keras.Model,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    kept: Sequence[keras.Variable],
) -> onnx.ModelProto:
    tensorflow, tf2onnx = _libraries()

    def trace(*arrays: Any) -> list[Any]:
        images = [
            tensorflow.transpose(array, port.order)
            for port, array in zip(inputs, arrays, strict=False)
        ]
        numbers = count()

        def execute(operation: Any, arguments: Any, options: Any) -> Any:
            # A scope that ends with a slash is entered as it is, and not numbered.
            with tensorflow.name_scope(scope(next(numbers))):
                return executed(operation, arguments, options)

        with keras.StatelessScope(list(zip(kept, arrays[len(inputs) :], strict=True))):
            results = computed(model, images, execute)
        return [
            tensorflow.transpose(result, np.argsort(port.order))
            for result, port in zip(results, outputs, strict=True)
        ]

    # The two transposes that tf2onnx finds at each end of a channels-last graph cancel out.
    specs = [tensorflow.TensorSpec(entry.shape, entry.dtype) for entry in (*inputs, *kept)]
    with quiet_tf2onnx(), _inlined_functions():
        try:
            result: tuple[onnx.ModelProto, Any] = tf2onnx.convert.from_function(
                tensorflow.function(trace, autograph=False), input_signature=specs, opset=OPSET
            )
        except (ValueError, KeyError, NotImplementedError, AssertionError) as error:
            # It has no exception of its own.
            raise UnsupportedError("tf2onnx cannot convert this", received=str(error)) from error
    return result[0]


def _libraries() -> tuple[Any, Any]:
    try:
        with quiet_tf2onnx():
            import tensorflow
            import tf2onnx
    except ImportError as error:
        raise UsageError(
            "TensorFlow and tf2onnx are needed to write ONNX",
            received=words_of(error),
            hint=pip_install("keras"),
        ) from error
    return tensorflow, tf2onnx


@contextmanager
def _inlined_functions() -> Iterator[None]:
    """Keras has XLA compile a grouped convolution, in a function that tf2onnx does not enter.
    Functions that are to run eagerly are traced with their callers."""
    import tensorflow

    before = tensorflow.config.functions_run_eagerly()
    tensorflow.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tensorflow.config.run_functions_eagerly(before)


# --- weights that would be folded -----------------------------------------------------------------


def _unfolded(calls: Sequence[Any]) -> list[keras.Variable]:
    """The weights that TensorFlow would fold, without repetition: all of a batch normalisation, and
    biases of zeros, which it would leave out."""
    weights: dict[int, keras.Variable] = {}
    for call in calls:
        layer, bias = call.operation, getattr(call.operation, "bias", None)
        if is_norm(layer, call.outputs):
            weights.update({id(weight): weight for weight in layer.weights})
        elif isinstance(bias, keras.Variable) and not np.any(bias.numpy()):
            weights[id(bias)] = bias
    return list(weights.values())


def _as_constants(graph: onnx.GraphProto, variables: Sequence[keras.Variable]) -> None:
    """Turns the inputs after the model's own into constants."""
    first = len(graph.input) - len(variables)
    for info, variable in zip(graph.input[first:], variables, strict=True):
        graph.initializer.append(numpy_helper.from_array(variable.numpy(), info.name))
    del graph.input[first:]


# --- inputs and outputs ---------------------------------------------------------------------------


def _refuse_unknown_operators(graph: onnx.GraphProto) -> None:
    """tf2onnx leaves operators that it does not know under TensorFlow's names."""
    unknown = [node for node in graph.node if not defs.has(node.op_type, node.domain)]
    if unknown:
        raise UnsupportedError(
            "tf2onnx has no ONNX operators for these:",
            lines=lines_of(unknown, lambda node: f"{node.name} ({node.op_type})"),
            hint="convert the model up to them: keras.Model(model.inputs, the tensors before)",
        )


def _name_io(graph: onnx.GraphProto, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
    """Gives inputs and outputs their names, and the free batch size one name throughout."""
    names: dict[str, str] = {}
    taken = {port.name for port in inputs}
    for infos, ports in ((graph.input, inputs), (graph.output, outputs)):
        for info, port in zip(infos, ports, strict=True):
            is_input = ports is outputs and port.name in taken
            names[info.name] = f"{port.name}{_OUTPUT}" if is_input else port.name
            info.name = names[info.name]
            for dim, size in zip(
                info.type.tensor_type.shape.dim, port.layout.logical_shape, strict=True
            ):
                if isinstance(size, str):
                    dim.dim_param = size
    for node in graph.node:
        for values in (node.input, node.output):
            for index, name in enumerate(values):
                values[index] = names.get(name, name)


def _return_inputs(graph: onnx.GraphProto) -> None:
    """Takes out the Identity of an input that is an output."""
    outputs = {info.name: info for info in graph.output}
    for node in list(graph.node):
        x, result = node.input[0] if node.input else "", node.output[0]
        if node.op_type == "Identity" and result == f"{x}{_OUTPUT}" and result in outputs:
            outputs[result].name = x
            graph.node.remove(node)
