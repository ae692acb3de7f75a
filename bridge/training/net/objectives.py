"""What a net is trained for: its losses, with their weights, and what is measured beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from bridge.caffe.net import Layer, Net
from bridge.errors import PrototxtError, UnsupportedError, UnsupportedLayerError
from bridge.lower.cut import measures

MEASURED = frozenset({"Accuracy"})
LOSSES = frozenset(
    "SoftmaxWithLoss EuclideanLoss SigmoidCrossEntropyLoss HingeLoss MultinomialLogisticLoss "
    "InfogainLoss ContrastiveLoss".split()
)

# Layers that compute otherwise in training, in a way that depends on chance or on the fork.
_UNKNOWN_IN_TRAINING = frozenset({"BN", "RReLU", "Insanity"})


@dataclass(frozen=True)
class Objectives:
    """The layers that measure, the values of the net that they read, and what is minimised.

    `weights` are those of each value in the sum that the training minimises. `outputs` are the
    values that no layer reads, as Caffe's net returns them; `inputs` are the inputs of the net that
    only measuring layers read, such as labels.
    """

    measuring: tuple[Layer, ...]
    weights: dict[str, float] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()
    fed: tuple[str, ...] = ()


def objectives(net: Net) -> Objectives:
    """The objectives of a net that was read in phase TRAIN.

    Raises UnsupportedLayerError for losses that are not known, and for layers of which it is not
    known what they do in training; UnsupportedError for a net without a loss.
    """
    measuring = tuple(layer for layer in net.layers if measures(layer))
    _refuse_unknown(net, measuring)
    inner = tuple(layer for layer in net.layers if not measures(layer))
    weights = {
        top: weight
        for layer in net.layers
        for top, weight in zip(layer.tops, _weights(layer), strict=False)
        if weight
    }
    if not weights:
        raise UnsupportedError(
            "the net has no loss to train it by",
            where=net.name or None,
            expected="a layer such as SoftmaxWithLoss in phase TRAIN, or a loss_weight",
            hint="pass the net for training: train_val.prototxt",
        )
    produced = set(chain.from_iterable(layer.tops for layer in inner))
    read = [bottom for layer in measuring for bottom in layer.bottoms]
    own = set(chain.from_iterable(layer.tops for layer in measuring))
    wanted = dict.fromkeys([*read, *weights, *net.outputs])
    return Objectives(
        measuring,
        weights,
        outputs=tuple(name for name in net.outputs if name in produced | own),
        computed=tuple(name for name in wanted if name in produced),
        fed=tuple(name for name in dict.fromkeys(read) if name not in produced | own),
    )


def _weights(layer: Layer) -> Sequence[float]:
    """(Source: LayerSetUp in loss_layer.cpp: the first top of a loss has the weight 1)"""
    stated = layer.learning.loss_weights
    return stated or ((1.0,) if layer.type in LOSSES else ())


def _refuse_unknown(net: Net, measuring: Sequence[Layer]) -> None:
    known = LOSSES | MEASURED
    unknown = [x for x in measuring if x.type not in known]
    unknown += [x for x in net.layers if x.type in _UNKNOWN_IN_TRAINING]
    if unknown:
        raise UnsupportedLayerError(
            "it is not known how these layers train:" + "".join(f"\n  {x}" for x in unknown),
            expected=f"losses: {', '.join(sorted(LOSSES))}",
            hint="train with one of these losses; or convert the net without --solver, and train "
            "the Keras model with a loss of your own",
        )
    _refuse_wrong_counts(measuring)
    _refuse_ambiguous(net, measuring)
    read = {bottom for layer in net.layers for bottom in layer.bottoms}
    for layer in measuring:
        if taken := read.intersection(layer.tops):
            raise UnsupportedLayerError(
                "other layers read what this loss computes",
                where=layer,
                received=", ".join(sorted(taken)),
                hint="give each loss its loss_weight instead: they are summed",
            )


# How many blobs a layer reads that reads other than two (ExactNumBottomBlobs and its kin, in
# caffe/include/caffe/layers).
_BOTTOMS = {"ContrastiveLoss": (3,), "InfogainLoss": (2, 3)}


def _refuse_wrong_counts(measuring: Sequence[Layer]) -> None:
    for layer in measuring:
        counts = _BOTTOMS.get(layer.type, (2,))
        if len(layer.bottoms) not in counts:
            raise PrototxtError(
                "it reads more or fewer blobs than Caffe's layer",
                where=layer,
                expected=" or ".join(f"{count} bottoms" for count in counts),
                received=", ".join(layer.bottoms) or "none",
            )


def _refuse_ambiguous(net: Net, measuring: Sequence[Layer]) -> None:
    """InfogainLoss reads probabilities in Caffes before 2017, and scores since, of which it takes
    the softmax itself; the newer alone has an axis. Of a Softmax before it, it is not known which
    of the two was meant; without one only the newer makes sense."""
    softmax = {top for layer in net.layers if layer.type == "Softmax" for top in layer.tops}
    for layer in measuring:
        own = layer.params.get("infogain_loss_param", {})
        if layer.type == "InfogainLoss" and "axis" not in own and layer.bottoms[0] in softmax:
            raise UnsupportedLayerError(
                "Caffe's InfogainLoss reads probabilities before 2017, and scores since",
                where=layer,
                expected="the scores before the Softmax",
                received=layer.bottoms[0],
                hint="take the Softmax out: the newer takes it itself; or state "
                "infogain_loss_param { axis: 1 } if the softmax is meant to be taken twice",
            )
