"""What an ONNX graph goes through before it is raised: one list, in order.

A graph that this project has lowered passes unchanged; the list is for the files of others, with
their Constant nodes, missing shapes and arithmetic on shapes. Nothing is renamed, nothing fused,
and no weight is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bridge import ir
from bridge.errors import GraphError
from bridge.graph import invariants
from bridge.graph.fold import fold_constants, settle_reshapes
from bridge.graph.lifting.bodies import put_bodies_in
from bridge.graph.lifting.branches import select_results, take_branches
from bridge.graph.lifting.functions import inline_functions
from bridge.graph.lifting.loops import unroll_loops
from bridge.graph.lifting.opsets import TARGET, lift_opset
from bridge.graph.precision.single import to_single
from bridge.graph.shapes.inference import follow_sizes
from bridge.graph.sizes import correct_sizes


@dataclass(frozen=True)
class Pass:
    """A step that changes the model in place; `requires` and `ensures` say in words what holds."""

    name: str
    run: Callable[[ir.Model], object]
    requires: str
    ensures: str


def run_passes(model: ir.Model) -> ir.Model:
    """The model, gone through the whole PIPELINE. Raises GraphError."""
    return _run(PIPELINE, model)


def simplify(model: ir.Model) -> ir.Model:
    """The model, gone through the PIPELINE but for what is for Keras alone: for a graph that is to
    stay ONNX.

    Raises GraphError where the graph uses no standard operators.
    """
    return _run((*_TO_OPSET, *_AFTER_OPSET), model)


def expand(model: ir.Model, nodes: Iterable[ir.Node]) -> bool:
    """Replaces these nodes by what ONNX defines them as, and takes the graph through the passes
    that this needs again; False if ONNX defines none of them by other operators."""
    expanded = put_bodies_in(model, nodes)
    if expanded:
        _run((*_AFTER_OPSET, *_FOR_KERAS[:-1]), model)
    return expanded


def _run(steps: Sequence[Pass], model: ir.Model) -> ir.Model:
    for step in steps:
        step.run(model)
    return model


# What exporters write for a size that they do not know.
_UNKNOWN = frozenset(("", "?", "*", "-1", "None", "unk"))


def _free_unknown_sizes(model: ir.Model) -> None:
    for value in (*model.graph.inputs, *model.graph.outputs, *_results(model)):
        if value.shape is not None and any(map(_is_unknown, value.shape)):
            value.shape = ir.Shape([None if _is_unknown(size) else size for size in value.shape])


def _is_unknown(size: int | ir.SymbolicDim) -> bool:
    return size < 0 if isinstance(size, int) else size.value in _UNKNOWN


def _omit_empty_inputs(model: ir.Model) -> None:
    """An empty roi, scales or sizes of a Resize is none: before opset 13 it could not leave them
    out. ONNX's inference takes it for one."""
    for node in model.graph:
        for index, value in enumerate(node.inputs if node.op_type == "Resize" else ()):
            if value is not None and value.shape is not None and 0 in value.shape:
                node.replace_input_with(index, None)


def _lift_opset(model: ir.Model) -> None:
    if model.opset_imports[""] < TARGET:
        for step in (
            ir.lift_constants,
            _omit_empty_inputs,
            _infer_shapes,
            fold_constants,
            _take_branches,
            _infer_shapes,
        ):
            step(model)
        lift_opset(model)


def _infer_shapes(model: ir.Model) -> None:
    if any(value.shape is None or value.dtype is None for value in _results(model)):
        ir.infer_shapes(model)
    while correct_sizes(model):
        ir.infer_shapes(model)
    while follow_sizes(model):
        fold_constants(model)


def _take_branches(model: ir.Model) -> bool:
    loops = model.opset_imports[""] >= TARGET  # older ones are lifted with their bodies first
    taken = False
    while take_branches(model) or select_results(model) or (loops and unroll_loops(model)):
        taken = True
        ir.lift_constants(model)
        _infer_shapes(model)
        fold_constants(model)
    return taken


def _settle_constants(model: ir.Model) -> None:
    folded = fold_constants(model)
    # What a branch computes may be the condition of the next If, or the length of a loop.
    taken = _take_branches(model)
    if folded or taken:
        _infer_shapes(model)


def _results(model: ir.Model) -> list[ir.Value]:
    return [value for node in model.graph for value in node.outputs if value.name]


def _refuse_other_domains(model: ir.Model) -> None:
    if "ai.onnx" in model.opset_imports:  # the same domain by its longer name
        model.opset_imports.setdefault("", model.opset_imports.pop("ai.onnx"))
    if "" not in model.opset_imports:
        raise GraphError(
            "the graph uses no standard operators",
            expected="an opset of the domain ai.onnx",
            received=", ".join(model.opset_imports) or "none",
        )


_TO_OPSET = (
    Pass("need opset", _refuse_other_domains, "a loaded model", "its opset is known"),
    # -1 and "?" are no sizes, and two of them not the same one.
    Pass("free unknown sizes", _free_unknown_sizes, "opset", "sizes are numbers, or names of one"),
    # Functions hide their nodes from all that follows.
    Pass("inline functions", inline_functions, "opset", "no functions are left"),
    # A pass may take the size of a result from the file, and not see that nothing computes it.
    Pass(
        "need producers",
        invariants.refuse_unproduced,
        "no functions",
        "each value read is produced",
    ),
    # An old operator may be by its axis, and its scales.
    Pass("lift opset", _lift_opset, "no functions", "the opset is 13 or newer"),
)
_AFTER_OPSET = (
    # From here on a constant is an initializer, whatever it was.
    Pass("lift constants", ir.lift_constants, "no functions", "no Constant nodes are left"),
    Pass("omit empty inputs", _omit_empty_inputs, "no Constant nodes", "inputs have elements"),
    # And corrects what ONNX infers wrong, see graph/sizes.py.
    Pass("infer shapes", _infer_shapes, "no Constant nodes", "what ONNX can infer has a shape"),
    # Needs shapes, for Shape nodes; gives constants, which shapes after Reshape need.
    Pass(
        "settle constants",
        _settle_constants,
        "shapes",
        "nothing small is computed from constants, no If or loop is left that can go",
    ),
    # x.view(x.size(0), -1), as exporters spell it out.
    Pass("settle reshapes", settle_reshapes, "shapes", "Reshape has a constant where it can"),
    Pass("remove unused", ir.remove_unused, "constants are folded", "all nodes lead to an output"),
)
_FOR_KERAS = (
    # As Keras's layers compute.
    Pass("to single", to_single, "dtypes", "half precision is that of inputs and outputs alone"),
    Pass("check", invariants.check, "shapes", "see graph/invariants.py"),
)

PIPELINE = (*_TO_OPSET, *_AFTER_OPSET, *_FOR_KERAS)
