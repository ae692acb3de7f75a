"""The inputs of a net: Input layers and the data layers of training nets, with their shapes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any

from bridge.caffe.files.prototxt import Message
from bridge.caffe.files.weights import StoredLayer
from bridge.caffe.net import Input, Net, Shape
from bridge.errors import Location, PrototxtError, UsageError, did_you_mean

# A dim that the prototxt does not state, since it is in a database or an image file.
UNKNOWN = 0


def are_inputs(layers: Sequence[Message], requested: Collection[str] = ()) -> list[bool]:
    """Which layers of a net are its inputs; `requested` are blobs that the caller has shapes for.

    DummyData, which produces constants, is one if there is no other input.
    """
    flags = [is_input(layer, requested) for layer in layers]
    return flags if any(flags) else [layer.get("type") == "DummyData" for layer in layers]


def is_input(layer: Message, requested: Collection[str] = ()) -> bool:
    """Whether a layer is an input of any net: fed by the caller, or from files while training.

    Of the layers that read no blob, these are inputs: a Python layer, whose output comes from
    outside the net; one with "data" in its type, known or not; DummyData with random values; and
    any whose blob is `requested`, except those that hold constants of the net.
    """
    kind = layer.get("type", "")
    if kind == "Input":
        return True
    if layer.get("bottom") or not kind or kind in _CONSTANTS:
        return False
    if kind == "DummyData":
        fillers = layer.get("dummy_data_param", {}).get("data_filler", [])
        return any(filler.get("type", "constant") != "constant" for filler in fillers)
    is_data = "data" in kind.lower() or "python_param" in layer
    return is_data or any(top in requested for top in layer.get("top", []))


_CONSTANTS = ("Parameter", "ContinuationIndicator")


def with_requested(layers: Sequence[Message], requested: Collection[str]) -> list[Message]:
    """The layers of a net, preceded by an Input for each requested blob that layers read but none
    produces: a data layer may have been removed without a replacement."""
    produced = {top for layer in layers for top in layer.get("top", [])}
    consumers = {bottom: layer for layer in layers for bottom in layer.get("bottom", [])}
    missing = [name for name in requested if name in consumers and name not in produced]
    return [*(input_layer(name, consumers[name].where) for name in missing), *layers]


def input_layer(name: str, where: Location, shapes: Sequence[Sequence[int]] = ()) -> Message:
    """An Input layer of one blob."""
    parameter = {"shape": [{"dim": dims} for dims in shapes]}
    return Message({"name": name, "type": "Input", "top": [name], "input_param": parameter}, where)


def inputs(layer: Message) -> tuple[Input, ...]:
    """An input for each top of an input layer.

    A shape is `()` if nothing is known, and has 0 for single unknown dims.
    Errors: PrototxtError where tops and shapes do not match, and for a layer with bottoms.
    """
    if layer.get("bottom"):
        raise PrototxtError(
            f"input layer '{layer.get('name', '')}' reads blobs",
            where=layer.location("bottom"),
            expected="an input layer has tops only",
            received=", ".join(layer["bottom"]),
        )
    tops = layer.get("top", ())
    if layer["type"] == "Input":
        shapes = [tuple(s.get("dim", ())) for s in layer.get("input_param", {}).get("shape", [])]
        spread = _spread(layer, shapes or [()], len(tops))
        return tuple(map(Input, tops, spread, repeat(layer.where)))
    if layer["type"] == "DummyData":
        spread = _spread(layer, _dummy_shapes(layer), len(tops))
        return tuple(map(Input, tops, spread, repeat(layer.where)))
    if layer["type"] == "HDF5Data" or "python_param" in layer:  # no shapes in the text
        return tuple(Input(top, (), layer.where) for top in tops)
    batch = _first(layer, _SIZE, "batch_size") or 1
    # Only the list of images says how many labels an image has.
    label = () if layer["type"].startswith("MultiLabel") else (batch,)
    return (
        *(_image(layer, top, batch) for top in tops[:1]),
        *(Input(top, label, layer.where, is_label=True) for top in tops[1:]),
    )


def _image(layer: Message, top: str, batch: int) -> Input:
    return Input(
        top,
        (batch, _channels(layer), *_size(layer)),
        layer.where,
        mean=tuple(layer.get("transform_param", {}).get("mean_value", ())),
        mean_file=_first(layer, _TEXT, "mean_file") or "",
        scale=_first(layer, _NUMBER, "scale") or 1.0,
        uncropped=_uncropped(layer),
    )


def with_shapes(net: Net, shapes: Mapping[str, Shape]) -> Net:
    """The net with other shapes for its inputs, by name. Errors: UsageError for other names."""
    known = [entry.name for entry in net.inputs]
    for name in shapes:
        if name not in known:
            raise UsageError(
                f"the net has no input '{name}' to reshape",
                expected=", ".join(known),
                received=name,
                hint=did_you_mean(name, known) or None,
            )
    reshaped = (replace(i, shape=tuple(shapes.get(i.name, i.shape))) for i in net.inputs)
    return replace(net, inputs=tuple(reshaped))


def with_channels(net: Net, stored: Sequence[StoredLayer]) -> Net:
    """The net with the channels of its inputs taken from convolution weights where unknown."""
    kernels = {layer.name: layer.blobs[0].blob.shape for layer in stored if 0 in layer.blobs}
    channels = {
        bottom: kernels[layer.name][1] * layer.params.get("convolution_param", {}).get("group", 1)
        for layer in net.layers
        for bottom in layer.bottoms
        if layer.type == "Convolution" and len(kernels.get(layer.name, ())) == 4
    }
    completed = (
        replace(i, shape=(i.shape[0], channels[i.name], *i.shape[2:]))
        if len(i.shape) == 4 and i.shape[1] == UNKNOWN and i.name in channels
        else i
        for i in net.inputs
    )
    return replace(net, inputs=tuple(completed))


def _spread(layer: Message, shapes: list[Shape], count: int) -> tuple[Shape, ...]:
    """One shape for each top; a single one is for all of them."""
    if len(shapes) not in (1, count):
        raise PrototxtError(
            f"the shapes of input layer '{layer.get('name', '')}' do not match its tops",
            where=layer.where,
            expected=f"1 or {count}",
            received=len(shapes),
        )
    return tuple(shapes * count if len(shapes) == 1 else shapes)


def _dummy_shapes(layer: Message) -> list[Shape]:
    """A shape for each top or one for all; in old files, four numbers for each or for all."""
    params = layer.get("dummy_data_param", {})
    if "shape" in params:
        return [tuple(shape.get("dim", ())) for shape in params["shape"]]
    columns = [params.get(name, []) for name in ("num", "channels", "height", "width")]
    count = max(map(len, columns))
    full = [column * count if len(column) == 1 else column for column in columns]
    return list(zip(*full, strict=False)) or [()]


def _parameters(layer: Message) -> list[Mapping[str, Any]]:
    """All parameter messages of a data layer: forks rename the messages, not their fields."""
    return [value for name, value in layer.items() if name.endswith("_param") and value]


_SIZE, _NUMBER, _TEXT = (int,), (int, float), (str,)


def _first(layer: Message, kinds: Collection[type], *names: str) -> Any:
    """The value of the first of these fields that any parameter message sets, or None. Messages of
    forks may have what is of another kind under these names: that is none."""
    messages = [message for message in _parameters(layer) if isinstance(message, Mapping)]
    values = (message.get(name) for name in names for message in messages)
    return next((value for value in values if type(value) in kinds and value), None)


def _channels(layer: Message) -> int:
    transform = layer.get("transform_param", {})
    if channels := _first(layer, _SIZE, "channels"):
        return int(channels)
    if transform.get("force_gray") or not layer.get("image_data_param", {}).get("is_color", True):
        return 1
    colour = transform.get("force_color") or _OF_IMAGES.search(layer["type"])
    means = transform.get("mean_value", [])
    return 3 if colour else len(means) if len(means) > 1 else UNKNOWN


_OF_IMAGES = re.compile(r"image.*data\Z", re.IGNORECASE)


def _size(layer: Message) -> tuple[int, int]:
    """Height and width: the crop's, or else the size that images are resized to."""
    if crop := _first(layer, _SIZE, "crop_size"):
        return (crop, crop)
    resize = layer.get("transform_param", {}).get("resize_param", {})
    height = resize.get("height") or _first(layer, _SIZE, "crop_h", "new_height", "height")
    width = resize.get("width") or _first(layer, _SIZE, "crop_w", "new_width", "width")
    return (height or UNKNOWN, width or UNKNOWN)


def _uncropped(layer: Message) -> tuple[int, int] | None:
    """The size to which images are resized before they are cropped, if the text says it."""
    height, width = _first(layer, _SIZE, "new_height"), _first(layer, _SIZE, "new_width")
    return (height, width) if _first(layer, _SIZE, "crop_size") and height and width else None
