"""Layers whose backward pass reads what a later layer has written over their result.

Caffe's layers in place share memory: of `conv`, `relu` and `norm` on one blob, the backward pass of
`relu` finds the result of `norm` where it looks for its own, and takes the signs of that. So do
these functions, for a ReLU; for other layers, whose gradients would be no gradients at all, they
refuse.
(Source: Backward_cpu of the layers in src/caffe/layers)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.caffe.net import Layer, Net
from bridge.caffe.sharing import OVERWRITTEN
from bridge.errors import UnsupportedLayerError

# Backward reads the layer's own result, or the memory that it works on in place.
_READS = frozenset(
    "AbsVal BNLL Clip ELU Exp Log LRN LSTM MVN Normalize RNN Sigmoid Softmax Swish TanH".split()
)
# Of these it depends on what they compute: a sum and a maximum read nothing, nor does a multiple.
_MAY_READ: Mapping[str, Callable[[Layer], bool]] = {
    "Eltwise": lambda layer: not _setting(layer, "eltwise_param", "stable_prod_grad", True),
    "Power": lambda layer: _setting(layer, "power_param", "power", 1.0) != 1,
}


@dataclass(frozen=True)
class Overwritten:
    """A ReLU whose result is in place of `last`, another value, when the backward pass comes."""

    layer: str
    value: str
    last: str
    negative_slope: float


def overwritten(net: Net) -> Mapping[str, Overwritten]:
    """The layers of a net whose gradients depend on what is written over their results, by name.

    Raises UnsupportedLayerError where that is not known for a layer.
    """
    result: dict[str, Overwritten] = {}
    for layer in net.layers:
        if layer.type == OVERWRITTEN:
            raise _shared(layer)
        after = _in_place_after(net, layer)
        if not after or (layer.type == "ReLU" and all(x.type == "Dropout" for x in after)):
            continue  # what Dropout leaves has the same signs
        if layer.type in _READS or _MAY_READ.get(layer.type, _never)(layer):
            raise _unknown(layer, after[-1])
        if layer.type == "ReLU":
            slope = _setting(layer, "relu_param", "negative_slope", 0.0)
            result[layer.name] = Overwritten(layer.name, layer.tops[0], after[-1].tops[0], slope)
    if result and (dropout := next((x for x in net.layers if x.type == "Dropout"), None)):
        raise _unknown(dropout, dropout)
    return result


def _setting(layer: Layer, message: str, name: str, default: Any) -> Any:
    return layer.params.get(message, {}).get(name, default)


def _never(layer: Layer) -> bool:
    return False


def _in_place_after(net: Net, layer: Layer) -> list[Layer]:
    """The layers that work in place on the result of this one, in order."""
    writers: list[Layer] = []
    value = layer.tops[0] if layer.tops else ""
    blob, mark, _ = value.rpartition(f":{layer.name}")
    if not mark:
        return writers
    for later in net.layers[net.layers.index(layer) + 1 :]:
        if later.bottoms[:1] == (value,):
            top = later.tops[0] if later.tops else ""
            if top != blob and not top.startswith(f"{blob}:"):
                break
            writers.append(later)
            value = top
    return writers


def _unknown(layer: Layer, last: Layer) -> UnsupportedLayerError:
    return UnsupportedLayerError(
        "in Caffe's backward pass it reads what a later layer in place has written over its result",
        where=layer,
        received=f"layer '{last.name}' ({last.type}) in place",
        hint="give the layers in place tops of their own, in Caffe too: its gradient is not the "
        "derivative of its forward pass",
    )


def _shared(layer: Layer) -> UnsupportedLayerError:
    return UnsupportedLayerError(
        "it works in place on memory that other blobs share, and Caffe's backward pass reads that",
        where=layer.where,
        received=layer.name,
        hint="give the layer in place a top of its own",
    )
