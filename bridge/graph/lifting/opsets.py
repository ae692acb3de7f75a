"""Graphs of old operator sets, lifted to one that the rules know.

Each node is rewritten by itself, by what its own operator set says of it. onnx.version_converter,
which converts a whole graph, is not used: it makes a Resize of opset 10 one of another coordinate
rule, and keeps the axis of a Hardmax of opset 11, which then means something else (onnx 1.23.2; see
findings/onnx-version-converter-resize.sh). It has no way up for a Pad or an Upsample of opset 1.

Shapes are needed where an old operator names one axis and means all from it on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bridge import ir
from bridge.graph.lifting import broadcasting, parameters, retired, sampling, softmax
from bridge.graph.lifting.writer import Rewrite, rewrite

TARGET = 13
"""The operator set to which older graphs are lifted: from it on, the rules know the differences."""


class Lift(NamedTuple):
    """How a node of an operator set below `below` is written in TARGET."""

    below: int
    rewrite: Rewrite


def _lifts(below: int, rewrite: Rewrite, operators: str) -> Mapping[str, Lift]:
    return dict.fromkeys(operators.split(), Lift(below, rewrite))


LIFTS: Mapping[str, Lift] = {
    **_lifts(7, broadcasting.binary, "Add Sub Mul Div Pow And Or Xor Equal Greater Less"),
    **_lifts(7, broadcasting.prelu, "PRelu"),
    **_lifts(7, parameters.without("broadcast"), "Gemm"),
    **_lifts(7, parameters.without("output_sequence"), "GRU LSTM RNN"),
    **_lifts(9, parameters.batch_norm, "BatchNormalization"),
    **_lifts(12, parameters.dropout, "Dropout"),
    **_lifts(2, parameters.with_integer_p, "GlobalLpPool LpPool"),
    **_lifts(6, parameters.cast, "Cast"),
    **_lifts(6, parameters.selu, "Selu"),
    **_lifts(4, parameters.concat, "Concat"),
    **_lifts(11, parameters.clip, "Clip"),
    **_lifts(11, parameters.pad, "Pad"),
    **_lifts(5, parameters.reshape, "Reshape"),
    **_lifts(10, parameters.slice_, "Slice"),
    **_lifts(10, parameters.top_k, "TopK"),
    **_lifts(6, parameters.tile, "Tile"),
    **_lifts(13, parameters.axes_as_input, "ReduceSum Squeeze Unsqueeze"),
    **_lifts(13, parameters.split, "Split"),
    **_lifts(13, softmax.flattened, "Hardmax LogSoftmax Softmax"),
    **_lifts(11, sampling.resize, "Resize"),
    **_lifts(11, sampling.upsample, "Upsample"),
    **_lifts(11, retired.scatter, "Scatter"),
    **_lifts(9, retired.mean_variance_normalization, "MeanVarianceNormalization"),
    **_lifts(9, retired.scan, "Scan"),
    **_lifts(10, retired.affine, "Affine"),
    **_lifts(10, retired.image_scaler, "ImageScaler"),
    **_lifts(10, retired.parametric_softplus, "ParametricSoftplus"),
    **_lifts(10, retired.scaled_tanh, "ScaledTanh"),
    **_lifts(10, retired.scale, "Scale"),
    **_lifts(10, retired.crop, "Crop"),
}


def lift_opset(model: ir.Model) -> None:
    """Lifts the graph, with those of its branches and loops, to TARGET, in place.

    Raises UnsupportedError for what an old operator set left open.
    """
    opset = model.opset_imports[""]
    if opset >= TARGET:
        return
    for node in list(model.graph.all_nodes()):
        if node.domain:
            continue
        if opset < 6:
            node.attributes.pop("consumed_inputs", None)  # how Caffe2 planned its memory
        lift = LIFTS.get(node.op_type)
        if lift is not None and opset < lift.below:
            rewrite(node, lift.rewrite)
    model.opset_imports[""] = TARGET
