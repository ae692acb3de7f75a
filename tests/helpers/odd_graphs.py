"""ONNX graphs that break a rule each, with what the refusal says; and mutations of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np
import onnx
import onnx.parser
from numpy.typing import NDArray
from onnx import (
    FunctionProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    helper,
    numpy_helper,
)

Array = NDArray[Any]

node = helper.make_node


def tensor(name: str, shape: Sequence[int], dtype: int = TensorProto.FLOAT) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


X, Y = tensor("x", [2, 3]), tensor("y", [2, 3])
IMAGE, IMAGE_OUT = tensor("x", [1, 3, 4, 4]), tensor("y", [1, 3, 2, 2])


def graph(
    *nodes: NodeProto,
    x: ValueInfoProto = X,
    y: ValueInfoProto = Y,
    weights: Sequence[TensorProto] = (),
    functions: Sequence[FunctionProto] = (),
    **constants: Any,
) -> ModelProto:
    arrays = (numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items())
    proto = helper.make_graph(nodes, "g", [x], [y], [*weights, *arrays])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=8, functions=functions)


def _external(**entries: str) -> ModelProto:
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2, 3])
    weight.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        weight.external_data.add(key=key, value=value)
    return graph(node("Add", ["x", "w"], ["y"]), weights=[weight])


def _stored(**fields: Any) -> ModelProto:
    weight = TensorProto(name="w", **fields)
    return graph(node("Add", ["x", "w"], ["y"]), weights=[weight])


def _function(name: str, calls: str) -> FunctionProto:
    opsets = [helper.make_opsetid("own", 1)]
    body = [node(calls, ["a"], ["b"], domain="own")]
    return helper.make_function("own", name, ["a"], ["b"], body, opsets)


def _pooled(y: Sequence[int] = (1, 3, 3, 3), **attributes: Any) -> ModelProto:
    return graph(node("MaxPool", ["x"], ["y"], **attributes), x=IMAGE, y=tensor("y", y))


def _unary(operator: str, y: ValueInfoProto = Y, **attributes: Any) -> ModelProto:
    return graph(node(operator, ["x"], ["y"], **attributes), y=y)


def _binary(operator: str, constant: Any, y: Sequence[int] = (2, 3), **more: Any) -> ModelProto:
    return graph(node(operator, ["x", "c"], ["y"], **more), y=tensor("y", y), c=constant)


def _float(*shape: int) -> Array:
    return np.ones(shape, np.float32)


_LSTM = {"w": _float(1, 8, 4), "r": _float(1, 8, 2)}

# For each a graph, and what its refusal says of the cause.
BROKEN: Mapping[str, tuple[ModelProto, str]] = {
    "attribute missing": (graph(node("Concat", ["x", "x"], ["y"])), "'axis' is missing"),
    "attribute unknown": (_unary("Relu", sharpness=3), "Unrecognized attribute: sharpness"),
    "attribute of another kind": (_unary("Softmax", axis="a"), "Expected: 'INT', actual: 'STRING'"),
    "axis too large": (_unary("Softmax", axis=7), "'axis' must be in [-2 , 1]"),
    "input missing": (graph(node("Add", ["x"], ["y"])), "input size 1 not in range"),
    "input left out": (graph(node("Add", ["", "x"], ["y"])), "input 0 is marked single"),
    "inputs too many": (graph(node("Relu", ["x", "x"], ["y"])), "input size 2 not in range"),
    "value of nobody": (graph(node("Relu", ["nope"], ["y"])), "'nope', which nothing computes"),
    "cycle": (
        graph(node("Add", ["x", "b"], ["a"]), node("Abs", ["a"], ["b"]), node("Abs", ["b"], ["y"])),
        "reads 'b' before it is computed",
    ),
    "empty": (graph(), "no node computes the output 'y'"),
    "written twice": (
        graph(node("Relu", ["x"], ["y"]), node("Abs", ["x"], ["y"])),
        "two values are called 'y'",
    ),
    "dtype of an input": (graph(node("Relu", ["x"], ["y"]), x=tensor("x", [2], 99)), "99 is not a"),
    "dtype of a weight": (_stored(data_type=99, dims=[2]), "it has none of ONNX's dtypes"),
    "dtype cast to": (_unary("Cast", to=99), "does not specify a valid type"),
    "weight without data": (_stored(data_type=1, dims=[2, 3]), "received: 0 numbers"),
    "weight cut off": (_stored(data_type=1, dims=[2, 3], raw_data=b"abc"), "received: 3 bytes"),
    "weight of a negative size": (_stored(data_type=1, dims=[-2]), "it has a negative size"),
    "offset negative": (_external(location="d", offset="-4"), "'offset': '-4'"),
    "length negative": (_external(location="d", length="-24"), "'length': '-24'"),
    "offset a word": (_external(location="d", offset="end"), "'offset': 'end'"),
    "length too short": (_external(location="d", length="4"), "less data than its shape says"),
    "data nowhere": (_external(offset="0"), "its data are in no file"),
    "data outside": (_external(location="../../etc/passwd"), "are not beside the ONNX file"),
    "data anywhere": (_external(location="/etc/passwd"), "are not beside the ONNX file"),
    "data missing": (_external(location="there"), "no such file"),
    "function of itself": (
        graph(node("f", ["x"], ["y"], domain="own"), functions=[_function("f", "f")]),
        "own::f -> own::f",
    ),
    "functions of each other": (
        graph(
            node("f", ["x"], ["y"], domain="own"),
            functions=[_function("f", "g"), _function("g", "f")],
        ),
        "own::f -> own::g -> own::f",
    ),
    "65 axes": (
        graph(node("Relu", ["x"], ["y"]), x=tensor("x", [1] * 65), y=tensor("y", [1] * 65)),
        "more axes than NumPy's arrays may have",
    ),
    "input of no elements": (
        graph(
            node("GlobalMaxPool", ["x"], ["y"]),
            x=tensor("x", [0, 3, 8, 8]),
            y=tensor("y", [0, 3, 1, 1]),
        ),
        "'x' has no elements",
    ),
    "value of no elements": (_binary("Tile", [0, 2], y=(0, 6)), "'y' has no elements"),
    "rank of a weight": (
        graph(node("Conv", ["x", "w"], ["y"]), x=IMAGE, y=IMAGE_OUT, w=_float(3, 3, 3)),
        "the input's axes are not those of the weight",
    ),
    "permutation": (_unary("Transpose", perm=[0, 0]), "perm for Transpose has repeated value"),
    "window of nothing": (_pooled(kernel_shape=[0, 0]), "kernel_shape must only contain positive"),
    "window too large": (_pooled(kernel_shape=[9, 9]), "MaxPool"),
    "stride of 0": (_pooled(kernel_shape=[2, 2], strides=[0, 0]), "strides must only contain"),
    "pads too few": (_pooled(kernel_shape=[2, 2], pads=[1]), "pads has incorrect size"),
    "pads of odd count": (_binary("Pad", [1, 1, 1]), "Pads has incorrect number of values"),
    "another shape": (_unary("Relu", tensor("y", [7, 9])), "received: float, shape 7 9"),
    "another rank": (_unary("Relu", tensor("y", [6])), "received: float, shape 6"),
    "another dtype": (_unary("Relu", tensor("y", [2, 3], 7)), "received: int64, shape 2 3"),
    "unequal lists": (
        graph(node("Slice", ["x", "s", "e"], ["y"]), s=[0], e=[1, 2]),
        "Incorrect or missing input value for starts and ends",
    ),
    "factors that do not fit": (graph(node("MatMul", ["x", "x"], ["y"])), "Incompatible dimens"),
    "bounds as a vector": (_binary("Clip", _float(2)), "'c' is not a single number"),
    "unknown direction": (
        graph(
            node("LSTM", ["x", "w", "r"], ["y"], hidden_size=2, direction="sideways"),
            x=tensor("x", [1, 3, 4]),
            y=tensor("y", [1, 1, 3, 2]),
            **_LSTM,
        ),
        "unknown direction",
    ),
    "unknown coordinates": (
        graph(
            node("Resize", ["x", "", "s"], ["y"], coordinate_transformation_mode="nope"),
            x=IMAGE,
            y=tensor("y", [1, 3, 8, 8]),
            s=np.array([1, 1, 2, 2], np.float32),
        ),
        "unknown coordinate_transformation_mode",
    ),
    "a constant that would fill the memory": (
        graph(node("Expand", ["w", "s"], ["c"]), node("ReduceMax", ["c"], ["m"], keepdims=0),
              node("Add", ["x", "m"], ["y"]), w=_float(1), s=[10**6, 10**6]),
        "would take too much memory",
    ),
}  # fmt: skip

# --- mutations ------------------------------------------------------------------------------------

_WHOLE = """
    conv (float[n,3,8,8] x) => (float[n,5] y) <
        float[4,3,3,3] w, float[4] b, float[4,1,1] slope, float[5,16] k, float[5] c
    > {
        a = Conv<pads=[1,1,1,1], strides=[2,2]>(x, w, b)
        r = PRelu(a, slope)
        p = MaxPool<kernel_shape=[2,2], strides=[2,2]>(r)
        f = Flatten<axis=1>(p)
        g = Gemm<transB=1>(f, k, c)
        y = Softmax<axis=1>(g)
    }""", """
    shuffle (float[2,4,6] x) => (float[2,6,4] y, float[2,2,6] z) <
        int64[3] s = {2, 6, 4}, int64[2] parts = {2, 2}, float[6] g, float[6] h
    > {
        n = LayerNormalization<axis=-1>(x, g, h)
        t = Transpose<perm=[0,2,1]>(n)
        m = ReduceMean<axes=[2], keepdims=1>(t)
        d = Sub(t, m)
        y = Reshape(d, s)
        z, q = Split<axis=1>(x, parts)
    }""", """
    sequence (float[5,2,3] x) => (float[5,2,4] y) <
        float[1,16,3] w, float[1,16,4] r, int64[1] one = {1}, int64[4] reps = {1,1,1,1}
    > {
        h = LSTM<hidden_size=4>(x, w, r)
        t = Tile(h, reps)
        s = Squeeze(t, one)
        l = LeakyRelu<alpha=0.2>(s)
        y = Clip(l)
    }"""  # fmt: skip


def bases() -> Sequence[ModelProto]:
    """Small graphs of many kinds of nodes, with seeded weights."""
    models = [
        onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {text}')
        for text in _WHOLE
    ]
    for model in models:
        generator = np.random.default_rng(0)
        names = {tensor.name for tensor in model.graph.initializer}
        for info in [*model.graph.value_info]:
            if info.name in names:
                continue
            shape = [dim.dim_value for dim in info.type.tensor_type.shape.dim]
            array = generator.uniform(-1, 1, shape).astype(np.float32)
            model.graph.initializer.append(numpy_helper.from_array(array, info.name))
        del model.graph.value_info[:]
    return models


def mutated(seed: int) -> ModelProto:
    """A graph with one fault, which may do no harm."""
    random = Random(seed)
    model = ModelProto()
    model.CopyFrom(random.choice(bases()))
    random.choice(_MUTATIONS)(model, random)
    return model


def _any_node(model: ModelProto, random: Random) -> NodeProto:
    return random.choice(model.graph.node)


def _drop_attribute(model: ModelProto, random: Random) -> None:
    nodes = [node for node in model.graph.node if node.attribute]
    del random.choice(nodes).attribute[:1]


def _change_attribute(model: ModelProto, random: Random) -> None:
    nodes = [node for node in model.graph.node if node.attribute]
    attribute = random.choice(random.choice(nodes).attribute)
    value = random.choice([0, -1, 2, 10**6, [0], [3, 3, 3], 0.5, -2.0, "SAME_UPPER", []])
    if value == []:
        attribute.ints[:] = []
    else:
        attribute.CopyFrom(helper.make_attribute(attribute.name, value))


def _drop_input(model: ModelProto, random: Random) -> None:
    chosen = _any_node(model, random)
    del chosen.input[random.randrange(len(chosen.input))]


def _leave_out_input(model: ModelProto, random: Random) -> None:
    chosen = _any_node(model, random)
    chosen.input[random.randrange(len(chosen.input))] = ""


def _mix_inputs(model: ModelProto, random: Random) -> None:
    names = [name for node in model.graph.node for name in (*node.input, *node.output)]
    chosen = _any_node(model, random)
    chosen.input[random.randrange(len(chosen.input))] = random.choice(names)


def _drop_node(model: ModelProto, random: Random) -> None:
    del model.graph.node[random.randrange(len(model.graph.node))]


def _swap_nodes(model: ModelProto, random: Random) -> None:
    nodes = [*model.graph.node]
    random.shuffle(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _other_operator(model: ModelProto, random: Random) -> None:
    chosen = _any_node(model, random)
    chosen.op_type = random.choice("Relu Add Concat Gather Loop Nothing Conv Shape TopK".split())


def _other_shape(model: ModelProto, random: Random) -> None:
    infos = (*model.graph.input, *model.graph.output)
    dim = random.choice(random.choice(infos).type.tensor_type.shape.dim)
    dim.dim_value = random.choice([0, -1, 1, 3, 7, 2**40])


def _other_rank(model: ModelProto, random: Random) -> None:
    infos = (*model.graph.input, *model.graph.output)
    shape = random.choice(infos).type.tensor_type.shape
    del shape.dim[random.randrange(len(shape.dim))]


def _other_dtype(model: ModelProto, random: Random) -> None:
    infos = (*model.graph.input, *model.graph.output)
    random.choice(infos).type.tensor_type.elem_type = random.choice([0, 2, 6, 7, 8, 9, 10, 16, 99])


def _other_weight(model: ModelProto, random: Random) -> None:
    weight = random.choice(model.graph.initializer)
    shape = [*weight.dims]
    random.choice(
        [
            lambda: weight.ClearField("raw_data"),
            lambda: weight.dims.append(random.choice([0, 1, 2, -1])),
            lambda: weight.dims.__setitem__(0, shape[0] + 1),
            lambda: setattr(weight, "data_type", random.choice([0, 6, 10, 99])),
            lambda: weight.CopyFrom(numpy_helper.from_array(_float(1, *shape), weight.name)),
            lambda: weight.CopyFrom(numpy_helper.from_array(_float(0), weight.name)),
        ]
    )()


def _other_opset(model: ModelProto, random: Random) -> None:
    model.opset_import[0].version = random.choice([1, 6, 10, 11, 13, 18, 21, 99])


def _drop_weight(model: ModelProto, random: Random) -> None:
    del model.graph.initializer[random.randrange(len(model.graph.initializer))]


_MUTATIONS = (
    _drop_attribute, _change_attribute, _change_attribute, _drop_input, _leave_out_input,
    _mix_inputs, _drop_node, _swap_nodes, _other_operator, _other_shape, _other_rank, _other_dtype,
    _other_weight, _other_weight, _other_opset, _drop_weight,
)  # fmt: skip


def node_models() -> Iterator[tuple[str, ModelProto]]:
    """ONNX's own tests of its operators."""
    from onnx.backend.test.case.node import collect_testcases

    for case in collect_testcases(None):
        if case.model is not None:
            yield case.name, case.model
