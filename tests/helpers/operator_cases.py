"""ONNX's own tests of its operators, as models come: only the first input is one, all others are
initializers.    (onnx.backend.test)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from bridge.errors import BridgeError, InternalError

Array = NDArray[Any]
Status = Literal["right", "wrong", "refused", "error"]

# What a Keras model has no tensors for, or what differs from run to run.
RANDOM = {
    "Bernoulli",
    "Multinomial",
    *(f"Random{n}{k}" for n in ("Normal", "Uniform") for k in ("", "Like")),
}
WITH_BODIES = {"If", "Loop", "Scan", "SequenceMap"}
PLAIN = "biufc"


@dataclass(frozen=True)
class Case:
    """A test of an operator: the model, the array of its input if it has one, and the outputs."""

    name: str
    operator: str
    model: onnx.ModelProto
    inputs: Sequence[Array]
    outputs: Sequence[Array]
    rtol: float
    atol: float


@dataclass(frozen=True)
class Outcome:
    """What became of a case, and why, unless it is right."""

    status: Status
    reason: str = ""


@cache
def operator_cases() -> Mapping[str, Case]:
    """By name, in the order of the names: of ONNX's domain, over plain numbers."""
    cases = {case.name: case for case in _all_cases()}
    return {name: cases[name] for name in sorted(cases)}


def _all_cases() -> Iterator[Case]:
    from onnx.backend.test.loader import load_model_tests

    for test in load_model_tests(kind="node"):
        model, (inputs, outputs) = test.model, test.data_sets[0]
        nodes = {node.op_type for node in model.graph.node}
        domains = {entry.domain for entry in model.opset_import}
        if "_expanded" in test.name or domains - {"", "ai.onnx"} or nodes & (RANDOM | WITH_BODIES):
            continue
        arrays = [*map(_array, inputs)], [*map(_array, outputs)]
        if not all(map(_is_plain, (*arrays[0], *arrays[1]))) or not _takes_tensors(model):
            continue
        model, left = with_initializers(model, arrays[0])
        operator = model.graph.node[0].op_type
        yield Case(test.name, operator, model, left, arrays[1], test.rtol, test.atol)


def _array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _is_plain(value: Any) -> bool:
    if not isinstance(value, (np.ndarray, np.generic, int, float)):
        return False
    dtype = np.asarray(value).dtype
    return dtype.kind in PLAIN and dtype.name in np.sctypeDict


def _takes_tensors(model: onnx.ModelProto) -> bool:
    kinds = onnx.TensorProto
    return all(
        value.type.WhichOneof("value") == "tensor_type"
        and value.type.tensor_type.elem_type <= kinds.BFLOAT16
        and value.type.tensor_type.elem_type != kinds.STRING
        for value in (*model.graph.input, *model.graph.output)
    )


def with_initializers(
    model: onnx.ModelProto, inputs: Sequence[Array]
) -> tuple[onnx.ModelProto, Sequence[Array]]:
    """A model whose inputs but the first are initializers, and the arrays that are left."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    if len(inputs) != len(graph.input):
        return changed, inputs
    for value, array in zip(graph.input[1:], inputs[1:], strict=True):
        tensor = numpy_helper.from_array(np.asarray(array), value.name)
        if tensor.data_type != value.type.tensor_type.elem_type:
            return model, inputs
        graph.initializer.append(tensor)
    del graph.input[1:]
    return changed, inputs[:1]


def outcome_of(case: Case) -> Outcome:
    """Raises a case to Keras in ONNX's layout, and holds its outputs to ONNX's own."""
    import bridge

    try:
        keras_model = bridge.onnx_to_keras(case.model, io_layout="onnx", check=False)
    except InternalError as error:
        return Outcome("error", str(error))
    except BridgeError as refusal:
        return Outcome("refused", str(refusal))
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a fault)
        return Outcome("error", f"{type(error).__name__}: {error}")
    try:
        results = keras_model(case.inputs[0] if len(case.inputs) == 1 else [*case.inputs])
    except Exception as error:  # noqa: BLE001 (likewise)
        return Outcome("error", f"{type(error).__name__}: {error}")
    received = results if isinstance(results, (list, tuple)) else [results]
    problems = [
        f"output {index}: {problem}"
        for index, pair in enumerate(zip(received, case.outputs, strict=True))
        if (problem := _difference(np.asarray(pair[0]), np.asarray(pair[1]), case))
    ]
    return Outcome("wrong", "; ".join(problems)) if problems else Outcome("right")


def _difference(received: Array, expected: Array, case: Case) -> str:
    if received.dtype != expected.dtype or received.shape != expected.shape:
        return f"{received.dtype} {received.shape} for {expected.dtype} {expected.shape}"
    if expected.dtype.kind in "bui":
        return "" if np.array_equal(received, expected) else "other numbers"
    tolerances = {"rtol": case.rtol, "atol": max(case.atol, 1e-6)}
    close = np.allclose(received, expected, **tolerances, equal_nan=True)
    return "" if close else f"off by {np.nanmax(np.abs(received - expected)):.3g}"
