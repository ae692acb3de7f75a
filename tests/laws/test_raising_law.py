"""The law of raising: every rule of the table, for every layout of its inputs.

    out.undo(keras(in.apply(x), ...)) == onnxruntime(x, ...)

A node is drawn for the rule (the strategy is in the test module of the rule's module), for each
input a layout in which it is stored, for each output a preferred layout or none, and one of the
candidates that the rule then offers. Sizes are equal, distinct or 1; some are free.
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
from bridge.raising.search.layout_pass import candidates_of
from bridge.raising.table import TABLE, Candidate, Node, Rule
from tests.helpers.archives import loaded_from_archive
from tests.helpers.keras_against_onnx import Ask, Raised, complete, raise_and_compare
from tests.helpers.strategies.layouts import layouts
from tests.helpers.strategies.nodes import NodeExample, Tensor
from tests.helpers.strategies.rules import MODULES, STRATEGIES, mirror_of

ENTRIES = [(operator, since) for operator in sorted(TABLE) for since, _ in TABLE.versions(operator)]
BATCHES = {"batch", "samples"}  # one size, which the inputs of a graph may name differently
FREE = [set(), BATCHES, BATCHES | {"depth", "height", "width"}]


def test_every_rule_has_a_strategy() -> None:
    missing = [
        f"{operator}-{since}: write one with @nodes_of in {mirror_of(entry.rule.__module__)}"
        for operator in TABLE
        for since, entry in TABLE.versions(operator)
        if (operator, since) not in STRATEGIES
    ]
    assert not missing, "no strategy draws nodes for these rules"
    assert set(ENTRIES) == STRATEGIES.keys()


def test_the_strategy_of_a_rule_is_in_the_test_module_of_its_module() -> None:
    for operator, since in ENTRIES:
        rule = next(entry.rule for start, entry in TABLE.versions(operator) if start == since)
        assert MODULES[operator, since] == mirror_of(rule.__module__)


def graph_of(example: NodeExample, symbols: set[str]) -> onnx.ModelProto:
    """The node as a graph of its own, with inputs x0, x1, ... and outputs y, y1, ..."""
    operands = enumerate(example.operands)
    names = ["" if operand is None else f"x{i}" for i, operand in operands]
    inputs, constants = [], []
    for name, operand in zip(names, example.operands, strict=True):
        if isinstance(operand, Tensor):
            kind = onnx.helper.np_dtype_to_tensor_dtype(operand.values.dtype)
            shape = operand.shape(symbols)
            inputs.append(onnx.helper.make_tensor_value_info(name, kind, shape))
        elif operand is not None:
            constants.append(onnx.numpy_helper.from_array(np.asarray(operand), name))
    outputs = ["y", *(f"y{i}" for i in range(1, example.outputs))]
    outputs = ["" if i in example.absent else name for i, name in enumerate(outputs)]
    if len(example.operators) == 1:
        nodes = [onnx.helper.make_node(example.operators[0], names, outputs, **example.attributes)]
    else:
        links = [names[0], *(f"link{i}" for i in range(1, len(example.operators))), "y"]
        nodes = [
            onnx.helper.make_node(operator, [links[i], names[i + 1]], [links[i + 1]])
            for i, operator in enumerate(example.operators)
        ]
    results = [onnx.ValueInfoProto(name=name) for name in outputs if name]
    if example.shape is not None:
        results[0] = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, example.shape)
    graph = onnx.helper.make_graph(nodes, "law", inputs, results, constants)
    opsets = [onnx.helper.make_opsetid("", example.opset)]
    model = onnx.helper.make_model(graph, ir_version=8, opset_imports=opsets)
    return complete(model)


def hold(example: NodeExample, symbols: set[str], data: st.DataObject) -> Raised | None:
    """The model that is right, or None where sizes are unknown that the node needs."""
    model = graph_of(example, symbols)
    feeds, stored, free = {}, {}, set()
    for index, operand in enumerate(example.operands):
        if isinstance(operand, Tensor):
            shape = operand.shape(symbols)
            feeds[f"x{index}"] = operand.values
            stored[f"x{index}"] = data.draw(layouts(shape), label=f"x{index}")
            free |= {size for size in shape if isinstance(size, str)}
    try:
        return raise_and_compare(model, feeds, layouts=stored, ask=any_candidate(data))
    except UnsupportedError as refusal:
        if not free - BATCHES or "unknown size" not in str(refusal):
            raise
        return None


def hold_archived(raised: Raised) -> None:
    """Its archive loads as the same model, but for constants that no archive can hold."""
    try:
        loaded_from_archive(raised.plan, raised.model)
    except UnsupportedError as refusal:
        if "without elements" not in str(refusal):
            raise


def any_candidate(data: st.DataObject) -> Ask:
    """Asks a rule with preferred layouts, and takes any of its candidates: all must be right."""

    def ask(rule: Rule, node: Node, *operands: Any) -> Sequence[Candidate]:
        preferred_layouts = tuple(
            data.draw(st.none() | layouts(shape), label="preferred") for shape in node.shapes
        )
        node = replace(node, preferred_layouts=preferred_layouts)
        candidates = candidates_of(rule, node, *operands)
        return [data.draw(st.sampled_from(candidates), label="candidate")]

    return ask


@pytest.fixture(autouse=True)
def _clean_keras() -> Any:
    yield
    keras.backend.clear_session(free_memory=False)


def law(examples: int, *, archived: bool = False) -> Any:
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
        example = data.draw(STRATEGIES[operator, since], label="node")
        symbols = data.draw(st.sampled_from(FREE), label="free sizes")
        raised = hold(example, symbols, data)
        if archived and raised is not None:
            hold_archived(raised)

    return test


test_every_rule_keeps_the_law = law(examples=15)
test_every_archive_is_the_model_that_keras_builds = pytest.mark.nightly(law(15, archived=True))
test_every_rule_keeps_the_law_at_length = pytest.mark.nightly(law(examples=1000))
