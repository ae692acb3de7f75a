"""The law of raising: every rule of the table, for every layout of its inputs.

    out.undo(keras(in.apply(x), ...)) == onnxruntime(x, ...)

One node is drawn for a rule (`drawn_nodes`), for each input a layout in which it is stored and for
each output one that is wished (`drawn_layouts`), and of the steps that the rule then offers, one;
sizes are equal, distinct or 1, and those that may be free are or are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.errors import UnsupportedError
from bridge.raising.search.layout_pass import answers
from bridge.raising.table import TABLE, Candidate, Node, Rule
from tests.drawn import ROWS
from tests.helpers.keras_against_onnx import Ask, complete, raise_and_compare
from tests.helpers.layout_strategies import layouts
from tests.helpers.node_strategies import Drawn, Tensor

ENTRIES = [(operator, since) for operator in sorted(TABLE) for since, _ in TABLE.versions(operator)]
LOTS = {"batch", "lot"}  # one size, which the inputs of a graph may name differently
FREE = [set(), LOTS, LOTS | {"depth", "height", "width"}]


def test_every_rule_of_the_table_has_a_row() -> None:
    assert set(ENTRIES) == ROWS.keys()


def graph_of(drawn: Drawn, symbols: set[str]) -> onnx.ModelProto:
    """The node as a graph of its own, with inputs x0, x1, ... and outputs y, y1, ..."""
    names = ["" if each is None else f"x{i}" for i, each in enumerate(drawn.operands)]
    operands = dict(zip(names, drawn.operands, strict=True))
    inputs, constants = [], []
    for name, operand in operands.items():
        if isinstance(operand, Tensor):
            kind = onnx.helper.np_dtype_to_tensor_dtype(operand.values.dtype)
            shape = operand.shape(symbols)
            inputs.append(onnx.helper.make_tensor_value_info(name, kind, shape))
        elif operand is not None:
            constants.append(onnx.numpy_helper.from_array(np.asarray(operand), name))
    outputs = ["y", *(f"y{i}" for i in range(1, drawn.outputs))]
    outputs = ["" if i in drawn.absent else name for i, name in enumerate(outputs)]
    if len(drawn.operators) == 1:
        nodes = [onnx.helper.make_node(drawn.operators[0], names, outputs, **drawn.attributes)]
    else:
        links = [names[0], *(f"link{i}" for i in range(1, len(drawn.operators))), "y"]
        nodes = [
            onnx.helper.make_node(operator, [links[i], names[i + 1]], [links[i + 1]])
            for i, operator in enumerate(drawn.operators)
        ]
    results = [onnx.ValueInfoProto(name=name) for name in outputs if name]
    graph = onnx.helper.make_graph(nodes, "law", inputs, results, constants)
    opsets = [onnx.helper.make_opsetid("", drawn.opset)]
    model = onnx.helper.make_model(graph, ir_version=8, opset_imports=opsets)
    return complete(model)


def hold(drawn: Drawn, symbols: set[str], data: st.DataObject) -> None:
    model = graph_of(drawn, symbols)
    feeds, stored, free = {}, {}, set()
    for index, operand in enumerate(drawn.operands):
        if isinstance(operand, Tensor):
            shape = operand.shape(symbols)
            feeds[f"x{index}"] = operand.values
            stored[f"x{index}"] = data.draw(layouts(shape), label=f"x{index}")
            free |= {size for size in shape if isinstance(size, str)}
    try:
        raise_and_compare(model, feeds, layouts=stored, asked=any_step(data))
    except UnsupportedError as refusal:
        if not free - LOTS or "unknown size" not in str(refusal):
            raise


def any_step(data: st.DataObject) -> Ask:
    """Asks a rule with wishes, and takes any of its steps, which all must be right."""

    def asked(rule: Rule, node: Node, *given: Any) -> Sequence[Candidate]:
        preferred_layouts = tuple(
            data.draw(st.none() | layouts(shape), label="wish") for shape in node.shapes
        )
        steps = answers(rule, replace(node, preferred_layouts=preferred_layouts), *given)
        return [data.draw(st.sampled_from(steps), label="step")]

    return asked


@pytest.fixture(autouse=True)
def _clean_keras() -> Any:
    yield
    keras.backend.clear_session(free_memory=False)


def law(examples: int) -> Any:
    @pytest.mark.parametrize(("operator", "since"), ENTRIES)
    @settings(
        max_examples=examples,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.function_scoped_fixture,
        ],
    )
    @given(data=st.data())
    def test(operator: str, since: int, data: st.DataObject) -> None:
        drawn = data.draw(ROWS[operator, since], label="node")
        symbols = data.draw(st.sampled_from(FREE), label="free sizes")
        hold(drawn, symbols, data)

    return test


test_every_rule_keeps_the_law = law(examples=40)
test_every_rule_keeps_the_law_at_length = pytest.mark.nightly(law(examples=1000))
