"""Caffe's older text dialects, upgraded to the newest: `layer { type: "Convolution" ... }`.

V2 has layers with string types. V1 (`layers { type: CONVOLUTION }`) has enum types; V0
(`layers { layer { type: "conv" } }`) has one flat message for the parameters of all layers. Each
dialect may name its inputs outside the layers.
(Source: src/caffe/util/upgrade_proto.cpp)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.caffe import schema
from bridge.caffe.files.prototxt import Message
from bridge.caffe.inputs import input_layer
from bridge.caffe.shapes import named_by
from bridge.caffe.upgrade.python import with_class
from bridge.caffe.upgrade.quantized import in_float
from bridge.errors import PrototxtError


def upgrade(definition: Message) -> tuple[list[Message], tuple[str, ...]]:
    """All layers of a NetParameter as V2 layer messages, inputs first, and warnings.

    Errors: PrototxtError where one net mixes dialects, or inputs and their shapes do not match.
    """
    old, new = definition.get("layers", []), definition.get("layer", [])
    if old and new:
        raise PrototxtError(
            "the net has both `layer` and `layers`",
            where=old[0].where,
            expected="one of the two dialects",
            hint='write all of them as `layer`, with the type in quotes: `RELU` becomes "ReLU"',
        )
    if not old and not new:
        raise PrototxtError(
            "the net has no layers",
            where=definition.where,
            hint="a solver's prototxt names the file of its net: `net:` or `train_net:`",
        )
    warnings: list[str] = []
    layers = [
        _from_v0(layer, warnings) if "layer" in layer else _from_v1(layer)
        for layer in _fold_padding(old)
    ]
    own = [with_class(_with_own_message(layer), warnings) for layer in (*layers, *new)]
    named, notes = in_float(own)
    return [*_inputs(definition, named), *named], (*warnings, *notes)


# Messages that have another name in some fork.
_MESSAGES = {"pixel_shuffle_param": "pixelshuffle_param"}


def _with_own_message(layer: Message) -> Message:
    """The layer with its messages under the names that the rules know."""
    if layer.keys().isdisjoint(_MESSAGES):
        return layer
    return layer.with_values({_MESSAGES.get(name, name): value for name, value in layer.items()})


def dialect(definition: Message) -> str:
    """V0, V1 or V2, by the first layer."""
    first = next(iter(definition.get("layers", [])), None)
    if first is None:
        return "V2"
    return "V0" if "layer" in first else "V1"


# ---- inputs outside the layers ---------------------------------------------------------------


def _inputs(definition: Message, layers: Sequence[Message]) -> list[Message]:
    """The inputs named by `input`, as Input layers; dims are in `input_shape`, or 4 in `input_dim`.

    A name with neither is dropped if a layer produces the blob. (UpgradeNetInput, which drops it in
    any case)
    """
    names: list[str] = definition.get("input", [])
    dims: list[int] = definition.get("input_dim", [])
    shapes = [shape.get("dim", []) for shape in definition.get("input_shape", [])]
    shapes = shapes or [dims[i : i + 4] for i in range(0, len(dims), 4)]
    uneven = shapes and len(shapes) != len(names)
    if uneven or (len(dims) % 4 and not definition.get("input_shape")):
        raise PrototxtError(
            "inputs and their shapes do not match",
            where=definition.where,
            expected=f"{len(names)} of input_shape, or {4 * len(names)} of input_dim",
            received=f"{len(definition.get('input_shape', []))} and {len(dims)}",
        )
    produced = set() if shapes else {top for layer in layers for top in layer.get("top", [])}
    return [
        input_layer(name, definition.where, shapes[i : i + 1])
        for i, name in enumerate(names)
        if name not in produced
    ]


# ---- V1 --------------------------------------------------------------------------------------

V1_TYPES = {
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "CONVOLUTION3D": "Convolution3D",
    "CROP": "AutoCrop",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "LSTM": "Lstm",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POOLING3D": "Pooling3D",
    "POWER": "Power",
    "PRELU": "PReLU",
    "RELU": "ReLU",
    "RESHAPE": "Reshape",
    "ROIPOOLING": "ROIPooling",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SMOOTH_L1_LOSS": "SmoothL1Loss",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "UNPOOLING": "Unpooling",
    "UPSAMPLE": "Upsample",
    "WINDOW_DATA": "WindowData",
}

# Other forks' names are V2's types in capitals, with or without underscores (`named_by`).

# V2 has these in `param` messages, one per blob.
_V1_PARAM_FIELDS = ("param", "blob_share_mode", "blobs_lr", "weight_decay")


def _from_v1(layer: Message) -> Message:
    """A V1 layer as V2. An unknown type keeps its name, and is reported later."""
    values = {name: value for name, value in layer.items() if name not in _V1_PARAM_FIELDS}
    kind = layer.get("type", "NONE")
    values["type"] = V1_TYPES.get(kind) or named_by(kind) or kind
    values["param"] = _params(layer, layer.get("param", ()))
    return layer.with_values(values)


def _params(fields: Mapping[str, Any], names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The names and factors of each blob, of which an older dialect has a list each."""
    columns = {
        "name": names,
        "lr_mult": fields.get("blobs_lr", ()),
        "decay_mult": fields.get("weight_decay", ()),
    }
    count = max(map(len, columns.values()))
    return [
        {key: column[index] for key, column in columns.items() if index < len(column)}
        for index in range(count)
    ]


# ---- V0 --------------------------------------------------------------------------------------

_V0_TYPES = {
    "accuracy": "Accuracy",
    "bnll": "BNLL",
    "concat": "Concat",
    "conv": "Convolution",
    "data": "Data",
    "dropout": "Dropout",
    "euclidean_loss": "EuclideanLoss",
    "flatten": "Flatten",
    "hdf5_data": "HDF5Data",
    "hdf5_output": "HDF5Output",
    "im2col": "Im2col",
    "images": "ImageData",
    "infogain_loss": "InfogainLoss",
    "innerproduct": "InnerProduct",
    "lrn": "LRN",
    "multinomial_logistic_loss": "MultinomialLogisticLoss",
    "pool": "Pooling",
    "relu": "ReLU",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "softmax_loss": "SoftmaxWithLoss",
    "split": "Split",
    "tanh": "TanH",
    "window_data": "WindowData",
}

_V0_MESSAGES = {
    "concat": "concat_param",
    "conv": "convolution_param",
    "data": "data_param",
    "dropout": "dropout_param",
    "hdf5_data": "hdf5_data_param",
    "images": "image_data_param",
    "infogain_loss": "infogain_loss_param",
    "innerproduct": "inner_product_param",
    "lrn": "lrn_param",
    "pool": "pooling_param",
    "window_data": "window_data_param",
}

# Fields that have another name in the layer's own message.
_V0_RENAMED = {
    "batchsize": "batch_size",
    "biasterm": "bias_term",
    "kernelsize": "kernel_size",
    "shuffle_images": "shuffle",
    "det_bg_threshold": "bg_threshold",
    "det_context_pad": "context_pad",
    "det_crop_mode": "crop_mode",
    "det_fg_fraction": "fg_fraction",
    "det_fg_threshold": "fg_threshold",
}

# Fields of all data layers, which V2 has in a message of their own.
_V0_TRANSFORMS = {
    "scale": "scale",
    "meanfile": "mean_file",
    "cropsize": "crop_size",
    "mirror": "mirror",
}

_V0_DROPPED = ("name", "type", "blobs", "blobs_lr", "weight_decay", "hdf5_output_param")


def _from_v0(layer: Message, warnings: list[str]) -> Message:
    """A V0 layer as V2: its flat fields go to the message of its type."""
    flat: Mapping[str, Any] = layer["layer"]
    kind = flat.get("type", "")
    message = _V0_MESSAGES.get(kind, "")
    known = schema.fields(schema.fields("LayerParameter")[message].message) if message else {}
    own: dict[str, Any] = {}
    transform: dict[str, Any] = {}
    for name, value in flat.items():
        target = known.get(_V0_RENAMED.get(name, name))
        if name in _V0_TRANSFORMS:
            transform[_V0_TRANSFORMS[name]] = value
        elif target is not None:
            own[target.name] = [value] if target.repeated else value
        elif name not in _V0_DROPPED:
            warnings.append(f"{layer.where}: field '{name}' of a {kind} layer ignored")
    parameters = {message: own, "transform_param": transform}
    values = {
        "name": flat.get("name", ""),
        "type": _V0_TYPES.get(kind, kind),
        "bottom": layer.get("bottom", []),
        "top": layer.get("top", []),
        **({"param": params} if (params := _params(flat)) else {}),
        **{name: fields for name, fields in parameters.items() if fields},
    }
    return layer.with_values(values)


def _fold_padding(layers: Sequence[Message]) -> list[Message]:
    """Remove V0's padding layers: the layer that reads one does the padding.

    Errors: PrototxtError where that layer is not a convolution or pooling.
    """
    padding: dict[str, Message] = {}
    kept = []
    for layer in layers:
        flat = layer.get("layer", {})
        if flat.get("type") == "padding":
            padding |= dict.fromkeys(layer.get("top", []), layer)
        elif any(bottom in padding for bottom in layer.get("bottom", [])):
            kept.append(_padded(layer, padding))
        else:
            kept.append(layer)
    return kept


def _padded(layer: Message, padding: Mapping[str, Message]) -> Message:
    flat = layer.get("layer", {})
    if flat.get("type") not in ("conv", "pool") or len(layer["bottom"]) != 1:
        raise PrototxtError(
            f"layer '{flat.get('name', '')}' cannot pad its input",
            where=layer.where,
            expected="a conv or pool layer after a padding layer",
            received=flat.get("type"),
        )
    folded = padding[layer["bottom"][0]]
    own = Message({**flat, "pad": folded["layer"].get("pad", 0)}, layer.where)
    return layer.with_values({**layer, "layer": own, "bottom": folded.get("bottom", [])})
