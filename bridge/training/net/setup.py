"""From the files of a training to a Keras model whose variables are known by Caffe's blobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import keras
import numpy as np

from bridge.caffe import read
from bridge.caffe.fillers import is_filled
from bridge.caffe.match import with_filled_weights
from bridge.caffe.net import Layer, Net
from bridge.errors import UnsupportedError, UnsupportedLayerError, after
from bridge.from_caffe import lower_net, read_net
from bridge.graph.io import to_ir
from bridge.graph.passes import run_passes
from bridge.keras.build import build
from bridge.plugins import load_file
from bridge.public.options import LoweringOptions, PathLike
from bridge.raising import raise_model
from bridge.raising.names import decode, encode
from bridge.raising.plan import Plan
from bridge.training.net.in_place import Overwritten, overwritten
from bridge.training.net.objectives import Objectives, objectives
from bridge.training.net.parameters import Parameters, parameters, to_be_planned
from bridge.training.net.tying import tied
from bridge.training.net.weight_maps import WeightMap, weight_maps
from bridge.training.statistics import Remembered
from bridge.types import Array


@dataclass(frozen=True)
class Trained:
    """A variable of the model, and where its numbers are in Caffe's blobs."""

    variable: keras.Variable
    weight_map: WeightMap
    layer: Any

    @property
    def rate(self) -> float:
        return self.weight_map.parameters[0].rate

    @property
    def decay(self) -> float:
        return self.weight_map.parameters[0].decay


@dataclass(frozen=True)
class Setup:
    """A net to train: its model, all variables that have weights of Caffe's, and those of them
    that are trained, in the order of the model's trainable variables."""

    net: Net
    objectives: Objectives
    parameters: Parameters
    plan: Plan
    model: keras.Model
    placed: tuple[Trained, ...]
    trained: tuple[Trained, ...]
    remembered: tuple[Remembered, ...]
    stopped: Mapping[str, str]
    overwritten: Mapping[str, Overwritten]
    warnings: tuple[str, ...]

    @cached_property
    def is_tied(self) -> bool:
        """Whether the model has a number of Caffe's parameters more than once."""
        maps = [item.weight_map for item in self.trained]
        keys = Counter(parameter.key for own in maps for parameter in own.parameters)
        doubtful = [m for m in maps if m.steps is None or keys[m.parameters[0].key] > 1]
        counts = np.zeros(self.parameters.size if doubtful else 0, np.int32)
        for own in doubtful:
            own.add(np.ones(own.positions.shape, np.int32), counts)
        return bool((counts > 1).any())


def set_up(prototxt: PathLike, caffemodel: PathLike | None, options: LoweringOptions) -> Setup:
    """The training of a net that is read in phase TRAIN; without weights, its fillers make them.

    Raises BridgeError for whatever cannot be trained as Caffe does.
    """
    net, goals = _read(prototxt, caffemodel, options)
    with after(net.warnings):
        _refuse_random(net)
        own = parameters(net)
        lowered = lower_net(to_be_planned(net), replace(options, outputs=goals.computed))
        plan = raise_model(run_passes(to_ir(lowered)))
        plan, maps = tied(plan, weight_maps(plan, own), own)
        model = build(plan)
        placed = _placed(model, maps, own.values())
        trained = _trained(model, placed)
        return Setup(
            net,
            goals,
            own,
            plan,
            model,
            placed,
            trained,
            _remembered(own, placed),
            _stopped(net, model),
            _overwritten(net, plan, model),
            lowered.warnings,
        )


def _read(
    prototxt: PathLike, caffemodel: PathLike | None, options: LoweringOptions
) -> tuple[Net, Objectives]:
    """The net, and its objectives, which say what of the net is lowered."""
    for plugin in options.plugins:
        load_file(plugin)
    definition = read(
        prototxt,
        phase="TRAIN",
        stages=options.stages,
        level=options.level,
        input_shape=options.shapes,
    )
    goals = objectives(definition)
    training = replace(options, phase="TRAIN", outputs=goals.computed)
    net = read_net(prototxt, caffemodel, training, with_filled_weights)
    return replace(net, layers=tuple(map(_without_statistics, net.layers))), goals


def _without_statistics(layer: Layer) -> Layer:
    """A normalisation that has seen no batch has sums of 0, and a weight of 0 (Caffe's LayerSetUp);
    filled for testing it has those of normalised data."""
    if layer.type != "BatchNorm" or not all(map(is_filled, layer.blobs)):
        return layer
    blobs = [replace(b, read=partial(np.zeros, b.shape, np.float32)) for b in layer.blobs]
    return replace(layer, blobs=tuple(blobs))


def _refuse_random(net: Net) -> None:
    for layer in net.layers:
        if not layer.params.get("dropout_param", {}).get("scale_train", True):
            raise UnsupportedLayerError(
                "Keras's Dropout scales in training, and this one in testing",
                where=layer,
                received="scale_train: false",
            )


# Keras's attributes, where a plan names a weight otherwise.
_ATTRIBUTES = {"depthwise": "kernel", "recurrent": "recurrent_kernel"}


def attribute(role: str) -> str:
    """What a layer of Keras calls its weight."""
    return _ATTRIBUTES.get(role, role)


def _placed(
    model: keras.Model, weight_maps: Sequence[WeightMap], values: Array
) -> tuple[Trained, ...]:
    """The variables of all maps, with their values."""
    result = []
    for weight_map in weight_maps:
        layer = model.get_layer(weight_map.layer)
        variable = getattr(getattr(layer, "cell", layer), attribute(weight_map.role), None)
        if not isinstance(variable, keras.Variable):
            if weight_map.is_constant:
                continue
            raise UnsupportedError(
                f"a {type(layer).__name__} of Keras has no weight '{weight_map.role}' to train",
                where=f"layer '{weight_map.layer}'",
            )
        constants = np.asarray(keras.ops.convert_to_numpy(variable))
        variable.assign(weight_map.taken(values, constants))
        result.append(Trained(variable, weight_map, layer))
    return tuple(result)


def _trained(model: keras.Model, placed: Sequence[Trained]) -> tuple[Trained, ...]:
    """Those whose parameters Caffe trains; the model's others are frozen."""
    by_id = {id(item.variable): item for item in placed}
    for item in placed:
        item.variable.trainable = any(p.is_trained for p in item.weight_map.parameters)
        factors = {(p.rate, p.decay) for p in item.weight_map.parameters}
        if item.variable.trainable and len(factors) > 1:
            raise UnsupportedError(
                "a weight of Keras has parts that Caffe trains at different rates",
                where=f"layer '{item.weight_map.layer}', {item.weight_map.role}",
                received=", ".join(
                    f"{a}[{b}]" for a, b in (p.key for p in item.weight_map.parameters)
                ),
            )
    _freeze(placed)
    return tuple(by_id[id(variable)] for variable in model.trainable_variables)


def _freeze(placed: Sequence[Trained]) -> None:
    """Freezes whole layers of whose weights none is trained: a file keeps that."""
    trained = {id(item.layer) for item in placed if item.variable.trainable}
    for item in placed:
        if id(item.layer) not in trained:
            item.layer.trainable = False


def _remembered(own: Parameters, placed: Sequence[Trained]) -> tuple[Remembered, ...]:
    by_key: dict[Any, Trained] = {
        parameter.key: item
        for item in placed
        for parameter in item.weight_map.parameters
        if parameter.is_statistics
    }
    result = []
    for normalization in own.normalizations:
        keys = (normalization.mean.key, normalization.variance.key)
        if any(key not in by_key for key in keys):
            raise UnsupportedError(
                "this normalisation became no BatchNormalization layer in Keras",
                where=f"layer '{normalization.layer}'",
            )
        mean, variance = (by_key[key] for key in keys)
        result.append(
            Remembered(
                mean.weight_map.layer,
                normalization,
                (mean.variable, mean.weight_map),
                (variance.variable, variance.weight_map),
            )
        )
    return tuple(result)


def _stopped(net: Net, model: keras.Model) -> dict[str, str]:
    """The operations of each layer that passes no gradient on, with the layer's name."""
    result: dict[str, str] = {}
    inner = [layer for layer in net.layers if layer.learning.propagate_down]
    for layer in inner:
        passed_on = layer.learning.propagate_down
        if all(passed_on):
            continue
        names = [
            operation.name
            for operation in model.operations
            if (decode(operation.name) + "/").startswith(f"{layer.name}/")
        ]
        if names and any(passed_on):
            raise UnsupportedLayerError(
                "it passes the gradient of some bottoms on, and not of others",
                where=layer,
                received=f"propagate_down: {', '.join(map(str, passed_on)).lower()}",
            )
        result |= dict.fromkeys(names, layer.name)
    return result


def _overwritten(net: Net, plan: Plan, model: keras.Model) -> dict[str, Overwritten]:
    """The operations of the ReLUs whose results are overwritten."""
    names: dict[str, Any] = {operation.name: operation for operation in model.operations}
    result = {}
    for layer, relu in overwritten(net).items():
        name = encode(layer)
        layouts = [plan.values[v].layout for v in (relu.value, relu.last) if v in plan.values]
        is_relu = isinstance(names.get(name), keras.layers.ReLU | keras.layers.LeakyReLU)
        if not is_relu or len(layouts) < 2 or not layouts[0].same_array(layouts[1]):
            raise UnsupportedError(
                "Caffe's gradient of this ReLU depends on what is written over its result",
                where=f"layer '{layer}'",
                hint="give the layers in place tops of their own, in Caffe too",
            )
        result[name] = relu
    return result
