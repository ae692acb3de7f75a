"""Functions that a file defines itself, put in where they are called."""

from __future__ import annotations

from typing import Any

from bridge import ir
from bridge.errors import GraphError, UnsupportedError, words_of


def inline_functions(model: ir.Model) -> None:
    """Leaves no functions, whichever opset each is written in.

    Raises GraphError for functions that call themselves, UnsupportedError for one whose operators
    mean something else in the graph's opset.
    """
    if not model.functions:
        return
    for function in model.functions.values():
        _take_opset(function, model.opset_imports[""])
    try:
        ir.inline(model)
    except ValueError as error:
        raise GraphError(
            "the graph's functions cannot be put in where they are called",
            received=words_of(error),
            hint="ONNX allows no function that calls itself, by way of others perhaps",
        ) from error


def _take_opset(function: ir.Function, opset: int) -> None:
    """Moves a function to the graph's opset, which they are put in with."""
    own = function.opset_imports.get("", opset)
    operators = {node.op_type for node in function.all_nodes() if not node.domain}
    changed = {name for name in operators if _form(name, own) != _form(name, opset)}
    if changed:
        raise UnsupportedError(
            f"the function {function.name!r} is written in another opset than the graph",
            expected=f"opset {opset}, where {', '.join(sorted(changed))} is something else",
            received=f"opset {own}",
            hint="export the graph again, with one opset for all of it",
        )
    if own != opset:
        function.opset_imports[""] = opset


def _form(operator: str, opset: int) -> Any:
    """What an operator's definition says in an opset, but for its dtypes."""
    import onnx

    try:
        schema = onnx.defs.get_schema(operator, opset, "")
    except onnx.defs.SchemaError:
        return None
    defaults = {name: str(of.default_value) for name, of in schema.attributes.items()}
    return defaults, [operand.option for operand in schema.inputs]
