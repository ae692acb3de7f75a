"""The emitter: one call emits one ONNX node and infers the types and shapes of its outputs.

The only file of `lower/` that knows how ONNX is stored (as `onnx` protobufs).  A rule writes

    e.Conv(x, e.weight(e.blob(0, (96, 3, 11, 11)), "weight"), strides=[4, 4])

and gets a `Value` back.  Weights stay unread: the graph names them, `Weight` says where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import defs, helper, numpy_helper, shape_inference

from bridge.caffe.net import Blob, Layer, Shape
from bridge.caffe.shapes import DYNAMIC
from bridge.errors import GraphError, WeightsError
from bridge.layout import Span, Weight
from bridge.lower.values import FLOAT, Dims, Operand, Value, as_array
from bridge.types import Array

DEFAULT_OPSET = 17

# A reduction takes its axes as an input since opset 18, ReduceSum since 13.
_AXES_ARE_AN_INPUT = {"ReduceSum": 13}

_MAX_COUNT = 2**15  # half precision holds no factor beyond 65504


class Emitter:
    """Collects the nodes of one graph.

    `reserved` are the names of the net's blobs: no other value or weight gets one of them.
    `portable` is whether rules write arithmetic of floats where that costs more.
    Within `layer()`, `tops` are Caffe's shapes of the layer's tops.
    """

    def __init__(
        self, opset: int = DEFAULT_OPSET, reserved: Sequence[str] = (), *, portable: bool = False
    ) -> None:
        self.opset, self.portable = opset, portable
        self.nodes: list[onnx.NodeProto] = []
        self.values: dict[str, Value] = {}
        self.weights: dict[str, Weight] = {}
        self.tops: tuple[Dims, ...] = ()
        self.warnings: list[str] = []
        self._layer: Layer | None = None
        self._scope = ""
        self._first = 0
        self._dynamic = False
        self._names = _Names(reserved)
        self._node_names = _Names()
        self._types: dict[str, onnx.TypeProto] = {}
        self._known: dict[str, Array] = {}
        self._emitted: dict[tuple[Span | int, Shape], Value] = {}

    def warn(self, text: str) -> None:
        """Add a warning about the current layer."""
        self.warnings.append(f"{self._layer}: {text}")

    def top_size(self, axis: int, top: int = 0) -> int:
        """Caffe's size of an axis of a top. Raises GraphError if it is symbolic."""
        size = self.tops[top][axis]
        if isinstance(size, str):
            raise GraphError(
                f"axis {axis} of top {top} has no fixed size",
                where=self._layer,
                received=self.tops[top],
            )
        return size

    # --- values ---------------------------------------------------------------------------

    def input(self, name: str, shape: Dims) -> Value:
        """An input of the graph; `name` is a reserved one."""
        return self._value(name, helper.make_tensor_type_proto(FLOAT, shape))

    def blob(self, index: int, shape: Sequence[int]) -> Blob:
        """The layer's `index`-th learned blob, reshaped to `shape`.

        Legacy files have 1 1 1 n for n, so only the number of elements must agree.
        Raises WeightsError where the blob is missing or has another size.
        """
        blobs = self._layer.blobs if self._layer else ()
        if index >= len(blobs):
            raise WeightsError(
                "the layer has too few weight blobs",
                where=self._layer,
                expected=f"blob {index} of shape {_text(shape)}",
                received=f"{len(blobs)} blobs",
                hint="does this caffemodel belong to this prototxt?",
            )
        blob = blobs[index]
        try:
            return blob.reshaped(*shape)
        except ValueError:
            raise WeightsError(
                f"weight blob {index} does not fit",
                where=self._layer,
                expected=_text(shape),
                received=_text(blob.shape),
                hint="does this caffemodel belong to this prototxt?",
            ) from None

    def weight(self, blob: Blob, role: str) -> Value:
        """An initializer `<layer>.<role>`; a blob used twice, or by several layers, is only one."""
        key = (blob.span or id(blob.read), blob.shape)
        if key not in self._emitted:
            self._emitted[key] = self._initializer(blob, role)
        return self._emitted[key]

    def computed(
        self, shape: Shape, read: Callable[..., Array], role: str, *sources: Blob
    ) -> Value:
        """An initializer whose float32 values are computed from the arrays of some blobs when they
        are written (see `Weight`)."""
        return self._initializer(Weight(shape, read, sources=sources), role)

    def constant(self, array: Any, role: str) -> Value:
        """An initializer of known values: an array, or Python numbers as in `Operand`."""
        array = as_array(array)
        weight = Weight(array.shape, lambda: array, dtype=array.dtype)
        value = self._initializer(weight, role)
        self._known[value.name] = array
        return value

    def known(self, value: Value) -> Array | None:
        """The numbers of a constant; None for a value that is an input, computed or learned."""
        return self._known.get(value.name)

    # --- operators ------------------------------------------------------------------------

    def __getattr__(self, op: str) -> Callable[..., Value]:
        if not op[0].isupper():
            raise AttributeError(op)

        def emit(*inputs: Operand, **attributes: Any) -> Value:
            return self.op(op, *inputs, **attributes)[0]

        return emit

    def GreaterOrEqual(self, a: Operand, b: Operand) -> Value:  # noqa: N802 (ONNX's name)
        """a ≥ b. Before opset 16 ONNX cannot infer its shape; ¬(a < b) differs only for NaN."""
        if self.opset < 16:
            return self.op("Not", self.op("Less", a, b)[0])[0]
        return self.op("GreaterOrEqual", a, b)[0]

    def Pad(  # noqa: N802 (ONNX's name)
        self, x: Operand, pads: Operand, value: Operand = None, mode: str = "constant"
    ) -> Value:
        """x with numbers around it; ncnn takes no default for the mode."""
        return self.op("Pad", x, pads, value, mode=mode)[0]

    def op(
        self, op: str, *inputs: Operand, outputs: int = 1, **attributes: Any
    ) -> tuple[Value, ...]:
        """One node of the standard operator `op`; attributes that are None are left out.

        Raises GraphError where ONNX refuses the node or cannot infer its outputs' shapes.
        """
        schema = self._schema(op)
        names = [
            self._operand(operand, schema.inputs[min(i, len(schema.inputs) - 1)].name)
            for i, operand in enumerate(inputs)
        ]
        while names and not names[-1]:
            names.pop()  # some runtimes take an empty name at the end as an input
        node = onnx.NodeProto(op_type=op, input=names)
        node.output.extend(self._names.new(f"{self._scope}/{op.lower()}") for _ in range(outputs))
        node.name = node.output[0]
        node.attribute.extend(
            helper.make_attribute(key, value)
            for key, value in attributes.items()
            if value is not None
        )
        types = self._infer(schema, node)
        self.nodes.append(node)
        return tuple(self._value(name, types[name]) for name in node.output)

    def reduce(self, op: str, x: Value, axes: Sequence[int], *, keepdims: bool = True) -> Value:
        """A reduction over `axes` (none: x itself), passed as the opset wants them.

        One over all axes but the first is along one axis of x flattened: OpenCV 4 is wrong on more.
        """
        if not axes:
            return x
        if tuple(axes) == tuple(range(1, x.rank)) and x.rank > 2:
            y = self.reduce(op, self.op("Flatten", x, axis=1)[0], [1], keepdims=keepdims)
            return self.reshape(y, (x.shape[0], *[1] * (x.rank - 1))) if keepdims else y
        if self.opset >= _AXES_ARE_AN_INPUT.get(op, 18):
            return self.op(op, x, tuple(axes), keepdims=int(keepdims))[0]
        return self.op(op, x, axes=list(axes), keepdims=int(keepdims))[0]

    def sum(self, x: Value, axes: Sequence[int], *, keepdims: bool = True) -> Value:
        """∑ x over `axes`, as a mean and a factor where the sizes are fixed: ncnn gives x for a
        ReduceSum, whose axes are an input. Not for sums that have to be exact."""
        sizes = [x.shape[axis] for axis in axes]
        count = prod(size for size in sizes if isinstance(size, int))
        if not axes or any(isinstance(size, str) for size in sizes) or not 0 < count <= _MAX_COUNT:
            return self.reduce("ReduceSum", x, axes, keepdims=keepdims)
        mean = self.reduce("ReduceMean", x, axes, keepdims=keepdims)
        return mean if count == 1 else self.op("Mul", mean, float(count))[0]

    def reshape(self, x: Value, shape: Dims) -> Value:
        """x in another shape; a symbol is copied (0) if x has it on that axis, else inferred (-1).

        Nothing is emitted if x already has the shape. The caller is responsible for the shape:
        symbolic sizes cannot be checked here.
        """
        if shape == x.shape:
            return x
        sizes = [
            size if isinstance(size, int) else 0 if x.shape[axis : axis + 1] == (size,) else -1
            for axis, size in enumerate(shape)
        ]
        with self.dynamic():
            return self.declared(self.op("Reshape", x, sizes)[0], shape)

    def declared(self, value: Value, shape: Dims) -> Value:
        """The value with a shape that the caller is responsible for, where ONNX cannot infer it.

        Sizes that are DYNAMIC in it stay unchanged.
        Raises GraphError where ONNX inferred a different size.
        """
        shape = tuple(
            known if size == DYNAMIC else size
            for known, size in zip(value.shape, shape, strict=True)
        )
        fits = all(
            known in (size, f"{value.name}.{axis}")
            for axis, (known, size) in enumerate(zip(value.shape, shape, strict=True))
        )
        if not fits:
            raise GraphError(
                f"{value.name!r} cannot have this shape",
                where=self._layer,
                expected=value.shape,
                received=shape,
            )
        return self._value(value.name, helper.make_tensor_type_proto(value.dtype, shape))

    @contextmanager
    def dynamic(self) -> Iterator[None]:
        """In this context, sizes that depend on the data become symbols instead of errors."""
        before, self._dynamic = self._dynamic, True
        try:
            yield
        finally:
            self._dynamic = before

    # --- layers ---------------------------------------------------------------------------

    @contextmanager
    def layer(self, layer: Layer, tops: Sequence[Dims]) -> Iterator[None]:
        """Nodes emitted in this context belong to `layer`; `tops` are Caffe's shapes of its tops.

        If one of those sizes depends on the data, sizes within may too (`dynamic`).
        """
        self._layer, self._scope, self.tops = layer, layer.name or layer.type, tuple(tops)
        self._first = len(self.nodes)
        self._dynamic = any(size == DYNAMIC for top in tops for size in top)
        yield
        self._layer, self._scope, self.tops, self._dynamic = None, "", (), False

    def name_tops(self, names: Sequence[str], values: Sequence[Value]) -> None:
        """Rename the layer's results to its tops' (reserved) names, and its node to the layer's.

        A result that is not a new value (a bottom, a weight, one top twice) gets an Identity.
        """
        producers = {name: node for node in self.nodes[self._first :] for name in node.output}
        renamed: dict[str, str] = {}
        for top, value in zip(names, values, strict=True):
            if value.name not in producers or value.name in renamed:
                known = self.known(value)
                value = self.op("Identity", value)[0]
                producers[value.name] = self.nodes[-1]
                if known is not None:
                    self._known[top] = known
            renamed[value.name] = top
        for old, new in renamed.items():
            value = self.values.pop(old)
            shape = tuple(self._outer_symbol(size, new, i) for i, size in enumerate(value.shape))
            self._value(new, helper.make_tensor_type_proto(value.dtype, shape))
            del self._types[old]
        for node in self.nodes[self._first :]:
            _rename(node.input, renamed)
            _rename(node.output, renamed)
        first = producers[next(iter(renamed))] if renamed else None
        for node in self.nodes[self._first :]:
            node.name = self._node_names.new(self._scope if node is first else node.name)

    # --- internals ------------------------------------------------------------------------

    def _outer_symbol(self, size: int | str, top: str, axis: int) -> int | str:
        """A dynamic size that was named within the layer is renamed after the top."""
        inner = isinstance(size, str) and size.startswith(f"{self._scope}/")
        return f"{top}.{axis}" if inner else size

    def _schema(self, op: str) -> defs.OpSchema:
        try:
            return defs.get_schema(op, self.opset, "")
        except defs.SchemaError:
            history = defs.get_all_schemas_with_history()
            newer = [s.since_version for s in history if (s.domain, s.name) == ("", op)]
            raise GraphError(
                f"opset {self.opset} has no {op}",
                where=self._layer,
                hint=f"choose a newer one: --opset {min(newer)}" if newer else None,
            ) from None

    def _operand(self, operand: Operand, role: str) -> str:
        if operand is None:
            return ""
        if not isinstance(operand, Value):
            operand = self.constant(operand, role.lower())
        return operand.name

    def _infer(self, schema: defs.OpSchema, node: onnx.NodeProto) -> Mapping[str, onnx.TypeProto]:
        try:
            return shape_inference.infer_node_outputs(
                schema,
                node,
                {name: self._types[name] for name in node.input if name},
                {name: self._tensor(name) for name in node.input if self._steers_shapes(name)},
                opset_imports=[helper.make_opsetid("", self.opset)],
                ir_version=ir_version(self.opset),
            )
        except Exception as error:  # onnx raises bare RuntimeErrors and its own InferenceError
            raise GraphError(
                f"ONNX refuses the {node.op_type} node: {error}",
                where=self._layer,
                received=[_text(self.values[name].shape) for name in node.input if name],
            ) from error

    def _steers_shapes(self, name: str) -> bool:
        """Whether shape inference may read the value: constants such as shapes and axes."""
        array = self._known.get(name)
        return array is not None and (array.dtype == np.int64 or array.size == 1)

    def _tensor(self, name: str) -> onnx.TensorProto:
        return numpy_helper.from_array(self._known[name], name)

    def _value(self, name: str, proto: onnx.TypeProto) -> Value:
        if not proto.tensor_type.HasField("shape"):
            raise GraphError(f"the rank of {name!r} is unknown", where=self._layer)
        for axis, dim in enumerate(proto.tensor_type.shape.dim):
            if not dim.HasField("dim_value") and not dim.dim_param:
                if not self._dynamic:
                    raise GraphError(f"axis {axis} of {name!r} has no size", where=self._layer)
                dim.dim_param = f"{name}.{axis}"
        dims = proto.tensor_type.shape.dim
        shape = tuple(dim.dim_param or int(dim.dim_value) for dim in dims)
        self._types[name] = proto
        self.values[name] = Value(name, proto.tensor_type.elem_type, shape)
        return self.values[name]

    def _initializer(self, weight: Weight, role: str) -> Value:
        name = self._names.new(f"{self._scope}.{role}")
        self.weights[name] = weight
        dtype = helper.np_dtype_to_tensor_dtype(weight.dtype)
        return self._value(name, helper.make_tensor_type_proto(dtype, weight.shape))


class _Names:
    """Generates unique names: a name that is taken gets the next number appended."""

    def __init__(self, reserved: Sequence[str] = ()) -> None:
        self._taken = set(reserved)
        self._numbers: dict[str, int] = {}

    def new(self, name: str) -> str:
        candidate = name
        while candidate in self._taken:
            self._numbers[name] = self._numbers.get(name, 1) + 1
            candidate = f"{name}_{self._numbers[name]}"
        self._taken.add(candidate)
        return candidate


def ir_version(opset: int) -> int:
    """The oldest ONNX file format that has the opset, so that old runtimes accept the file."""
    return int(helper.find_min_ir_version_for([helper.make_opsetid("", opset)]))


def _rename(names: Any, renamed: Mapping[str, str]) -> None:
    for index, name in enumerate(names):
        names[index] = renamed.get(name, name)


def _text(shape: Sequence[int | str]) -> str:
    return " ".join(map(str, shape)) or "a scalar"
