"""The functions of a script that add to the net what Caffe trains it with: Keras's own objects
where they compute the very same steps, and else what Keras lacks, as this package computes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bridge.caffe.files.solver_settings import Solver
from bridge.caffe.net import Layer
from bridge.script.lines import INDENT, Brackets, keyword, lines, listed
from bridge.script.literals import Identifiers, literal, quoted, shortest
from bridge.script.steps import RESERVED
from bridge.training.measures import TABLE, options
from bridge.training.net.setup import Setup, attribute
from bridge.training.script.carried import Carried
from bridge.training.script.layers import CaffeBatchNorm, OverwrittenReLU
from bridge.training.script.limits import after, labels, read_outputs, targets, undone
from bridge.training.script.objects import is_own, rate_of, source_of
from bridge.training.solving.caffe import caffe_optimizer
from bridge.training.solving.native import (
    Reasons,
    native_losses,
    native_optimizer,
    partly_frozen,
    parts,
)
from bridge.training.solving.optimizer import CaffeOptimizer
from bridge.training.solving.rates import rate_of_passes
from bridge.training.solving.rules import Rule, Settings
from bridge.training.statistics import Remembered

_NATIVE = "The model with the losses of the net, and the steps of its solver."
_OWN = "A model of the same layers that trains as Caffe does; the other stays plain, to be saved."
_LOSS = "self, x=None, y=None, y_pred=None, sample_weight=None, training=True"


def _layer(name: str) -> str:
    return f"model.get_layer({quoted(name)})"


def _settings(layer: Remembered) -> tuple[str, str]:
    """The weight of the sums of a normalisation, and how they decay."""
    (weight,) = layer.normalization.factor.blob.array().reshape(-1)
    return (
        literal(shortest(float(weight))),
        literal(shortest(layer.normalization.fraction)),
    )


@dataclass(frozen=True)
class Compiled:
    """The function `compiled` of a script, and the class of its model where Keras lacks a loss."""

    setup: Setup
    solver: Solver
    why: Reasons

    @cached_property
    def optimizer(self) -> Any:
        """The solver as an optimizer, of Keras where it has such a one."""
        if self.why.optimizer:
            return caffe_optimizer(self.setup, self.solver)
        return native_optimizer(self.setup, self.solver, rate_of_passes)

    @property
    def carried(self) -> Carried:
        """What Keras lacks."""
        carried = Carried()
        if isinstance(self.optimizer, CaffeOptimizer):
            carried.add(self.optimizer.rule.step, Rule, Settings, CaffeOptimizer)
        carried.add(*{type(r) for r in map(rate_of, parts(self.optimizer)[-1:]) if is_own(r)})
        if self.why.statistics:
            carried.add(CaffeBatchNorm)
        if self.why.overwritten:
            carried.add(OverwrittenReLU)
        if self.why.losses:
            carried.add(*(TABLE[layer.type].function for layer in self._losses))
        return carried

    def texts(self, taken: Sequence[str]) -> Iterator[str]:
        """The class and the function, in which no variable has a name that is `taken`."""
        if self.why.losses:
            yield "\n".join(self._class(Identifiers(*RESERVED, "y", "y_pred", "training", *taken)))
        yield "\n".join(self._function())

    @property
    def _losses(self) -> list[Layer]:
        weights = self.setup.objectives.weights
        return [x for x in self.setup.objectives.measuring if x.tops and x.tops[0] in weights]

    # ---- the function ----------------------------------------------------------------------------

    def _function(self) -> Iterator[str]:
        yield "def compiled(model):"
        yield f'{INDENT}"""{_OWN if self.why.all else _NATIVE}"""'
        if not self.why.all:
            yield from self._compiled("model")
            return
        for item in partly_frozen(self.setup) if self.why.weights else ():
            cell = ".cell" if hasattr(item.layer, "cell") else ""
            weight = f"{_layer(item.weight_map.layer)}{cell}.{attribute(item.weight_map.role)}"
            yield f"{INDENT}{weight}.trainable = False"
        replaced = self.why.statistics or self.why.overwritten
        if replaced:
            yield from self._replacements()
        kind = "Training" if self.why.losses else "keras.Model"
        net = "net" if replaced else "model"
        outputs = self._outputs(net) if self.why.losses else f"{net}.outputs"
        yield f"{INDENT}training = {kind}({net}.inputs, {outputs})"
        yield from self._compiled("training")

    def _metrics(self, metrics: Any) -> Any:
        """Those of the outputs that are read, as `compile` takes them."""
        every, read = self.setup.plan.outputs, read_outputs(self.setup)
        if len(every) == 1:
            return metrics
        own = [metric for name, metric in zip(every, metrics, strict=True) if name in read]
        return (own[0] if len(own) == 1 else own) if any(own) else None

    def _outputs(self, net: str) -> str:
        """Those that are read: the losses of the class know no others."""
        every, read = self.setup.plan.outputs, read_outputs(self.setup)
        indices = [index for index, name in enumerate(every) if name in read]
        some = ", ".join(f"{net}.outputs[{index}]" for index in indices)
        return f"{net}.outputs" if len(read) == len(every) else f"[{some}]"

    def _compiled(self, model: str) -> Iterator[str]:
        said = native_losses(self.setup)
        if self.why.losses:
            said = {
                "metrics": None if None in labels(self.setup) else self._metrics(said["metrics"])
            }
        elif all(weight == 1 for weight in said["loss_weights"]):
            del said["loss_weights"]
        words = [keyword(n, source_of(value)) for n, value in said.items() if value is not None]
        yield from lines(Brackets(f"{model}.compile", [source_of(self.optimizer), *words]), INDENT)
        yield f"{INDENT}return {model}"

    def _replacements(self) -> Iterator[str]:
        """A net of the same layers, but for those that train otherwise in Caffe."""
        by_batch = [x for x in self.setup.remembered if x.normalization.by_batch]
        settings = {layer.name: _settings(layer) for layer in by_batch}
        kind = "layers.BatchNormalization"
        every = [call for call in self.setup.plan.calls if call.target == kind]
        if len(every) == len(by_batch) > 1 and len(set(settings.values())) == 1:
            new = Brackets("CaffeBatchNorm", ["layer", *next(iter(settings.values()))])
            yield f"{INDENT}norms = [x for x in model.layers if isinstance(x, {kind})]"
            yield f"{INDENT}own = {{layer.name: {new} for layer in norms}}"
        else:
            yield f"{INDENT}own = {{}}"
            for name, numbers in settings.items():
                new = Brackets("CaffeBatchNorm", [_layer(name), *numbers])
                yield from lines(new, INDENT, f"own[{quoted(name)}] = ")
        for name in self.setup.overwritten:
            writers = [
                f"own[{quoted(x)}]" if x in settings else _layer(x)
                for x in after(self.setup, name) or ()
            ]
            new = Brackets("OverwrittenReLU", [_layer(name), listed(writers)])
            yield from lines(new, INDENT, f"own[{quoted(name)}] = ")
        clone = "clone_function=lambda layer: own.get(layer.name, layer)"
        yield from lines(Brackets("keras.models.clone_model", ["model", clone]), INDENT, "net = ")

    # ---- the class -------------------------------------------------------------------------------

    def _class(self, scope: Identifiers) -> Iterator[str]:
        yield "class Training(keras.Model):"
        yield f'{INDENT}"""The net with its losses as Caffe has them."""'
        yield ""
        yield f"{INDENT}def compute_loss({_LOSS}):  # noqa: ARG002"
        indent = INDENT * 2
        variables = dict[str, str]()
        for names, source in ((read_outputs(self.setup), "y_pred"), (targets(self.setup), "y")):
            fresh = {name: scope.new(name) for name in names}
            first = [names.index(name) == i for i, name in enumerate(names)]
            unpacked = [fresh[n] if new else "_" for n, new in zip(names, first, strict=True)]
            variables |= fresh
            yield f"{indent}{', '.join(unpacked)} = {source}"
            for name, variable in fresh.items():
                if name in self.setup.plan.values:
                    yield from self._ordered(name, variable, indent)
        yield f"{indent}loss = sum(self.losses)  # of regularizers"
        for layer in self._losses:
            read = [variables[name] for name in layer.bottoms]
            own = [keyword(n, literal(shortest(x))) for n, x in options(layer).items()]
            call = Brackets(TABLE[layer.type].function.__name__, [*read, *own])
            weight = self.setup.objectives.weights[layer.tops[0]]
            factor = "" if weight == 1 else f"{literal(shortest(weight))} * "
            yield from lines(call, indent, f"loss += {factor}", "[0]")
        yield f"{indent}return loss"

    def _ordered(self, name: str, variable: str, indent: str) -> Iterator[str]:
        for operation, argument in undone(self.setup, name) or ():
            call = Brackets(f"ops.{operation}", [variable, literal(argument)])
            yield from lines(call, indent, f"{variable} = ")
