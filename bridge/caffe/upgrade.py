"""Caffe's older text dialects, brought to the newest: `layer { type: "Convolution" ... }`.

V2 has layers with string types. V1 (`layers { type: CONVOLUTION }`) has enum types; V0
(`layers { layer { type: "conv" } }`) has one flat message for all layers. Both older dialects say
which blobs are inputs outside the layers, which V2 files may do too.
"""

from __future__ import annotations

from bridge.caffe.prototxt import Message
from bridge.errors import PrototxtError


def upgrade(definition: Message) -> tuple[list[Message], list[str]]:
    """All layers of a NetParameter as V2 layer messages, inputs first, and warnings.

    Errors: PrototxtError. Source: src/caffe/util/upgrade_proto.cpp.
    """
    if "layer" in definition and "layers" in definition:
        raise PrototxtError(
            "the net has both `layer` and `layers`",
            where=definition["layers"][0].where,
            expected="one of the two dialects",
        )
    return [*_inputs(definition), *definition.get("layer", [])], []


def _inputs(definition: Message) -> list[Message]:
    """The blobs that `input` names, as Input layers; dims are in `input_shape` or `input_dim`."""
    names = definition.get("input", [])
    shapes = [shape.get("dim", []) for shape in definition.get("input_shape", [])]
    dims = definition.get("input_dim", [])
    if dims and not shapes:
        shapes = [dims[i : i + 4] for i in range(0, len(dims), 4)]
        if len(dims) % 4:
            raise PrototxtError("input_dim", where=definition.where)
    if shapes and len(shapes) != len(names):
        raise PrototxtError(
            "inputs and their shapes do not match",
            where=definition.where,
            expected=f"{len(names)} of input_shape, or 4 of input_dim for each",
            received=f"{len(shapes)} of input_shape, {len(dims)} of input_dim",
        )
    return [_input(definition, name, shapes[i] if shapes else None) for i, name in enumerate(names)]


def _input(definition: Message, name: str, dims: list[int] | None) -> Message:
    shape = [] if dims is None else [{"dim": dims}]
    values = {"name": name, "type": "Input", "top": [name], "input_param": {"shape": shape}}
    return Message(values, definition.where)
