"""What feeds a net: Input layers, and the data layers of train and test nets, with their shapes."""

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

# A dim that the prototxt does not say: it lies in a database, or in an image file.
UNKNOWN = 0


def are_inputs(layers: Sequence[Message], given: Collection[str] = ()) -> list[bool]:
    """Which layers of a net are its inputs; `given` are the blobs that the caller has shapes for.

    DummyData, which makes constants, is one where nothing else feeds the net.
    """
    found = [is_input(layer, given) for layer in layers]
    return found if any(found) else [layer.get("type") == "DummyData" for layer in layers]


def is_input(layer: Message, given: Collection[str] = ()) -> bool:
    """Whether a layer is an input of any net: fed by the caller, or from files while training.

    Of layers that read no blob, these are: a Python layer, for what it gives lies outside of the
    net; one that is called data in its type, be the type known or not; DummyData that draws its
    numbers; and any whose blob is `given`, but for those that hold numbers of the net's own.
    """
    kind = layer.get("type", "")
    if kind == "Input":
        return True
    if layer.get("bottom") or kind in _CONSTANTS:
        return False
    if kind == "DummyData":
        fillers = layer.get("dummy_data_param", {}).get("data_filler", [])
        return any(filler.get("type", "constant") != "constant" for filler in fillers)
    makes_data = "data" in kind.lower() or "python_param" in layer
    return makes_data or any(top in given for top in layer.get("top", []))


_CONSTANTS = ("Parameter", "ContinuationIndicator")


def with_given(layers: Sequence[Message], given: Collection[str]) -> list[Message]:
    """The layers of a net, and before them an Input for each blob that is `given` and that layers
    read and none makes: where a data layer was taken out and nothing put in its place."""
    made = {top for layer in layers for top in layer.get("top", [])}
    readers = {bottom: layer for layer in layers for bottom in layer.get("bottom", [])}
    missing = [name for name in given if name in readers and name not in made]
    return [*(input_layer(name, readers[name].where) for name in missing), *layers]


def input_layer(name: str, where: Location, shapes: Sequence[Sequence[int]] = ()) -> Message:
    """An Input layer of one blob."""
    parameter = {"shape": [{"dim": dims} for dims in shapes]}
    return Message({"name": name, "type": "Input", "top": [name], "input_param": parameter}, where)


def inputs(layer: Message) -> tuple[Input, ...]:
    """An input for each top of such a layer.

    Their shapes are `()` where nothing is known, and have 0 for single dims that are not.
    Errors: PrototxtError where tops and shapes do not match.
    """
    tops = layer.get("top", ())
    if layer["type"] == "Input":
        shapes = [tuple(s.get("dim", ())) for s in layer.get("input_param", {}).get("shape", [])]
        spread = _spread(layer, shapes or [()], len(tops))
        return tuple(map(Input, tops, spread, repeat(layer.where)))
    if layer["type"] == "DummyData":
        spread = _spread(layer, _dummy_shapes(layer), len(tops))
        return tuple(map(Input, tops, spread, repeat(layer.where)))
    if layer["type"] == "HDF5Data" or "python_param" in layer:  # nothing here says what they hold
        return tuple(Input(top, (), layer.where) for top in tops)
    batch = _first(layer, "batch_size") or 1
    # How many labels an image has, only the list of images says.
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
        mean_file=_first(layer, "mean_file") or "",
        scale=_first(layer, "scale") or 1.0,
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
    """The net with the channels of its inputs where only the weights of a convolution tell them."""
    kernels = {layer.name: layer.blobs[0].blob.shape for layer in stored if 0 in layer.blobs}
    channels = {
        bottom: kernels[layer.name][1] * layer.params.get("convolution_param", {}).get("group", 1)
        for layer in net.layers
        for bottom in layer.bottoms
        if layer.type == "Convolution" and len(kernels.get(layer.name, ())) == 4
    }
    told = (
        replace(i, shape=(i.shape[0], channels[i.name], *i.shape[2:]))
        if len(i.shape) == 4 and i.shape[1] == UNKNOWN and i.name in channels
        else i
        for i in net.inputs
    )
    return replace(net, inputs=tuple(told))


def _spread(layer: Message, shapes: list[Shape], count: int) -> tuple[Shape, ...]:
    """One shape for all tops, or one each."""
    if len(shapes) not in (1, count):
        raise PrototxtError(
            f"the shapes of input layer '{layer.get('name', '')}' do not match its tops",
            where=layer.where,
            expected=f"1 or {count}",
            received=len(shapes),
        )
    return tuple(shapes * count if len(shapes) == 1 else shapes)


def _dummy_shapes(layer: Message) -> list[Shape]:
    """A shape for each top or one for all; in old files of four numbers, given likewise."""
    given = layer.get("dummy_data_param", {})
    if "shape" in given:
        return [tuple(shape.get("dim", ())) for shape in given["shape"]]
    columns = [given.get(name, []) for name in ("num", "channels", "height", "width")]
    count = max(map(len, columns))
    full = [column * count if len(column) == 1 else column for column in columns]
    return list(zip(*full, strict=False)) or [()]


def _parameters(layer: Message) -> list[Mapping[str, Any]]:
    """All parameter messages of a data layer: forks vary in their names, not in their fields."""
    return [value for name, value in layer.items() if name.endswith("_param") and value]


def _first(layer: Message, *names: str) -> Any:
    """The value of the first of these fields that any parameter message sets, or None."""
    messages = [m for m in _parameters(layer) if isinstance(m, Mapping)]
    found = (m[name] for name in names for m in messages if m.get(name))
    return next(found, None)


def _channels(layer: Message) -> int:
    transform = layer.get("transform_param", {})
    if channels := _first(layer, "channels"):
        return int(channels)
    if transform.get("force_gray") or not layer.get("image_data_param", {}).get("is_color", True):
        return 1
    colour = transform.get("force_color") or _OF_IMAGES.search(layer["type"])
    means = transform.get("mean_value", [])
    return 3 if colour else len(means) if len(means) > 1 else UNKNOWN


_OF_IMAGES = re.compile(r"image.*data\Z", re.IGNORECASE)


def _size(layer: Message) -> tuple[int, int]:
    """Height and width: the crop's, else what the images are scaled to."""
    if crop := _first(layer, "crop_size"):
        return (crop, crop)
    resize = layer.get("transform_param", {}).get("resize_param", {})
    height = resize.get("height") or _first(layer, "crop_h", "new_height", "height")
    width = resize.get("width") or _first(layer, "crop_w", "new_width", "width")
    return (height or UNKNOWN, width or UNKNOWN)
