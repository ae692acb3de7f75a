"""Net → ONNX graph: applies each layer's rule, and checks the results against Caffe's shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import onnx
from onnx import helper

from bridge.caffe.net import Input, Layer, Net, Shape
from bridge.caffe.ranges import input_ranges
from bridge.caffe.shapes import DYNAMIC
from bridge.errors import (
    GraphError,
    UnsupportedError,
    UnsupportedLayerError,
    UsageError,
    did_you_mean,
    lines_of,
)
from bridge.graph.io import PRODUCER
from bridge.graph.io.images import DENOTATION, of_bytes
from bridge.graph.ranges import RANGE, written
from bridge.lower.cut import cut
from bridge.lower.emitter import DEFAULT_OPSET, Emitter, ir_version
from bridge.lower.expected_shapes import BATCH, expected_shapes
from bridge.lower.fields import settled
from bridge.lower.merge import merge_scales
from bridge.lower.model import LoweredModel
from bridge.lower.rules.arithmetic import computed
from bridge.lower.rules.spatial.autocrop import with_offsets
from bridge.lower.table import TABLE
from bridge.lower.values import Dims, Value
from bridge.plugins import load_entry_points

# Since this one Softmax works along one axis, and sizes and axes are inputs almost everywhere.
OLDEST_OPSET = 13


def lower(
    net: Net,
    *,
    input_shape: Mapping[str, Shape] | None = None,
    batch: int | None = None,
    opset: int = DEFAULT_OPSET,
    outputs: Sequence[str] = (),
    dynamic: bool = False,
    portable: bool = False,
    ignore_fields: Sequence[str] = (),
) -> LoweredModel:
    """The net as an ONNX model of standard operators, weights unread.

    `input_shape` reshapes inputs by name, as Caffe's `net.reshape` does. `batch` fixes the batch
    size; without it the batch is symbolic if the whole net is right at every batch size.
    `outputs` names the blobs to return; what does not lead to one is dropped. Otherwise the outputs
    are the blobs that no layer reads. `dynamic` makes the images' height and width symbolic.
    `portable` writes arithmetic for comparisons, indices and look-ups.
    `ignore_fields` are unknown fields of the text to lower the net without.

    Raises UnsupportedLayerError (once, for all layers), UnknownFieldError (once, for all fields),
    ShapeError, WeightsError, UsageError.
    """
    _refuse_opset(opset)
    _refuse_unknown_inputs(net, input_shape or {})
    net = understood(net, outputs=outputs, ignore_fields=ignore_fields)
    shapes, warnings = expected_shapes(net, input_shape or {}, batch, dynamic)
    net = merge_scales(with_offsets(net))
    emitter = Emitter(opset, reserved=list(shapes), portable=portable)
    values = {blob.name: emitter.input(blob.name, shapes[blob.name]) for blob in net.inputs}
    for layer in net.layers:
        lower_layer = _lower_open_layer if dynamic else _lower_layer
        values.update(lower_layer(emitter, layer, values, shapes, net.outputs))
    return LoweredModel(
        proto=_model(net, emitter, values),
        weights=emitter.weights,
        inputs={blob.name: values[blob.name].shape for blob in net.inputs},
        outputs={name: values[name].shape for name in net.outputs},
        values={name: value.shape for name, value in values.items()},
        shapes=shapes,
        warnings=(*net.warnings, *warnings, *emitter.warnings),
    )


def understood(net: Net, *, outputs: Sequence[str] = (), ignore_fields: Sequence[str] = ()) -> Net:
    """The part of a net that leads to its outputs, with all its layers and fields known.

    Raises UnsupportedLayerError, UnknownFieldError, UsageError.
    """
    kept = cut(net, outputs)
    _refuse_empty(net, kept)
    _refuse_unknown_layers(kept)
    return settled(net, kept, ignore_fields)


def _refuse_opset(opset: int) -> None:
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= opset <= newest:
        raise UsageError(
            "no such opset to write", expected=f"{OLDEST_OPSET} to {newest}", received=opset
        )


def _refuse_unknown_inputs(net: Net, names: Iterable[str]) -> None:
    known = [blob.name for blob in net.inputs]
    for name in names:
        if name not in known:
            raise UsageError(
                f"the net has no input {name!r} to reshape",
                expected=", ".join(known),
                hint=did_you_mean(name, known) or None,
            )


def _refuse_empty(whole: Net, net: Net) -> None:
    """Refuse a net with no layers left, such as one that only measures its inputs."""
    if not net.layers:
        hint = "is the prototxt complete?"
        if any(layer.tops for layer in whole.layers):
            hint = "name a blob that a layer writes with --outputs"
        elif whole.layers:
            hint = "no layer has a top: if this file has only weights, pass the prototxt too"
        raise UnsupportedError(
            "the net computes nothing",
            where=whole.name or None,
            expected="a layer that leads to an output",
            received=", ".join(f"{x.name} ({x.type})" for x in whole.layers) or "only inputs",
            hint=hint,
        )


def _refuse_unknown_layers(net: Net) -> None:
    if any(layer.type not in TABLE for layer in net.layers):
        load_entry_points()
    unknown = [layer for layer in net.layers if layer.type not in TABLE]
    if unknown:
        raise UnsupportedLayerError(
            "there is no rule for these layers:",
            lines=lines_of(unknown, _described),
            hint="add rules with --plugin FILE, or cut the net before them with "
            f"--outputs {' '.join(unknown[0].bottoms) or 'BLOB'}",
        )


def _described(layer: Layer) -> str:
    """A layer of an unknown type, and what may have been meant by its type or its blob."""
    close = did_you_mean(layer.type, TABLE)
    if not layer.type and layer.complaints:
        close = "; ".join(map(str, layer.complaints))
    elif not layer.bottoms and layer.tops:
        close = f"an input? pass its shape: --input-shape {layer.tops[0]}:1,3,224,224"
    return f"{layer}{close and f': {close}'}"


def _results(
    emitter: Emitter, layer: Layer, bottoms: Sequence[Value], outputs: Sequence[str]
) -> Sequence[Value]:
    """What the layer's rule gives for its tops, of which some are outputs of the net."""
    results = TABLE[layer.type].apply(emitter, layer, *bottoms)
    if not emitter.portable:
        return results
    return [
        computed(emitter, value, bottoms) if top in outputs else value
        for top, value in zip(layer.tops, results, strict=True)
    ]


def _lower_layer(
    emitter: Emitter,
    layer: Layer,
    values: Mapping[str, Value],
    shapes: Mapping[str, Dims],
    outputs: Sequence[str],
) -> dict[str, Value]:
    bottoms = [values[bottom] for bottom in layer.bottoms]
    expected = [shapes[top] for top in layer.tops]
    with emitter.layer(layer, [_with_symbols(shape, bottoms) for shape in expected]):
        results = _results(emitter, layer, bottoms, outputs)
        for top, shape, value in zip(layer.tops, expected, results, strict=True):
            if not _keeps(value.shape, shape):
                raise GraphError(
                    f"the shape of blob {top!r} differs from Caffe's",
                    where=layer,
                    expected=shape,
                    received=value.shape,
                )
        emitter.name_tops(layer.tops, results)
    return {top: emitter.values[top] for top in layer.tops}


def _lower_open_layer(
    emitter: Emitter,
    layer: Layer,
    values: Mapping[str, Value],
    shapes: Mapping[str, Dims],
    outputs: Sequence[str],
) -> dict[str, Value]:
    """The same with open sizes: ONNX cannot infer those, so Caffe's shapes name them."""
    bottoms = [values[bottom] for bottom in layer.bottoms]
    expected = [shapes[top] for top in layer.tops]
    try:
        with emitter.layer(layer, expected), emitter.dynamic():
            results = _results(emitter, layer, bottoms, outputs)
            named = [
                value if value.shape == shape else emitter.declared(value, shape)
                for value, shape in zip(results, expected, strict=True)
            ]
            emitter.name_tops(layer.tops, named)
    except GraphError as error:
        raise UnsupportedError(
            "height and width cannot be open: the layer is written for one size",
            where=layer,
            received=error.problem,
            hint="leave out --dynamic",
        ) from error
    return {top: emitter.values[top] for top in layer.tops}


def _with_symbols(shape: Dims, bottoms: Sequence[Value]) -> Dims:
    """A top's shape, in which a size that depends on the data has the name that it has in bottoms.

    Caffe's shapes are computed with DYNAMIC: a size below it is a multiple, without a name.
    """
    own = {size for x in bottoms for size in x.shape if isinstance(size, str)} - {BATCH}
    name: int | str = own.pop() if len(own) == 1 else DYNAMIC
    return tuple(
        size if isinstance(size, str) or size > DYNAMIC else name if size == DYNAMIC else DYNAMIC
        for size in shape
    )


def _keeps(shape: Dims, expected: Dims) -> bool:
    """Whether a shape is the expected one; where that has a dynamic size, so must this."""
    return len(shape) == len(expected) and all(
        size == wanted if isinstance(wanted, str) or wanted > DYNAMIC else isinstance(size, str)
        for size, wanted in zip(shape, expected, strict=True)
    )


def _model(net: Net, emitter: Emitter, values: Mapping[str, Value]) -> onnx.ModelProto:
    described = {blob.name for blob in net.inputs} | set(net.outputs) | set(emitter.weights)
    graph = onnx.GraphProto(
        name=net.name or "net",
        node=emitter.nodes,
        input=[_input(blob, values[blob.name]) for blob in net.inputs],
        output=[_info(values[name]) for name in net.outputs],
        value_info=[_info(v) for name, v in emitter.values.items() if name not in described],
    )
    return onnx.ModelProto(
        ir_version=ir_version(emitter.opset),
        producer_name=PRODUCER,
        metadata_props=[*_own_sizes(net, values), *_ranges(net), *_pixels(net)],
        opset_import=[helper.make_opsetid("", emitter.opset)],
        graph=graph,
    )


def _own_sizes(net: Net, values: Mapping[str, Value]) -> list[onnx.StringStringEntryProto]:
    """The net's own sizes of open heights and widths: a check uses images of that size."""
    return [
        onnx.StringStringEntryProto(key=size, value=str(own))
        for blob in net.inputs
        for size, own in zip(values[blob.name].shape, blob.shape, strict=False)
        if isinstance(size, str) and size != BATCH
    ]


def _ranges(net: Net) -> list[onnx.StringStringEntryProto]:
    """The values that inputs other than images take, also for a check."""
    return [
        onnx.StringStringEntryProto(key=f"{RANGE}{name}", value=written(columns))
        for name, columns in input_ranges(net).items()
    ]


def _pixels(net: Net) -> list[onnx.StringStringEntryProto]:
    """The plain images that a net with its own preprocessing takes, in ONNX's words for them."""
    return [entry for blob in net.inputs if blob.pixels for entry in of_bytes(blob.pixels)]


def _input(blob: Input, value: Value) -> onnx.ValueInfoProto:
    info = _info(value)
    if blob.pixels:
        info.type.denotation = DENOTATION
    return info


def _info(value: Value) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(value.name, value.dtype, value.shape)
