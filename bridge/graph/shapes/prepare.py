"""A graph as the user wants it: cut to some of its values, with sizes of its inputs fixed, and some
inputs as constants."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from bridge import ir
from bridge.errors import UsageError, which_names
from bridge.public.options import GraphOptions

_MAX_LISTED = 8  # names in a message


def prepare(model: ir.Model, options: GraphOptions) -> bool:
    """Cuts the graph and fixes sizes, in place; whether anything was asked for.

    A free size that several inputs share by name is fixed in all of them. What the file says of
    the shapes of results is forgotten then: they are inferred anew. Raises UsageError for names
    that the graph does not have, and for shapes and batches that do not fit its inputs.
    """
    graph, shapes = model.graph, options.input_shape
    if not options.asked:
        return False
    inputs = {str(v.name): v for v in graph.inputs if v.name not in graph.initializers}
    for name, number in options.input_value.items():
        _refuse_unknown("input", name, inputs)
        _make_constant(graph, inputs.pop(name), number)
    _fix(inputs, {name: tuple(shape) for name, shape in shapes.items()})
    if options.batch is not None:
        _fix_batch(inputs, options.batch)
    if shapes or options.batch is not None or options.input_value:
        for node in graph.all_nodes():
            for value in node.outputs:
                value.shape = None
    if options.output_names:
        _cut(model, options.output_names)
    return True


def _make_constant(graph: ir.Graph, value: ir.Value, number: float) -> None:
    """Makes an input an initializer, of which every element is this number."""
    sizes = None if value.shape is None else [size for size in value.shape if isinstance(size, int)]
    if value.dtype is None or sizes is None or value.shape is None or len(sizes) < len(value.shape):
        raise UsageError(
            f"the sizes of input '{value.name}' are not known",
            expected="an input of known sizes, such as a single number",
            received=" ".join(map(str, value.shape or ["no shape"])),
            hint="without them, it cannot be a constant",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        array = np.full(sizes, number).astype(value.dtype.numpy())
    is_float = value.dtype.is_floating_point()
    if not (np.isfinite(array).all() if is_float else (array == number).all()):
        raise UsageError(
            f"input '{value.name}' cannot be this number",
            expected=value.dtype.name.lower(),
            received=number,
        )
    value.const_value = ir.Tensor(array, name=value.name)
    graph.inputs.remove(value)
    graph.register_initializer(value)


def _fix(inputs: Mapping[str, ir.Value], shapes: Mapping[str, Sequence[int]]) -> None:
    numbers: dict[str, int] = {}
    for name, shape in shapes.items():
        _refuse_unknown("input", name, inputs)
        declared = inputs[name].shape
        if declared is not None and len(declared) != len(shape):
            raise UsageError(
                f"the shape for input '{name}' has another number of axes",
                expected=" ".join(map(str, declared)),
                received=" ".join(map(str, shape)),
            )
        for old, new in zip(declared or (), shape, strict=False):
            if not isinstance(old, int) and old.value:
                numbers.setdefault(old.value, new)
        inputs[name].shape = ir.Shape(shape)
    for value in inputs.values():
        if value.shape is not None:
            sizes = (s if isinstance(s, int) else numbers.get(str(s.value), s) for s in value.shape)
            value.shape = ir.Shape(list(sizes))


def _fix_batch(inputs: Mapping[str, ir.Value], batch: int) -> None:
    """Fixes the first size of the inputs where it is free, and every size of the same name."""
    shapes = {name: value.shape for name, value in inputs.items() if value.shape}
    free = {name: shape for name, shape in shapes.items() if not isinstance(shape[0], int)}
    if not free and not any(shape[0] == batch for shape in shapes.values()):
        firsts = "; ".join(f"{name} {' '.join(map(str, s))}" for name, s in shapes.items())
        raise UsageError(
            "no input has a free batch",
            expected="an input whose first size is no number",
            received=firsts or "inputs without sizes",
            hint="--input-shape NAME:DIMS replaces the sizes of an input",
        )
    names = {size.value for size, *_ in free.values() if not isinstance(size, int)} - {None}
    for name, value in inputs.items():
        if value.shape is not None:
            sizes = [batch if _is_called(size, names) else size for size in value.shape]
            value.shape = ir.Shape([batch, *sizes[1:]] if name in free else sizes)


def _is_called(size: int | ir.SymbolicDim, names: Collection[str | None]) -> bool:
    return not isinstance(size, int) and size.value in names


def _cut(model: ir.Model, outputs: Iterable[str]) -> None:
    graph = model.graph
    values = {v.name: v for node in graph for v in node.outputs if v.name}
    values |= {v.name: v for v in graph.inputs if v.name}
    chosen = list(dict.fromkeys(outputs))
    for name in chosen:
        _refuse_unknown("value", name, [name for name in values if name])
    graph.outputs[:] = [values[name] for name in chosen]
    ir.remove_unused(model)
    wanted = [v for v in graph.inputs if v.uses() or v.is_graph_output()]
    graph.inputs[:] = wanted


def _refuse_unknown(what: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        raise UsageError(
            f"the graph has no {what} '{name}'",
            expected=" ".join(names[-_MAX_LISTED:]) + " …" * (len(names) > _MAX_LISTED),
            hint=which_names(name, names),
        )
