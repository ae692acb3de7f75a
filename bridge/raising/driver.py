"""ONNX graph to `Plan`: looks up the rules, and chooses all layouts in a few layout passes.

The first layout pass treats each node as if it were the last, which is enough for most nets. If
permutations are left, each further pass uses the backward costs of the previous one, and the plan
that moves the fewest bytes is kept. So the number of passes over the graph is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bridge import ir
from bridge.errors import GraphError, UnsupportedError, UnsupportedOperatorError, UsageError
from bridge.graph.fusion import fuse
from bridge.graph.passes import expand
from bridge.plugins import load_entry_points
from bridge.public.options import IoLayout, Target
from bridge.raising.plan import Plan
from bridge.raising.refusals import no_rule
from bridge.raising.search.cost_model import BackwardCosts
from bridge.raising.search.explanation import explained
from bridge.raising.search.layout_pass import LayoutPass
from bridge.raising.speed import faster
from bridge.raising.table import TABLE, Rule
from bridge.raising.values import operator_name

MAX_PASSES = 4


def raise_model(
    model: ir.Model, io_layout: IoLayout = "channels_last", target: Target = "natural"
) -> Plan:
    """Plans the Keras model of an ONNX graph that has passed `bridge.graph.passes`.

    `io_layout` is `channels_last`, for inputs and outputs stored as Keras users expect, or `onnx`,
    for the same arrays as the ONNX model's. The `target` `speed` folds normalisations into the
    weights before them and splits grouped convolutions.

    Raises UnsupportedOperatorError, which names every node that has no rule, or that its rule
    refuses.
    """
    if io_layout not in ("channels_last", "onnx"):
        raise UsageError("unknown io_layout", expected="channels_last or onnx", received=io_layout)
    if target not in ("natural", "speed"):
        raise UsageError("unknown target", expected="natural or speed", received=target)
    graph = model.graph
    _refuse_unknown_tensors(graph)
    rules, layout_pass, plan = _first_pass(model, io_layout)
    for _ in range(MAX_PASSES - 1):
        if not plan.permutations:
            break
        costs = BackwardCosts(layout_pass.trace, plan.outputs, layout_pass.output_layouts)
        next_pass = LayoutPass(graph, io_layout, costs)
        next_plan = next_pass.run(rules)
        if _moved(next_plan) >= _moved(plan):
            break
        layout_pass, plan = next_pass, next_plan
    permutations = explained(
        plan.permutations, layout_pass.trace, plan.outputs, layout_pass.output_layouts
    )
    plan = replace(plan, permutations=permutations)
    return faster(plan) if target == "speed" else plan


def _first_pass(model: ir.Model, io_layout: IoLayout) -> tuple[Sequence[Rule], LayoutPass, Plan]:
    """The rules, and a plan that treats each node as if it were the last.

    A node without a rule, and one that its rule refuses, is expanded to what ONNX defines it as,
    and what that has is treated the same.
    """
    _expand_nodes_without_rule(model)
    fuse(model.graph)
    # ONNX infers no shapes, of what a refused node is expanded to, behind a domain without opset.
    model.opset_imports.setdefault("bridge", 1)
    first_refusal: UnsupportedOperatorError | None = None
    while True:
        layout_pass = LayoutPass(model.graph, io_layout, BackwardCosts())
        try:
            rules = _rules(model)
            return rules, layout_pass, layout_pass.run(rules)
        except UnsupportedOperatorError as refusal:
            first_refusal = first_refusal or refusal
            if not expand(model, layout_pass.refused):
                raise first_refusal from None
            _expand_nodes_without_rule(model)
        except GraphError as error:
            # What a refused node was expanded to has no shapes: the node itself is the cause.
            raise first_refusal or error from None


def _expand_nodes_without_rule(model: ir.Model) -> None:
    opset = _opset(model)
    while expand(model, [node for node in model.graph if _rule(node, opset) is None]):
        pass


# ONNX's names of the dtypes that Keras has too.
_DTYPES = frozenset(
    "FLOAT FLOAT16 DOUBLE BFLOAT16 BOOL STRING INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 "
    "COMPLEX64 COMPLEX128 FLOAT8E4M3FN FLOAT8E5M2".split()
)


def _refuse_unknown_tensors(graph: ir.Graph) -> None:
    """Refuses tensors of dtypes that Keras has not."""
    for value in (*graph.inputs, *(output for node in graph for output in node.outputs)):
        if value.dtype is not None and value.dtype.name not in _DTYPES:
            raise UnsupportedError(
                f"'{value.name}' has elements of a type that Keras has not",
                received=value.dtype.name,
                hint="export the graph with weights and values of float32",
            )


def _moved(plan: Plan) -> tuple[int, int]:
    """What a plan moves, to be minimised: bytes first, then permutations."""
    return plan.bytes_moved, len(plan.permutations)


def _opset(model: ir.Model) -> int:
    return dict(model.opset_imports).get("") or 1


def _rules(model: ir.Model) -> Sequence[Rule]:
    rules = [(node, _rule(node, _opset(model))) for node in model.graph]
    missing = [node for node, rule in rules if rule is None]
    if missing:
        raise no_rule(missing)
    return [rule for _, rule in rules if rule is not None]


def _rule(node: ir.Node, opset: int) -> Rule | None:
    name = operator_name(node)
    if TABLE.find(name, opset) is None:
        load_entry_points()
    entry = TABLE.find(name, opset)
    return entry.rule if entry else None
