"""An ONNX file, run in parts, so that its values can be compared and dropped."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge import files
from bridge.check.backends.backend import InputSpec, Origin
from bridge.check.backends.runtimes import Run, Runtime
from bridge.errors import UsageError
from bridge.files.memory import refuse_large
from bridge.graph.io import not_onnx
from bridge.graph.io.mapped import NUMBERS_OF_BYTES, load_unread
from bridge.graph.io.soundness import refuse_unsound
from bridge.types import Array

if TYPE_CHECKING:
    import onnx

# The results of one part: enough that starting sessions costs little, few enough that memory does
# not grow with the net. Sizes are unknown before a part has run, so the first part is small, and no
# part has more than twice the values of the one before it.
BYTES_AT_A_TIME = 32 << 20
FIRST_VALUES = 2


class OnnxBackend:
    """An ONNX file in one of the runtimes.

    The outputs of the graph are computed by the whole graph, fused and optimised as when it is
    deployed; every other value by parts of it, one after the other. The inputs of a part are the
    results of earlier ones, so no node runs twice for that.

    Raises UsageError if the file cannot be read, GraphError if it is not ONNX.
    """

    def __init__(self, path: Path, runtime: Runtime, title: str = "") -> None:
        self._proto, self._folder, self._runtime = loaded(path), path.parent, runtime
        self.title = f"{title or path.name} in {runtime}"
        self._ready: dict[Hashable, Run] = {}
        graph = self._proto.graph
        self._nodes = [node for node in graph.node if node.op_type != "Constant"]
        # A part takes its constants along, so that shapes stay constants to the runtime.
        self._constants = constants_of(graph)

    @cached_property
    def inputs(self) -> dict[str, InputSpec]:
        infos = (info for info in self._proto.graph.input if info.name not in self._constants)
        return {info.name: _input_spec(info) for info in infos}

    @cached_property
    def dtypes(self) -> frozenset[str]:
        return dtypes_of(self._proto)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        return tuple(output.name for output in self._proto.graph.output)

    @cached_property
    def values(self) -> tuple[str, ...]:
        return tuple(self.origins)

    @cached_property
    def origins(self) -> dict[str, Origin]:
        return origins_of(self._proto.graph)

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        outputs = [name for name in self.outputs if name in wanted]
        if outputs:
            yield from zip(outputs, self._whole(feeds, outputs)(feeds), strict=False)
        yield from self._run_in_parts(feeds, set(wanted) - set(outputs))

    def _whole(self, feeds: Mapping[str, Array], outputs: Sequence[str]) -> Run:
        """The whole graph, loaded once for inputs of these shapes."""
        key = (tuple(outputs), tuple((name, array.shape) for name, array in feeds.items()))
        if key not in self._ready:
            model = self._model(self._nodes, feeds, outputs)
            _refuse_large_values(model)
            self._ready[key] = self._runtime.ready(model, self._folder)
        return self._ready[key]

    def _run_in_parts(
        self, feeds: Mapping[str, Array], wanted: set[str]
    ) -> Iterator[tuple[str, Array]]:
        alive = dict(feeds)
        last_use = {name: i for i, node in enumerate(self._nodes) for name in _reads(node)}
        stop, most = 0, None if self._runtime.inner_values else 1
        values = most or FIRST_VALUES
        while part := self._next_part(wanted, stop, values):
            nodes, stop = part, stop + len(part)
            inputs = {n: alive[n] for node in nodes for n in self._tensors(node) if n in alive}
            computed = [name for node in nodes for name in node.output]
            outputs = [n for n in computed if n in wanted or last_use.get(n, -1) >= stop]
            results = self._part(nodes, inputs, outputs)
            alive = {n: a for n, a in {**alive, **results}.items() if last_use.get(n, -1) >= stop}
            asked = deque((name, array) for name, array in results.items() if name in wanted)
            values = most or _values_of_next(len(asked), sum(array.nbytes for _, array in asked))
            del inputs, results
            while asked:
                yield asked.popleft()

    def _part(
        self, nodes: Sequence[onnx.NodeProto], inputs: Mapping[str, Array], outputs: Sequence[str]
    ) -> dict[str, Array]:
        """These outputs of some nodes. No runtime is asked for a copy, for pnnx ends where one
        output is a copy of another; as an output of the graph it is computed all the same."""
        copied = {
            name: source
            for node in nodes
            if node.op_type == "Identity" and not node.domain
            for name, source in zip(node.output, self._tensors(node), strict=False)
        }
        sources = {name: _source(name, copied) for name in outputs}
        computed = list(dict.fromkeys(s for s in sources.values() if s not in inputs))
        results = dict(inputs)
        if computed:
            run = self._runtime.ready(self._model(nodes, inputs, computed), self._folder)
            results.update(zip(computed, run(inputs), strict=False))
        return {name: results[source] for name, source in sources.items()}

    def _next_part(self, wanted: set[str], start: int, values: int) -> list[onnx.NodeProto]:
        """The nodes from `start` on that compute so many wanted values, or all the rest; none if no
        value is left."""
        count = 0
        for stop, node in enumerate(self._nodes[start:], start + 1):
            count += len(wanted.intersection(node.output))
            if count >= values:
                return self._nodes[start:stop]
        return self._nodes[start:] if count else []

    def _model(
        self, nodes: Sequence[onnx.NodeProto], inputs: Mapping[str, Array], outputs: Sequence[str]
    ) -> onnx.ModelProto:
        """A model of some nodes, for inputs of these shapes, with at least these outputs."""
        import onnx

        names = dict.fromkeys([*outputs, *self._rounded(nodes)])
        reads = chain.from_iterable(map(_reads, nodes))
        constants: list[Any] = [
            self._constants[name] for name in dict.fromkeys(reads) if name in self._constants
        ]
        graph = onnx.GraphProto(
            name=self._proto.graph.name or "part",
            node=[*(c for c in constants if isinstance(c, onnx.NodeProto)), *nodes],
            initializer=[c for c in constants if isinstance(c, onnx.TensorProto)],
            input=[_value_info(name, array) for name, array in inputs.items()],
            output=[self._infos.get(name) or onnx.ValueInfoProto(name=name) for name in names],
            value_info=[self._infos[n] for node in nodes for n in node.output if n in self._infos],
        )
        return onnx.ModelProto(
            ir_version=self._proto.ir_version,
            opset_import=self._proto.opset_import,
            functions=self._proto.functions,
            graph=graph,
        )

    def _rounded(self, nodes: Sequence[onnx.NodeProto]) -> Iterator[str]:
        """The half-precision results of nodes.

        A runtime without half precision on a CPU computes in single, and rounds only the outputs:
        a value that would be infinite on a device with half precision passes unseen.
        """
        import onnx

        if "float16" in self.dtypes:
            for name in chain.from_iterable(node.output for node in nodes):
                info = self._infos.get(name)
                if name and info and info.type.tensor_type.elem_type == onnx.TensorProto.FLOAT16:
                    yield name

    @cached_property
    def _infos(self) -> dict[str, onnx.ValueInfoProto]:
        graph = self._proto.graph
        return {info.name: info for info in (*graph.value_info, *graph.output)}

    def _tensors(self, node: onnx.NodeProto) -> tuple[str, ...]:
        """The inputs of a node, without the constants."""
        return tuple(name for name in _reads(node) if name not in self._constants)


def _source(name: str, copied: Mapping[str, str]) -> str:
    """The value of which one is a copy, or a copy of a copy; itself if it is none."""
    while name in copied:
        name = copied[name]
    return name


def constants_of(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto | onnx.NodeProto]:
    return {
        **{tensor.name: tensor for tensor in graph.initializer},
        **{node.output[0]: node for node in graph.node if node.op_type == "Constant"},
    }


def origins_of(graph: onnx.GraphProto) -> dict[str, Origin]:
    """The origin of each value that is not a constant, in the graph's order."""
    constants = constants_of(graph)
    return {
        name: Origin(
            node.name or name,
            node.op_type,
            tuple(read for read in _reads(node) if read not in constants),
        )
        for node in graph.node
        if node.op_type != "Constant"
        for name in node.output
        if name
    }


def dtypes_of(model: onnx.ModelProto) -> frozenset[str]:
    """The dtypes of all tensors for which the file has one, but of those that are only cast."""
    from onnx import TensorProto

    graph = model.graph
    infos = (*graph.input, *graph.value_info, *graph.output)
    computing = {
        name
        for node in graph.node
        if node.op_type not in ("Cast", "CastLike")
        for name in (*node.input, *node.output)
    }
    kinds = {info.type.tensor_type.elem_type for info in infos if info.name in computing}
    kinds |= {tensor.data_type for tensor in graph.initializer}
    return frozenset(TensorProto.DataType.Name(kind).lower() for kind in kinds)


def _values_of_next(values: int, size: int) -> int:
    """The number of values for the next part, when the last had so many of so many bytes."""
    return max(1, min(2 * values, values * BYTES_AT_A_TIME // max(size, 1)))


def loaded(path: Path) -> onnx.ModelProto:
    from google.protobuf.message import DecodeError

    files.readable(path, "ONNX graph")
    try:
        proto = load_unread(path)
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=path) from error
    except DecodeError as error:
        raise not_onnx(path, str(error)) from error
    if not proto.graph.node:
        raise not_onnx(path, "a message without nodes")
    refuse_unsound(proto, path)
    return proto


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    """The values that a node reads, including those within its loops and branches."""
    yield from filter(None, node.input)
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            own = {name for inner in graph.node for name in inner.output}
            own.update(info.name for info in graph.input)
            own.update(tensor.name for tensor in graph.initializer)
            yield from (n for inner in graph.node for n in _reads(inner) if n not in own)


def _input_spec(info: onnx.ValueInfoProto) -> InputSpec:
    from onnx import helper

    tensor = info.type.tensor_type
    dims = [max(dim.dim_value, 0) or dim.dim_param for dim in tensor.shape.dim]  # -1: some size
    shape = tuple(dim or f"{info.name}_{axis}" for axis, dim in enumerate(dims))
    return shape, str(np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type)))


def _refuse_large_values(model: onnx.ModelProto) -> None:
    """Refuses a model for inputs of fixed shapes of which a value would take too much memory: a
    runtime computes what follows from constants as soon as it loads it."""
    from onnx.shape_inference import InferenceError, infer_shapes

    try:
        graph = infer_shapes(model, data_prop=False).graph
    except (InferenceError, ValueError):
        return  # the runtime says what is wrong with it
    for info in (*graph.input, *graph.value_info, *graph.output):
        tensor = info.type.tensor_type
        sizes = [dim.dim_value for dim in tensor.shape.dim]
        if tensor.elem_type in NUMBERS_OF_BYTES and all(size > 0 for size in sizes):
            refuse_large(prod(sizes) * NUMBERS_OF_BYTES[tensor.elem_type], f"{info.name!r}")


def _value_info(name: str, array: Array) -> onnx.ValueInfoProto:
    from onnx import helper

    dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor_value_info(name, dtype, array.shape)
