"""What each node costs: in the passes and the layout pass, and in a whole conversion."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from _bench.measure import FOLDER, ROOT, Command, apart, bridge, measured, output_of, python
from _bench.nets import application
from _bench.others import NO_EARLIER, earlier_build
from _bench.table import Row
from _bench.to_keras import IDLE, OUTPUT

ROUNDS = 2
FEW, MANY = 500, 10_000


def rows() -> Iterator[Row]:
    chain = FOLDER / "mixed-2000.onnx"
    apart(write_mixed, 2000, chain)
    nets = {"chain of 2,000": chain, "NASNetMobile": application("NASNetMobile").onnx}
    with earlier_build() as earlier:
        for name, net in nets.items():
            what = f"passes and layout pass, {name}: CPU a node by the earlier build"
            if earlier is None:
                yield Row(what, None, "x", reason=NO_EARLIER)
                continue
            turns = [(_a_node(net, ROOT), _a_node(net, earlier)) for _ in range(ROUNDS)]
            ours, others = (median(times) for times in zip(*turns, strict=True))
            yield Row(what, ours / others, "x", 0.33)
    yield _growth()


def _a_node(net: Path, root: Path) -> float:
    script = Path(__file__).with_name("plan_net.py")
    return float(output_of(Command([sys.executable, str(script), str(net)], root)))


def _growth() -> Row:
    paths = {count: FOLDER / f"chain-{count}.onnx" for count in (FEW, MANY)}
    for count, path in paths.items():
        apart(write_chain, count, path)
    commands = {
        str(count): bridge("onnx-to-keras", path, "-o", OUTPUT, "--no-check")
        for count, path in paths.items()
    }
    idle, few, many = measured({"idle": python(IDLE), **commands}, 1).values()
    a_layer = (many.seconds - idle.seconds) / MANY, (few.seconds - idle.seconds) / FEW
    what = f"onnx-to-keras --no-check: CPU a layer of {MANY:,}, by that of {FEW}"
    return Row(what, a_layer[0] / a_layer[1], "x", 1.3)


def write_chain(length: int, path: Path) -> None:
    """Convolutions and activations, one after the other, each with weights of its own."""
    import numpy as np
    import onnx

    kernel = np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1)
    nodes, weights, last = [], {}, "x"
    for at in range(length):
        name = f"v{at}"
        inputs = [last] if at % 2 else [last, f"k{at}"]
        nodes.append(onnx.helper.make_node("Relu" if at % 2 else "Conv", inputs, [name], name))
        weights |= {} if at % 2 else {f"k{at}": kernel}
        last = name
    _save(nodes, weights, path)


def write_mixed(length: int, path: Path) -> None:
    """Convolutions, activations and sums; every eighth node has to be transposed."""
    import numpy as np
    import onnx

    make = onnx.helper.make_node
    nodes, last = [], "x"
    for at in range(0, length, 8):
        a, b, c, d, e, f, g, h = (f"v{at + i}" for i in range(8))
        nodes += [
            make("Conv", [last, "k"], [a], a),
            make("Relu", [a], [b], b),
            make("Add", [a, b], [c], c),
            make("Flatten", [c], [d], d),
            make("CumSum", [d, "axis"], [e], e),
            make("Reshape", [e, "shape"], [f], f),
            make("Sigmoid", [f], [g], g),
            make("Add", [g, c], [h], h),
        ]
        last = h
    weights = {
        "k": np.zeros((4, 4, 1, 1), np.float32),
        "axis": np.array(1, np.int64),
        "shape": np.array([0, 4, 4, 4], np.int64),
    }
    _save(nodes, weights, path)


def _save(nodes: list[Any], weights: Mapping[str, Any], path: Path) -> None:
    import onnx

    names = "x", nodes[-1].output[0]
    ends = [[onnx.helper.make_tensor_value_info(name, 1, [1, 4, 4, 4])] for name in names]
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = onnx.helper.make_graph(nodes, "chain", *ends, tensors)
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, ir_version=8, opset_imports=opsets), path)
