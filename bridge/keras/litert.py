"""A built model → a .tflite, of LiteRT's own operators wherever it has them.

TensorFlow's converter takes some of Keras's functions for operators that LiteRT lacks. While the
model is traced they are computed by others that it has, with the same numbers: the loops of a
suppression above all, of which Keras keeps the results of each step, and nobody asks for these.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import keras

from bridge.errors import UnsupportedError
from bridge.keras.calls import computed
from bridge.keras.execute import as_in_use
from bridge.keras.io_names import output_names, serving_names, serving_specs
from bridge.keras.load import functional
from bridge.suppress_output import quiet_libraries
from bridge.types import Array

_SIGNATURE = "serving_default"


@dataclass(frozen=True)
class Rounding:
    """To what the numbers of a .tflite are rounded; inputs and outputs stay float32.

    float16  the weights
    int8     the weights that have some hundred numbers; with `samples` all that is computed as
             well, by the ranges that it has for them. A sample has an array for each input of the
             model, in order and as Keras has them.
    """

    dtype: Literal["float16", "int8"]
    samples: Sequence[Sequence[Array]] = ()

    def ask(self, converter: Any, names: Sequence[str]) -> None:
        """Sets TensorFlow's own options; `names` are those of the inputs."""
        from tensorflow import float16, lite

        converter.optimizations = [lite.Optimize.DEFAULT]
        if self.dtype == "float16":
            converter.target_spec.supported_types = [float16]
        elif self.samples:
            fed = [dict(zip(names, arrays, strict=True)) for arrays in self.samples]
            converter.representative_dataset = lambda: iter(fed)


def write_litert(model: keras.Model, path: Path, rounding: Rounding | None = None) -> None:
    """Raises UnsupportedError for operators that LiteRT lacks."""
    from tensorflow import lite
    from tensorflow.lite.python.convert_phase import ConverterError

    try:
        with (
            quiet_libraries(),
            tempfile.TemporaryDirectory() as folder,
            warnings.catch_warnings(),
        ):
            # It runs the samples in TensorFlow's copy of LiteRT, which is deprecated.
            warnings.simplefilter("ignore")
            _traced(model, Path(folder))
            converter = lite.TFLiteConverter.from_saved_model(folder, signature_keys=[_SIGNATURE])
            # As Keras has it in its own export to LiteRT.
            sets = lite.OpsSet
            converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS, sets.SELECT_TF_OPS]
            converter.experimental_enable_resource_variables = True
            if rounding is not None:
                rounding.ask(converter, serving_names(model))
            content = bytearray(converter.convert())
    except ConverterError as error:
        operators = dict.fromkeys(re.findall(r"'tf\.(\w+)' op is neither", str(error)))
        raise UnsupportedError(
            "TensorFlow cannot convert this model to LiteRT, which lacks operators",
            received=", ".join(operators) or str(error).strip().splitlines()[0][:200],
            hint="write a .keras file or a SavedModel; or cut the net before its last layers, such "
            "as a DetectionOutput, with --outputs",
        ) from error
    if rounding is not None and rounding.samples:
        _refuse_loops(content)
    _put_in_order(content, model)
    path.write_bytes(content)


def _refuse_loops(content: bytearray) -> None:
    """Of bytes: LiteRT 2.3.0 and TensorFlow 2.21's copy end the whole process in running them.

    Raises UnsupportedError.
    """
    from tensorflow.lite.python.schema_py_generated import Model

    if Model.GetRootAs(content, 0).SubgraphsLength() > 1:
        raise UnsupportedError(
            "LiteRT does not run loops and conditions whose numbers are bytes",
            hint="round its weights alone, --int8 dynamic or --fp16; or cut the net before its "
            "last layers, such as a DetectionOutput, with --outputs",
        )


def _traced(model: keras.Model, folder: Path) -> None:
    """A SavedModel of one function, which returns the outputs by name."""
    names, traced = output_names(model), functional(model)
    execute = _executor(traced)

    def by_name(*arrays: Any) -> dict[str, Any]:
        return dict(zip(names, computed(traced, arrays, execute), strict=True))

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(_SIGNATURE, by_name, input_signature=serving_specs(model))
    archive.write_out(folder, verbose=False)


def _put_in_order(content: bytearray, model: keras.Model) -> None:
    """Lists the inputs and outputs of a .tflite in the model's order, in place: TensorFlow's own
    order is that of a hash table."""
    from tensorflow.lite.python.schema_py_generated import Model

    file = Model.GetRootAs(content, 0)
    graph, signature = file.Subgraphs(0), file.SignatureDefs(0)
    for listed, count, entry, names in (
        (graph.InputsAsNumpy(), signature.InputsLength(), signature.Inputs, serving_names(model)),
        (
            graph.OutputsAsNumpy(),
            signature.OutputsLength(),
            signature.Outputs,
            output_names(model),
        ),
    ):
        maps = map(entry, range(count))
        indices = {item.Name().decode(): item.TensorIndex() for item in maps}
        listed[:] = [indices[name] for name in names]


# --- other operators ------------------------------------------------------------------------------

_Execute = Callable[[Any, Sequence[Any], Any], Any]


def _executor(model: keras.Model) -> _Execute:
    """How the calls of a model, and of the functions in it, are executed for LiteRT."""
    returned = {id(tensor) for tensor in model.outputs}

    def execute(operation: Any, arguments: Sequence[Any], options: Any) -> Any:
        replace = _REPLACEMENTS.get(type(operation).__name__)
        if replace is not None and _is_keras_own(operation):
            results = replace(operation, arguments, returned)
            if results is not None:
                return results
        return as_in_use(operation, arguments, options)

    return execute


def _is_keras_own(operation: Any) -> bool:
    return type(operation).__module__.startswith("keras.")


def _looped(operation: Any, arguments: Sequence[Any], returned: set[int]) -> Any:
    """A `scan` of a model, as a loop that keeps nothing but its state; None where what the steps
    return is used."""
    import tensorflow

    step, state, *fed = arguments
    later = operation.output[1]
    uses = [t for node in operation._outbound_nodes for t in node.input_tensors]
    is_used = id(later) in returned or any(tensor is later for tensor in uses)
    if is_used or not _is_model(step) or any(x is not None for x in fed):
        return None
    execute = _executor(step)

    def body(count: Any, state: Any) -> tuple[Any, Any]:
        following = computed(step, [state], execute)[0]
        return count + 1, tensorflow.ensure_shape(following, state.shape)

    shapes = (tensorflow.TensorShape(()), state.shape)
    length = operation.length
    loop = tensorflow.while_loop(lambda i, _: i < length, body, (0, state), shape_invariants=shapes)
    return loop[1], loop[1]


def _branched(_: Any, arguments: Sequence[Any], __: set[int]) -> Any:
    """A `switch` between two models, as a condition; None for any other."""
    import tensorflow

    index, branches, *operands = arguments
    if len(branches) != 2 or not all(map(_is_model, branches)):
        return None
    results = [
        lambda branch=branch: computed(branch, operands, _executor(branch)) for branch in branches
    ]
    return tensorflow.cond(index > 0, results[1], results[0])


def _is_model(function: Any) -> bool:
    return isinstance(function, keras.Model)


def _positions(_: Any, arguments: Sequence[Any], __: set[int]) -> Any:
    """`nonzero`: LiteRT unstacks no 64-bit integers."""
    import tensorflow

    rows = tensorflow.where(tensorflow.cast(arguments[0], "bool"))
    return [rows[:, axis] for axis in range(len(arguments[0].shape))]


def _cut(operation: Any, arguments: Sequence[Any], _: set[int]) -> Any:
    """A `split` of 64-bit integers, which LiteRT does not split; None for other numbers."""
    x, at = arguments[0], operation.indices_or_sections
    axis = operation.axis % len(x.shape)
    size = x.shape[axis]
    if x.dtype != "int64" or size is None:
        return None
    bounds = range(0, size + 1, size // at) if isinstance(at, int) else (0, *at, size)
    return [x[(*[slice(None)] * axis, slice(*pair))] for pair in pairwise(bounds)]


# By the name of Keras's operation.
_REPLACEMENTS: dict[str, Callable[[Any, Sequence[Any], set[int]], Any]] = {
    "Nonzero": _positions,
    "Scan": _looped,
    "Split": _cut,
    "Switch": _branched,
}
