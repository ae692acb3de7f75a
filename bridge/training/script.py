"""A training as a script that needs Keras alone: the net, its losses, the solver and the batches.

Only what plain Keras computes step for step as Caffe does has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import keras

from bridge.archive.write import refuse_unknown
from bridge.caffe.files.solver_settings import Solver
from bridge.caffe.net import Input
from bridge.errors import UnsupportedError, UsageError
from bridge.public.options import SolverOptions
from bridge.raising.plan import Call, Plan, PlanInput
from bridge.script.lines import INDENT, Brackets, Source, keyword, lines, listed
from bridge.script.literals import Code, literal, quoted, shortest
from bridge.script.program import Program
from bridge.script.write import weights_path
from bridge.training.net.setup import Setup
from bridge.training.run import TrainingRun

_MAIN = """\
if __name__ == "__main__":
    model = compiled(load())
    model.fit(batches(sys.argv[1]), steps_per_epoch={steps}, epochs=1)
    model.save(Path(__file__).with_suffix(".keras"))
"""


def refuse_unscripted(run: TrainingRun, files: SolverOptions) -> None:
    """Raises UnsupportedError for a training that plain Keras computes otherwise, with the reasons,
    and UsageError for one that goes on from a snapshot."""
    if run.why_uncompiled:
        raise UnsupportedError(
            "no script trains this net: plain Keras does not compute Caffe's steps",
            lines=run.why_uncompiled,
            hint="bridge.caffe_training trains it as Caffe does",
        )
    if files.solverstate is not None:
        raise UsageError(
            "a script begins at the first step, without what a solver remembers",
            received=files.solverstate,
            hint="write a .keras file, which has the solver's memory in it",
        )


def write(setup: Setup, solver: Solver, path: Path) -> None:
    """Writes the script of a training to a new file, and its weights beside it.

    Raises UnsupportedError for what no script can say, OSError if the system refuses it.
    """
    plan = _with_training(setup)
    refuse_unknown(plan)
    weights = weights_path(path)
    ends = (_prepared(setup), _compiled(setup.model), _batches(setup), _main(solver))
    program = Program(plan, ends=tuple(filter(None, ends)), also=frozenset({"numpy", "sys"}))
    text = program.text(weights.name)
    if program.constants:
        raise UnsupportedError(
            "the net has large constants, for which the file of a training's weights has no room",
            hint="write a .keras file",
        )
    path.write_text(text, encoding="utf-8")
    setup.model.save_weights(weights)


# ---- the net ---------------------------------------------------------------------------------


def _with_training(setup: Setup) -> Plan:
    """The plan, in whose layers it says what is trained, and with what decay."""
    calls = tuple(
        replace(c, options={**c.options, **_own(setup.model, c)}) for c in setup.plan.calls
    )
    return replace(setup.plan, calls=calls)


def _own(model: keras.Model, call: Call) -> dict[str, Any]:
    if call.again is not None or not call.weights:
        return {}
    layer = model.get_layer(call.name)
    owner = getattr(layer, "cell", layer)
    regularizers = {
        f"{role}_regularizer": getattr(owner, f"{role}_regularizer", None) for role in call.weights
    }
    options: dict[str, Any] = {
        name: Code(str(source_of(value))) for name, value in regularizers.items() if value
    }
    return options if layer.trainable else {**options, "trainable": False}


# ---- Keras's objects -------------------------------------------------------------------------

_MODULES: Mapping[str, type] = {
    "optimizers.schedules": keras.optimizers.schedules.LearningRateSchedule,
    "optimizers": keras.optimizers.Optimizer,
    "losses": keras.losses.Loss,
    "metrics": keras.metrics.Metric,
    "regularizers": keras.regularizers.Regularizer,
}
_ALWAYS = frozenset({"learning_rate", "momentum", "epsilon", "rho", "beta_1", "beta_2"})


def source_of(value: Any) -> Source:
    """The source of an object of Keras's, without the arguments that are its defaults; of a list,
    that of its items."""
    if isinstance(value, (list, tuple)):
        return listed([source_of(item) for item in value])
    if isinstance(value, getattr(keras.optimizers, "MultiOptimizer", ())):
        return _several(value)
    module = next((name for name, kind in _MODULES.items() if isinstance(value, kind)), None)
    if module is None:
        return literal(shortest(value))
    return _single(value, module)


def _single(value: Any, module: str = "optimizers") -> Brackets:
    config = value.get_config()
    if isinstance(value, keras.optimizers.Optimizer):
        own = value._learning_rate  # its config has a schedule as a dict
        is_schedule = isinstance(own, keras.optimizers.schedules.LearningRateSchedule)
        config |= {"learning_rate": own if is_schedule else config["learning_rate"]}
    if module == "regularizers":  # each has one number
        return Brackets(
            f"regularizers.{type(value).__name__}", [literal(shortest(*config.values()))]
        )
    words = [
        keyword(name, source_of(config[name]))
        for name, parameter in signature(type(value)).parameters.items()
        if name in config and _is_said(value, name, config[name], parameter.default)
    ]
    return Brackets(f"keras.{module}.{type(value).__name__}", words)


def _several(optimizer: Any) -> Source:
    """The source of an optimizer for each of several lr_mults."""
    own = optimizer._optimizer_map
    items = [
        Brackets(f"{quoted(pattern)}: {source.head}", source.items)
        for pattern, source in ((pattern, _single(part)) for pattern, part in own.items())
    ]
    arguments = [source_of(own.default_optimizer), listed(items, "{}")]
    inner = Brackets("keras.optimizers.OptimizerMap", arguments)
    return Brackets("keras.optimizers.MultiOptimizer", [inner])


def _is_said(owner: Any, name: str, value: Any, default: Any) -> bool:
    if name in ("name", "dtype"):
        return name == "name" and isinstance(owner, keras.metrics.Metric)
    return name in _ALWAYS or value != default


# ---- functions -------------------------------------------------------------------------------


def _compiled(model: keras.Model) -> str:
    config = model._compile_config.config
    weights = config["loss_weights"]
    said = {"loss": config["loss"], "loss_weights": weights, "metrics": config["metrics"]}
    said |= {"loss_weights": None} if all(weight == 1 for weight in weights) else {}
    words = [keyword(name, source_of(value)) for name, value in said.items() if value is not None]
    call = Brackets("model.compile", [source_of(model.optimizer), *words])
    return "\n".join(
        [
            "def compiled(model):",
            f'{INDENT}"""The model with the losses of the net, and the steps of its solver."""',
            *lines(call, INDENT),
            f"{INDENT}return model",
        ]
    )


def _main(solver: Solver) -> str:
    return _MAIN.format(steps=max(solver.max_iter, 1) * solver.iter_size)


def _prepared(setup: Setup) -> str:
    """The function that does what the data layer's transform_param says; empty without any."""
    images = [entry for entry in setup.net.inputs if entry.mean or entry.mean_file]
    images += [entry for entry in setup.net.inputs if entry.scale != 1 and entry not in images]
    return "" if not images else "\n".join(_of_image(images[0]))


def _of_image(image: Input) -> Iterator[str]:
    mean = "0.0"
    if image.mean:
        mean = f'np.array({literal([shortest(float(x)) for x in image.mean])}, "float32")'
    yield "def prepared(images):"
    yield f'{INDENT}"""Images from 0 to 255, of blue, green and red, as the net takes them.'
    if image.uncropped:
        yield ""
        height, width = image.uncropped
        yield f"{INDENT}Caffe crops them from images of {height} x {width}."
    yield f'{INDENT}"""'
    if image.mean_file:
        yield f"{INDENT}mean = 0.0  # subtract the mean image here, n h w c, which is in a file"
    else:
        yield f"{INDENT}mean = {mean}"
    yield f"{INDENT}return (images - mean) * {literal(shortest(image.scale))}"


def _batches(setup: Setup) -> str:
    labels = {layer.bottoms[0]: layer.bottoms[1] for layer in setup.objectives.measuring}
    fed = [planned.value for planned in setup.plan.inputs]
    targets = [labels[name] for name in setup.plan.outputs if name in labels]
    shapes = {entry.name: entry.shape for entry in setup.net.inputs}
    size = next(shapes[name][0] for name in fed)
    said = [f"{quoted(name)}, of {_sizes(setup.plan, name, shapes[name])}" for name in shapes]
    yielded = ", ".join(_structure(names) for names in (fed, targets))
    text = [
        "def batches(path):",
        f'{INDENT}"""The batches of an .npz, over and over again, as a data layer gives them."""',
        f"{INDENT}# It has these arrays, of any number n of samples, images as the net takes them:",
        *(f"{INDENT}# - {line}" for line in said),
        f"{INDENT}arrays = dict(np.load(path))",
        f"{INDENT}samples = min(map(len, arrays.values()))",
        f"{INDENT}while True:",
        f"{INDENT * 2}for start in range(0, samples - {size - 1}, {size}):",
        f"{INDENT * 3}batch = {{k: array[start : start + {size}] for k, array in arrays.items()}}",
        f"{INDENT * 3}yield {yielded}",
    ]
    return "\n".join(text)


def _sizes(plan: Plan, name: str, shape: Sequence[int]) -> str:
    planned: Mapping[str, PlanInput] = {entry.value: entry for entry in plan.inputs}
    stored = planned[name].shape if name in planned else shape
    return " ".join(["n", *(str(size) if isinstance(size, int) else "?" for size in stored[1:])])


def _structure(names: Sequence[str]) -> str:
    items = [f"batch[{quoted(name)}]" for name in names]
    return items[0] if len(items) == 1 else f"({', '.join(items)})"
