"""One ONNX graph in onnxruntime and, raised, in Keras: what the raising tests are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import onnx
import onnx.parser
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper

from bridge import ir
from bridge.check.backends.runtimes import copied
from bridge.check.compare import compare
from bridge.check.runners import KerasRunner
from bridge.layout import Layout
from bridge.public.options import IoLayout
from bridge.raising import Plan, raise_model
from bridge.raising.search.layout_pass import candidates_of
from bridge.raising.table import Candidate

if TYPE_CHECKING:
    import keras

Array = NDArray[Any]
Ask = Callable[..., Sequence[Candidate]]

OPSET = 17


def graph(
    text: str, constants: Mapping[str, Array] | None = None, opset: int = OPSET
) -> onnx.ModelProto:
    """A checked model from ONNX's text format, `name (float[2,3] x) => (float[2,3] y) { ... }`."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["":{opset}]>\n{text}')
    for name, array in (constants or {}).items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    outputs = {output.name for output in model.graph.output}
    for index, node in enumerate(model.graph.node):
        # Named after an output it needs no Identity of that name.
        name = node.output[0] if node.output[0] in outputs else f"{node.op_type.lower()}/{index}"
        node.name = node.name or name
    return complete(model)


def complete(model: onnx.ModelProto) -> onnx.ModelProto:
    """With a shape for every value, and checked."""
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    onnx.checker.check_model(model)
    return model


def prepared(model: onnx.ModelProto) -> ir.Model:
    """As the layout pass expects it."""
    from bridge.graph.passes import run_passes

    return run_passes(ir.from_proto(model))


def plan_of(
    model: onnx.ModelProto,
    io_layout: IoLayout = "channels_last",
    layouts: Mapping[str, Layout] | None = None,
    ask: Ask = candidates_of,
) -> Plan:
    """The plan; inputs named in `layouts` are stored so, whatever the layout pass would choose, and
    `ask` asks the rules."""
    with ExitStack() as stack:
        if layouts is not None:
            stored = patch(
                "bridge.raising.search.layout_pass.input_layout",
                lambda value, _: layouts[value.name],
            )
            stack.enter_context(stored)
        if ask is not candidates_of:
            stack.enter_context(patch("bridge.raising.search.layout_pass.candidates_of", ask))
            stack.enter_context(patch("bridge.raising.driver.MAX_PASSES", 1))
        return raise_model(prepared(model), io_layout)


def in_onnxruntime(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> dict[str, Array]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in model.graph.output]
    return dict(zip(names, session.run(names, copied(feeds)), strict=True))


def seeded(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


@dataclass(frozen=True)
class Raised:
    """A plan, and the Keras model that was built from it."""

    plan: Plan
    model: keras.Model

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        return KerasRunner(self.model, self.plan).run(feeds)


def raise_and_compare(
    model: onnx.ModelProto,
    feeds: Mapping[str, Array],
    io_layout: IoLayout = "channels_last",
    layouts: Mapping[str, Layout] | None = None,
    ask: Ask = candidates_of,
) -> Raised:
    """Raises and builds a model, and holds each of its outputs to onnxruntime's."""
    from bridge.keras.build import build

    plan = plan_of(model, io_layout, layouts, ask)
    raised = Raised(plan, build(plan))
    assert_right(raised, model, feeds, str(layouts))
    return raised


def assert_right(
    raised: Raised, model: onnx.ModelProto, feeds: Mapping[str, Array], about: str = ""
) -> None:
    """Holds each output to onnxruntime's. A model that is raised once may be held at many sizes."""
    expected, received = in_onnxruntime(model, feeds), raised.run(feeds)
    for name, array in expected.items():
        row = compare(name, array, received[name])
        assert row.ok, f"{row}\n{raised.plan}\n{about}"
