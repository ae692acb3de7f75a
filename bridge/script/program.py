"""A plan as the text of a script.

The script needs Keras alone. `build()` makes the model, and `load()` gives it its weights, which
are in a file beside it.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from bridge.archive.depth import DEEP
from bridge.archive.graph import Graph
from bridge.archive.tables import layers, operations
from bridge.archive.weights import snake_case
from bridge.layout import Layout, Weight
from bridge.raising.names import encode
from bridge.raising.plan import Call, Function, Plan, PlanInput, Ref
from bridge.script.blocks import Block, flat, repeated
from bridge.script.constants import FUNCTION, Constants
from bridge.script.lines import INDENT, WIDTH, Brackets, lines, listed, statement
from bridge.script.literals import Identifiers, literal, quoted
from bridge.script.options import options_of
from bridge.script.steps import RESERVED, Spelling, Step, applied, block_steps, body

MADE_BY = "Made by caffe-bridge"

_NAMED = '''\
def named(name, result):
    """Names the operation of a result: functions of keras.ops take no names."""
    keras.tree.flatten(result)[0]._keras_history.operation.name = name
    return result'''
_LOAD = '''\
def load():
    """The model with its weights."""
    model = build()
    model.load_weights(WEIGHTS)
    return model'''
_MAIN = """\
if __name__ == "__main__":
    load().summary()
"""
_MODULE = ("WEIGHTS", "Path", "batches", "build", "compiled", "constant", "load", "prepared", "sys")


@dataclass
class Program:
    """The script of a plan, and the arrays that it reads beside its weights.

    `ends` follow `load`, and need `parts`, definitions before the others; both need the `imports`,
    of a module and a name in it, which is empty for the module itself. `taken` are the names that
    the parts define.
    Raises UnsupportedError for what no script can say.
    """

    plan: Plan
    constants: Constants = field(default_factory=Constants)
    ends: Sequence[str] = (_MAIN,)
    imports: frozenset[tuple[str, str]] = frozenset()
    parts: Sequence[str] = ()
    taken: frozenset[str] = frozenset()

    @cached_property
    def _names(self) -> Identifiers:
        return Identifiers(*RESERVED, *_MODULE, *self.taken)

    def text(self, weights: str) -> str:
        """The script, whose weights are in a file of this name."""
        functions = [*self._blocks(), *self._functions(), self._build()]  # say what they need
        helpers = [FUNCTION] if self.constants else []
        helpers += [_NAMED] if self._named else []
        setting = f"WEIGHTS = Path(__file__).with_name({quoted(weights)})"
        used = [part for part in ("layers", "ops", "regularizers") if _uses(functions, part)]
        head = "\n\n".join([self._title(), *self._imports(used), setting])
        parts = [head, *helpers, *self.parts, *functions, _LOAD, *self.ends]
        content = "\n\n\n".join(parts)
        long = any(map(_is_long, content.splitlines()))
        return f"# ruff: noqa: E501\n{content}" if long else content

    @cached_property
    def graph(self) -> Graph:
        return Graph.of_plan(self.plan, encode(self.plan.name))

    # --- the head ---------------------------------------------------------------------------------

    def _title(self) -> str:
        title = (
            f'"""{self.graph.name[:60]} in Keras 3. {MADE_BY}, without which it runs: build() '
            "returns the model, load() the model with its weights, which are in a file beside "
            "this one. Comments give the shapes of results, after the letters of their axes."
        )
        return "\n".join([*textwrap.wrap(title, WIDTH), '"""'])

    def _imports(self, used: Sequence[str]) -> Iterator[str]:
        wanted = {("pathlib", "Path"), ("keras", ""), *(("keras", part) for part in used)}
        wanted |= {*self.imports, *([("sys", "")] if self._is_deep else [])}
        wanted |= {("h5py", "")} if self.constants else set()
        wanted |= {("numpy", "")} if self.constants.any_small else set()
        for is_system in (True, False):
            own = [
                x for x in wanted if (x[0].split(".")[0] in sys.stdlib_module_names) == is_system
            ]
            yield "\n".join(_import_lines(own))

    @property
    def _is_deep(self) -> bool:
        return self.plan.depth > DEEP

    # --- functions --------------------------------------------------------------------------------

    def _blocks(self) -> Iterator[str]:
        for block, name in self._named_blocks:
            parameters = _parameters(block)
            inputs = dict(zip((ref.call for ref in block.runs[0].inputs), "xy", strict=False))
            yield "\n".join(
                [
                    f"def {name}({', '.join([*inputs.values(), 'name', *parameters])}):",
                    *body(
                        list(block_steps(block, parameters)),
                        inputs,
                        Identifiers(*RESERVED, *_MODULE, *self._functions_names, *parameters),
                        (),
                        return_last=True,
                    ),
                ]
            )

    def _functions(self) -> Iterator[str]:
        for function in self._inner:
            steps = [self._step(call) for call in function.calls]
            model = self._model(function.name, (function.input,), steps, function.outputs)
            yield "\n".join([f"def {self._inner_names[id(function)]}():", *model])

    def _build(self) -> str:
        before = []
        if self._is_deep:
            before += [f"sys.setrecursionlimit(sys.getrecursionlimit() + {len(self._calls)})"]
        if any(_takes_data_format(call) for call in self._every_call):
            before += ['keras.config.set_image_data_format("channels_last")']
        model = self._model(self.graph.name, self.plan.inputs, self._steps(), self.plan.returned)
        docstring = f'{INDENT}"""The model, whose weights are not the trained ones."""'
        return "\n".join(["def build():", docstring, *(INDENT + line for line in before), *model])

    def _model(
        self, name: str, inputs: Sequence[PlanInput], steps: Sequence[Step], returned: Sequence[Ref]
    ) -> Iterator[str]:
        scope = Identifiers(*RESERVED, *_MODULE, *self._functions_names)
        variables = dict[int, str]()
        for entry in inputs:
            variables[entry.id] = scope.new(entry.name)
            source = Brackets("keras.Input", _input_arguments(entry))
            comment = self._comment(Ref(entry.id))
            yield from statement(f"{variables[entry.id]} = ", source, None, comment, INDENT)
        yield from body(steps, variables, scope, returned)
        ends = [
            [variables[ref.call] + ("" if ref.item is None else f"[{ref.item}]") for ref in refs]
            for refs in ([Ref(entry.id) for entry in inputs], returned)
        ]
        both = [end[0] if len(end) == 1 else listed(end) for end in ends]
        model = Brackets("keras.Model", [*both, f"name={quoted(name)}"])
        yield from lines(model, INDENT, "return ")

    # --- calls ------------------------------------------------------------------------------------

    @cached_property
    def _calls(self) -> Sequence[Call]:
        """The calls that the outputs need."""
        needed = {number for calls in self.graph.needed.values() for number in calls}
        return [call for call in self.plan.calls if call.id in needed]

    @cached_property
    def _inner(self) -> Sequence[Function]:
        """The functions of loops, each after those that it calls itself."""
        inner = dict[int, Function]()

        def look(calls: Sequence[Call]) -> None:
            for call in calls:
                for value in (*flat(call.arguments), *call.options.values()):
                    if isinstance(value, Function) and id(value) not in inner:
                        look(value.calls)
                        inner[id(value)] = value

        look(self._calls)
        return list(inner.values())

    @cached_property
    def _every_call(self) -> Sequence[Call]:
        return [*self._calls, *(call for function in self._inner for call in function.calls)]

    @cached_property
    def _is_single(self) -> bool:
        """Whether nothing is computed in double precision."""
        values = (v for call in self._every_call for v in (*flat(call.arguments), *_set_by(call)))
        dtypes = {getattr(value, "dtype", value) for value in values if _may_be_dtype(value)}
        return "float64" not in {*map(str, dtypes), *(entry.dtype for entry in self.plan.inputs)}

    @cached_property
    def _options(self) -> Mapping[int, Mapping[str, Any]]:
        """The options of layers, by their calls."""
        return {
            call.id: options_of(call, self._rank(Ref(call.id)), is_single=self._is_single)
            for call in self._every_call
            if call.target.startswith("layers.")
        }

    @cached_property
    def _named_blocks(self) -> Sequence[tuple[Block, str]]:
        options = [self._options.get(call.id, {}) for call in self._calls]
        blocks = repeated(self._calls, options, self.plan.returned)
        return [(block, self._names.new(_kind(block))) for block in blocks]

    @cached_property
    def _inner_names(self) -> Mapping[int, str]:
        return {id(function): self._names.new(function.name) for function in self._inner}

    @cached_property
    def _functions_names(self) -> Sequence[str]:
        return [*(name for _, name in self._named_blocks), *self._inner_names.values()]

    @cached_property
    def _named(self) -> frozenset[int]:
        """The calls of `keras.ops` that get their names: those that are layers of their own, those
        that give outputs, and those whose kind Keras numbers under a name that a layer has."""
        returned = {ref.call for ref in self.plan.returned}
        names = {call.name for call in self._calls if call.target.startswith("layers.")}
        numbered = {re.sub(r"_\d+$", "", name) for name in names}
        functions = [call for call in self._calls if call.target.startswith("ops.")]
        return frozenset(
            call.id
            for call in functions
            if ">" not in call.name or call.id in returned or _own_name(call) in numbered
        )

    @cached_property
    def _spelling(self) -> Spelling:
        shared = {call.again for call in self._every_call} - {None}
        kept = {call.id: f"{call.name}_layer" for call in self._every_call if call.id in shared}
        names = {call: self._names.new(name) for call, name in kept.items()}
        return Spelling(self.constants, self._inner_names, self._is_single, self._named, names)

    def _step(self, call: Call) -> Step:
        options = self._options.get(call.id, {})
        return self._spelling.step(call, options, self._comment(Ref(call.id)))

    def _steps(self) -> list[Step]:
        """The statements of `build`: a run of calls that repeats is one."""
        runs = {
            run.start: (block, run, name)
            for block, name in self._named_blocks
            for run in block.runs
        }
        steps, index = list[Step](), 0
        while index < len(self._calls):
            if index in runs:
                block, run, name = runs[index]
                steps.append(applied(block, run, name, self._comment(run.result)))
                index = run.stop
            else:
                steps.append(self._step(self._calls[index]))
                index += 1
        return steps

    # --- shapes -----------------------------------------------------------------------------------

    @cached_property
    def _layouts(self) -> Mapping[Ref, Layout]:
        stored = reversed(list(self.plan.values.values()))
        return {value.ref: value.layout for value in stored}

    def _rank(self, ref: Ref) -> int | None:
        layout = self._layouts.get(ref)
        return None if layout is None else len(layout.stored_shape)

    def _comment(self, ref: Ref) -> str:
        """`h w c: 28 28 64` where the batch is free; empty where the shape is not known."""
        layout = self._layouts.get(ref)
        if layout is None or not layout.stored_shape:
            return ""
        axes = str(layout).partition(" -> ")[2].partition(";")[0]
        sizes = [
            re.sub(r"[^\w+*/.()-]", "?", str(size), flags=re.A) for size in layout.stored_shape
        ]
        if axes.startswith("n ") and not isinstance(layout.stored_shape[0], int):
            axes, sizes = axes.removeprefix("n "), sizes[1:]  # as in keras.Input
        return f"{axes}: {' '.join(sizes)}"


def _is_long(line: str) -> bool:
    """Whether Ruff says so: comments for it do not count, nor words that cannot be split."""
    line = line.partition("  # noqa")[0]
    return len(line) > WIDTH and " " in line.strip()


def _import_lines(wanted: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Statements in the order that Ruff has them in."""
    shorts = {"numpy": "numpy as np"}
    yield from (f"import {shorts.get(m, m)}" for m, name in sorted(wanted) if not name)
    for module in sorted({module for module, name in wanted if name}):
        names = sorted(name for m, name in wanted if m == module and name)
        yield f"from {module} import {', '.join(names)}"


def _input_arguments(entry: PlanInput) -> list[str]:
    sizes = tuple(size if isinstance(size, int) else None for size in entry.shape)
    whole = not sizes or sizes[0] is not None
    shape = f"batch_shape={literal(sizes)}" if whole else literal(sizes[1:])
    dtype = [] if entry.dtype == "float32" else [f"dtype={quoted(entry.dtype)}"]
    return [shape, *dtype, f"name={quoted(entry.name)}"]


def _uses(functions: Sequence[str], module: str) -> bool:
    return any(re.search(rf"(?<![\w.\"]){module}\.", text) for text in functions)


def _set_by(call: Call) -> Sequence[Any]:
    return [*call.options.values(), *call.weights.values()]


def _may_be_dtype(value: Any) -> bool:
    return isinstance(value, (str, Weight, np.ndarray))


def _takes_data_format(call: Call) -> bool:
    group, kind = call.target.split(".")
    return group == "layers" and "data_format" in layers()[kind].config


def _own_name(call: Call) -> str:
    """The name that Keras gives an operation, without its number."""
    return snake_case(operations()[call.target.removeprefix("ops.")].kind)


_SHORT = {"BatchNormalization": "bn", "DepthwiseConv2D": "depthwise", "ReLU": "relu"}
_FEW = 4  # layers that a function is named after


def _kind(block: Block) -> str:
    """What a function is called: after its layers if they are few, or else after what joins its
    branches."""
    kinds = [call.target.removeprefix("layers.") for call in block.runs[0].calls]
    if len(kinds) <= _FEW:
        return "_".join(_SHORT.get(k) or snake_case(k.removesuffix("2D")) for k in kinds)
    joins = (("Add", "residual"), ("Concatenate", "branches"))
    return next((name for kind, name in joins if kind in kinds), "block")


def _parameters(block: Block) -> list[str]:
    """A function's parameters: the names of the options, numbered where one has several."""
    names = [uses[0][1] for uses in block.parameters]
    return [
        name if names.count(name) == 1 else f"{name}_{names[: index + 1].count(name)}"
        for index, name in enumerate(names)
    ]
