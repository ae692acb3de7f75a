"""What is in a `.tflite`: a FlatBuffer, read by the classes that TensorFlow and LiteRT make of its
schema, without loading either.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bridge.errors import UsageError, words_of
from bridge.inspection.contents import Inspection, Part, size_of
from bridge.public.extras import pip_install

if TYPE_CHECKING:
    from bridge.lower.values import Dims

_MAGIC = b"TFL3"
# Packages that have the schema's classes, and where.
_SCHEMAS = (
    ("ai_edge_litert", "schema_py_generated.py"),
    ("tensorflow", "lite/python/schema_py_generated.py"),
)


def lite_model(path: Path) -> Inspection:
    """Raises UsageError if it is none, or nothing that reads it is installed."""
    data = path.read_bytes()
    if data[4:8] != _MAGIC:
        raise UsageError(
            "not a .tflite", where=path, expected="TFL3 behind four bytes", received=data[4:8]
        )
    schema = _schema()
    try:
        return _Model(schema, schema.Model.GetRootAs(data)).inspection(path)
    except (
        struct.error,
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        OverflowError,
    ) as error:
        raise UsageError("the .tflite is damaged", where=path, received=words_of(error)) from error


@cache
def _schema() -> ModuleType:
    """The module of the schema's classes, by its file: importing TensorFlow takes seconds."""
    for package, file in _SCHEMAS:
        module_spec = find_spec(package)
        for folder in (module_spec and module_spec.submodule_search_locations) or ():
            spec = spec_from_file_location("bridge_tflite_schema", Path(folder) / file)
            if (Path(folder) / file).is_file() and spec is not None and spec.loader is not None:
                module = module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    raise UsageError(
        "reading a .tflite needs LiteRT or TensorFlow, and neither is installed",
        hint=f"pip install ai-edge-litert, or {pip_install('keras')}",
    )


class _Model:
    """A model, and its first subgraph, which is what a runtime calls."""

    def __init__(self, schema: ModuleType, model: Any) -> None:
        self._model, self._graph = model, model.Subgraphs(0)
        if self._graph is None:
            raise ValueError("it has no subgraph")
        self._operators = {
            number: name
            for name, number in vars(schema.BuiltinOperator).items()
            if isinstance(number, int)
        }
        self._custom = schema.BuiltinOperator.CUSTOM
        self._types: Mapping[int, str] = {
            number: name.lower()
            for name, number in vars(schema.TensorType).items()
            if isinstance(number, int)
        }
        self._tensors = [self._graph.Tensors(i) for i in range(self._graph.TensorsLength())]
        self._names = _short([_text(tensor.Name()) for tensor in self._tensors])

    def inspection(self, path: Path) -> Inspection:
        model, graph = self._model, self._graph
        facts = {"schema": str(model.Version()), "numbers": ", ".join(self._dtypes())}
        if model.Description():
            facts["description"] = _text(model.Description())
        if model.SubgraphsLength() > 1:
            facts["subgraphs"] = str(model.SubgraphsLength())
        constants = [i for i in range(len(self._tensors)) if self._stored(i)]
        return Inspection(
            (str(path),),
            "TensorFlow Lite model",
            "",
            facts,
            {name: self._dims(i) for name, i in self._ends("Inputs", graph)},
            {name: self._dims(i) for name, i in self._ends("Outputs", graph)},
            tuple(self._parts()),
            sum(size_of(self._dims(i)) for i in constants),
            sum(map(self._stored, constants)),
        )

    def _ends(self, side: str, graph: Any) -> Iterator[tuple[str, int]]:
        """The inputs or outputs, by the names that a signature gives them, if there is one."""
        named = {}
        if self._model.SignatureDefsLength() == 1:
            signature = self._model.SignatureDefs(0)
            ends = (getattr(signature, side)(i) for i in range(_count(signature, side)))
            named = {end.TensorIndex(): _text(end.Name()) for end in ends}
        for index in (getattr(graph, side)(i) for i in range(_count(graph, side))):
            yield named.get(index, self._names[index]), index

    def _parts(self) -> Iterator[Part]:
        for number in range(self._graph.OperatorsLength()):
            operator = self._graph.Operators(number)
            reads = [operator.Inputs(i) for i in range(operator.InputsLength())]
            writes = [operator.Outputs(i) for i in range(operator.OutputsLength())]
            reads = [index for index in reads if index >= 0]  # -1 stands for an input left out
            weights = [index for index in reads if self._stored(index)]
            yield Part(
                self._names[writes[0]] if writes else "",
                self._kind(operator),
                tuple(self._names[index] for index in reads if index not in weights),
                tuple(self._names[index] for index in writes),
                tuple(self._dims(index) for index in writes),
                tuple(self._dims(index) for index in weights),
            )

    def _kind(self, operator: Any) -> str:
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        # Older files have the number in a byte, newer ones the larger of the two.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if number == self._custom:
            return _text(code.CustomCode())
        return str(self._operators.get(number, f"operator {number}"))

    def _stored(self, index: int) -> int:
        """The bytes of a constant; 0 for a tensor that is computed."""
        buffer = self._model.Buffers(self._tensors[index].Buffer())
        return int(buffer.DataLength() or buffer.Size()) if buffer is not None else 0

    def _dtypes(self) -> Iterator[str]:
        kinds = dict.fromkeys(tensor.Type() for tensor in self._tensors)
        return (self._types.get(kind, f"type {kind}") for kind in kinds)

    def _dims(self, index: int) -> Dims:
        """A free size is -1 in the signature of a shape."""
        tensor = self._tensors[index]
        if tensor.ShapeSignatureLength():
            sizes = [tensor.ShapeSignature(i) for i in range(tensor.ShapeSignatureLength())]
        else:
            sizes = [tensor.Shape(i) for i in range(tensor.ShapeLength())]
        return tuple("?" if size < 0 else int(size) for size in sizes)


def _short(names: list[str]) -> list[str]:
    """Without the names of operators that were fused into one, where the first alone tells them
    apart."""
    first = [name.partition(";")[0] for name in names]
    return first if len(set(first)) == len(set(names)) else names


def _count(owner: Any, side: str) -> int:
    return int(getattr(owner, f"{side}Length")())


def _text(name: bytes | None) -> str:
    return (name or b"").decode(errors="backslashreplace")
