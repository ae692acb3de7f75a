"""A training of which plain Keras computes the very same steps, as what `model.compile` takes.

Whatever it would compute otherwise is a reason against it. All numbers of Caffe's are in the
compiled model then: decay as regularizers, whose gradients Keras adds as Caffe does, and the
normalisation of each loss in its weight.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import prod
from typing import Any

import keras

from bridge.caffe.files.solver_settings import Solver
from bridge.caffe.net import Layer
from bridge.layout import Layout
from bridge.training.measures import mode
from bridge.training.net.setup import Setup, Trained
from bridge.training.solving.rates import is_native, rate

# What plain Keras calls the memories of a rule, in the order of Caffe's snapshots, and the sign
# that it has there.
MEMORIES: Mapping[str, tuple[Sequence[str], int]] = {
    "SGD": (("momentums",), -1),
    "Nesterov": (("momentums",), -1),
    "AdaDelta": (("_accumulated_grads", "_accumulated_delta_vars"), 1),
    "Adam": (("_momentums", "_velocities"), 1),
}

_OPTIMIZERS: Mapping[str, Callable[[Solver, dict[str, Any]], Any]] = {
    "SGD": lambda s, own: keras.optimizers.SGD(momentum=float(s.momentum), **own),
    "Nesterov": lambda s, own: keras.optimizers.SGD(
        momentum=float(s.momentum), nesterov=True, **own
    ),
    "AdaDelta": lambda s, own: keras.optimizers.Adadelta(rho=s.momentum, epsilon=s.delta, **own),
    "Adam": lambda s, own: keras.optimizers.Adam(
        beta_1=s.momentum, beta_2=s.momentum2, epsilon=s.delta, **own
    ),
}


@dataclass(frozen=True)
class Reasons:
    """Why plain Keras would not compute the steps of a training, by what it lacks."""

    optimizer: tuple[str, ...]
    schedule: tuple[str, ...]
    net: tuple[str, ...]
    statistics: tuple[str, ...]
    overwritten: tuple[str, ...]
    weights: tuple[str, ...]
    losses: tuple[str, ...]
    objective: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(chain.from_iterable(vars(self).values())))


def reasons(setup: Setup, solver: Solver) -> Reasons:
    """Why plain Keras would not compute the steps of this training; none if it does."""
    return Reasons(
        tuple(_of_optimizer(setup, solver)),
        tuple(_of_schedule(solver)),
        tuple(_of_net(setup)),
        tuple(_of_statistics(setup)),
        tuple(_of_overwritten(setup)),
        tuple(_of_weights(setup)),
        tuple(_of_losses(setup)),
        tuple(_of_objective(setup)),
    )


def compile_model(setup: Setup, solver: Solver) -> Any:
    """Compile the model of a training without `reasons`; returns its optimizer, built."""
    regularize(setup, solver)
    optimizer = native_optimizer(setup, solver, rate)
    setup.model.compile(optimizer, **native_losses(setup))
    optimizer.build(setup.model.trainable_variables)
    return optimizer


def native_optimizer(setup: Setup, solver: Solver, rate: Callable[[Solver], Any]) -> Any:
    """The solver as an optimizer of Keras's; several of them, if blobs have several lr_mults."""
    paths: dict[float, list[str]] = {}
    for item in setup.trained:
        paths.setdefault(item.rate, []).append(item.variable.path)
    of_rate = {factor: _single(solver, rate, factor) for factor in paths}
    if len(of_rate) < 2:
        return next(iter(of_rate.values()), None) or _single(solver, rate, 1.0)
    most = max(paths, key=lambda factor: len(paths[factor]))
    others = {pattern(paths, factor): of_rate[factor] for factor in paths if factor != most}
    optimizers = keras.optimizers
    return optimizers.MultiOptimizer(optimizers.OptimizerMap(of_rate[most], others))


def pattern(paths: Mapping[float, Sequence[str]], factor: float) -> str:
    """The regular expression of the paths of variables with an lr_mult; if that is all variables
    of one kind, such as the biases, by that. A file keeps the map as it is spelled."""
    own = paths[factor]
    rest = {path for other, several in paths.items() if other != factor for path in several}
    (kind, *more) = {path.rpartition("/")[2] for path in own}
    if not more and not any(path.endswith(f"/{kind}") for path in rest):
        return f".*/{kind}"
    return "|".join(map(re.escape, own))


def _single(solver: Solver, rate: Callable[[Solver], Any], factor: float) -> Any:
    clip = solver.clip_gradients
    own = {
        "learning_rate": rate(replace(solver, base_lr=solver.base_lr * factor)),
        "global_clipnorm": None if clip is None else clip / solver.iter_size,
        "gradient_accumulation_steps": solver.iter_size if solver.iter_size > 1 else None,
    }
    return _OPTIMIZERS[solver.rule](solver, own)


def parts(optimizer: Any) -> Sequence[Any]:
    """The optimizer, and those that it consists of."""
    several = isinstance(optimizer, getattr(keras.optimizers, "MultiOptimizer", ()))
    return [optimizer, *optimizer.optimizers] if several else [optimizer]


def memories_of(
    optimizer: Any, names: Sequence[str], variable: keras.Variable
) -> list[keras.Variable]:
    """What an optimizer, or the part of it that is the variable's, remembers of a variable; nothing
    where it has no momentum."""
    for part in parts(optimizer):
        own = [id(known) for known in part._trainable_variables]
        if id(variable) in own and hasattr(part, names[0]):
            slots = [getattr(part, name) for name in names]
            return [slot[own.index(id(variable))] for slot in slots if slot]
    return []


def native_losses(setup: Setup) -> dict[str, Any]:
    """The losses and the metrics of a training, as `model.compile` takes them."""
    measured = [_of_output(setup, name) for name in setup.plan.outputs]
    losses = [None if loss is None else loss.function for loss, _ in measured]
    weights = [0.0 if loss is None else loss.weight for loss, _ in measured]
    metrics = [metric for _, metric in measured]
    single = len(measured) == 1
    return {
        "loss": losses[0] if single else losses,
        "loss_weights": weights,
        "metrics": metrics[0] if single else metrics,
    }


# ---- the solver ------------------------------------------------------------------------------


def _of_optimizer(setup: Setup, solver: Solver) -> Iterator[str]:
    if solver.rule not in MEMORIES:
        yield f"Keras's {solver.rule} adds its epsilon within the root, Caffe's behind it"
    if solver.clip_gradients is not None and solver.weight_decay:
        yield "Caffe clips gradients before the decay, Keras with it"
    if len({item.rate for item in setup.trained}) > 1:
        if not hasattr(keras.optimizers, "MultiOptimizer"):
            yield "several lr_mults want the MultiOptimizer of Keras 3.15"
        if solver.clip_gradients is not None:
            yield "Caffe clips the gradients of all rates together, Keras those of each"
    for item in setup.trained:
        decayed = solver.weight_decay * item.decay
        if decayed and not hasattr(_owner(item), _regularizer(item)):
            yield f"layer '{item.weight_map.layer}' takes no regularizer for its weight"


def _of_schedule(solver: Solver) -> Iterator[str]:
    if not is_native(rate(solver)):
        yield f"Keras has no schedule like lr_policy {solver.policy!r}"
    if solver.iter_size > 1 and solver.policy != "fixed":
        yield "Keras's schedules count the passes of an accumulated gradient, Caffe's its steps"


# ---- the net ---------------------------------------------------------------------------------


def _of_statistics(setup: Setup) -> Iterator[str]:
    if any(layer.normalization.by_batch for layer in setup.remembered):
        yield "Caffe's BatchNorm remembers sums, and the unbiased variance"


def _of_net(setup: Setup) -> Iterator[str]:
    if stored_only(setup):
        yield "a BatchNorm goes by its stored statistics, and its Scale is trained"
    if setup.is_tied:
        yield "layers share parameters that Keras has twice"
    if setup.stopped or any(_stops(layer) for layer in setup.objectives.measuring):
        yield "propagate_down stops gradients"


def _of_overwritten(setup: Setup) -> Iterator[str]:
    if setup.overwritten:
        yield "the gradient of a ReLU depends on what a later layer in place writes over it"


def stored_only(setup: Setup) -> list[str]:
    """The normalisations that Keras would train by each batch, as their layers are trained, and
    Caffe by what is stored."""
    own = {layer.name for layer in setup.remembered if not layer.normalization.by_batch}
    return sorted({item.weight_map.layer for item in setup.trained} & own)


def _stops(layer: Layer) -> bool:
    return layer.learning.propagate_down[:1] == (False,)


# ---- weights ---------------------------------------------------------------------------------


def _of_weights(setup: Setup) -> Iterator[str]:
    for name in sorted({item.weight_map.layer for item in partly_frozen(setup)}):
        yield f"of layer '{name}' Caffe trains only some weights"


def partly_frozen(setup: Setup) -> list[Trained]:
    """The weights that are not trained of layers of which others are; a file does not keep that."""
    trained = {item.weight_map.layer for item in setup.trained}
    result = []
    for item in setup.placed:
        statistics = all(p.is_statistics for p in item.weight_map.parameters)
        frozen = not item.variable.trainable and (item.weight_map.is_constant or not statistics)
        if frozen and item.weight_map.layer in trained:
            result.append(item)
    return result


def _owner(item: Trained) -> Any:
    return getattr(item.layer, "cell", item.layer)


def _regularizer(item: Trained) -> str:
    return f"{item.weight_map.role}_regularizer"


def regularize(setup: Setup, solver: Solver) -> None:
    """Give the layers of a model the decay of the solver as regularizers."""
    for item in setup.trained:
        if decay := solver.weight_decay * item.decay:
            _regularize(item, decay, solver.regularization)


def _regularize(item: Trained, decay: float, regularization: str) -> None:
    """Keras's L2 has the gradient 2 · l2 · w, its L1 l1 · sign w."""
    l1_or_l2 = keras.regularizers.L1(decay) if regularization == "L1" else None
    regularizer = l1_or_l2 or keras.regularizers.L2(decay / 2)
    setattr(_owner(item), _regularizer(item), regularizer)
    item.variable.regularizer = regularizer


# ---- losses ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class NativeLoss:
    """A loss of Keras, and the weight that makes it Caffe's."""

    function: Any
    weight: float


def _minimised(setup: Setup) -> list[Layer]:
    return [layer for layer in setup.objectives.measuring if layer.tops[0] in _weighted(setup)]


def _of_losses(setup: Setup) -> Iterator[str]:
    inputs = {entry.name for entry in setup.net.inputs}
    readers = _minimised(setup)
    for layer in readers:
        scores, *labels = layer.bottoms
        if scores not in setup.plan.outputs or len(labels) != 1 or labels[0] not in inputs:
            yield f"the loss '{layer.name}' does not compare one result with one input"
        elif _native_loss(setup, layer) is None:
            yield f"Keras has no loss like '{layer.name}' ({layer.type})"
    scored = [layer.bottoms[0] for layer in readers]
    if len(set(scored)) < len(scored):
        yield "two losses read one result"
    compared = {(layer.bottoms[0], layer.bottoms[1]) for layer in setup.objectives.measuring}
    if len(compared) > len({result for result, _ in compared}):
        yield "one result is compared with two inputs"


def _of_objective(setup: Setup) -> Iterator[str]:
    if _weighted(setup) - {layer.tops[0] for layer in _minimised(setup)}:
        yield "what is minimised is not only losses of Caffe's"


def _weighted(setup: Setup) -> set[str]:
    return set(setup.objectives.weights)


def _of_output(setup: Setup, name: str) -> tuple[NativeLoss | None, Any]:
    """The loss and the metrics of an output of the model."""
    readers = [layer for layer in setup.objectives.measuring if layer.bottoms[0] == name]
    losses = [_native_loss(setup, x) for x in readers if x.tops[0] in _weighted(setup)]
    metrics = [_metric(layer) for layer in readers if layer.type == "Accuracy"]
    return next(iter(losses), None), [metric for metric in metrics if metric is not None] or None


def _metric(layer: Layer) -> Any:
    own = layer.params.get("accuracy_param", {})
    if "ignore_label" in own or own.get("axis", 1) != 1:
        return None
    k = own.get("top_k", 1)
    metrics = keras.metrics
    name = layer.tops[0]
    if k == 1:
        return metrics.SparseCategoricalAccuracy(name=name)
    return metrics.SparseTopKCategoricalAccuracy(k, name=name)


def _native_loss(setup: Setup, layer: Layer) -> NativeLoss | None:
    build = _LOSSES.get(layer.type)
    layout = setup.plan.values[layer.bottoms[0]].layout
    sizes = layout.logical_shape[1:]
    if build is None or not all(isinstance(size, int) for size in sizes):
        return None
    loss = build(layer, layout, prod(int(size) for size in sizes))
    if loss is None:
        return None
    return NativeLoss(loss.function, loss.weight * setup.objectives.weights[layer.tops[0]])


def _softmax(layer: Layer, layout: Layout, elements: int) -> NativeLoss | None:
    """Keras takes the mean over all labels that are not ignored, or their sum."""
    axis = layer.params.get("softmax_param", {}).get("axis", 1) % layout.rank
    others = [layout.where(i) for i in range(layout.rank) if i != axis]
    if layout.where(axis) != layout.rank - 1 or others != list(range(layout.rank - 1)):
        return None
    ignored = layer.params.get("loss_param", {}).get("ignore_label")
    how, classes = mode(layer, "VALID"), int(layout.logical_shape[axis])
    weight = 1.0
    if how == "BATCH_SIZE":
        weight = elements / classes if axis else 0.0
    if not weight or (ignored is not None and how not in ("NONE", "VALID")):
        return None
    function = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True,
        ignore_class=ignored,
        reduction="sum" if how == "NONE" else "sum_over_batch_size",
    )
    return NativeLoss(function, weight)


def _euclidean(layer: Layer, layout: Layout, elements: int) -> NativeLoss:
    """Keras's mean, over the numbers of each sample too."""
    return NativeLoss(keras.losses.MeanSquaredError(), elements / 2)


def _sigmoid(layer: Layer, layout: Layout, elements: int) -> NativeLoss | None:
    how = mode(layer, "BATCH_SIZE")
    if how == "NONE" or "ignore_label" in layer.params.get("loss_param", {}):
        return None
    weight = float(elements) if how == "BATCH_SIZE" else 1.0
    return NativeLoss(keras.losses.BinaryCrossentropy(from_logits=True), weight)


_LOSSES: Mapping[str, Callable[[Layer, Layout, int], NativeLoss | None]] = {
    "EuclideanLoss": _euclidean,
    "SigmoidCrossEntropyLoss": _sigmoid,
    "SoftmaxWithLoss": _softmax,
}
