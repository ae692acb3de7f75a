"""Shapes of the layers that decode text from a sequence."""

from __future__ import annotations

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import LayerShapes, fields_of, require, shape, text


@shape("CTCGreedyDecoder", bottoms=(1, 2), tops=(1, 2))
def greedy_decoder(layer: Layer, x: Shape, goes_on: Shape | None = None) -> LayerShapes:
    """x: t n c, goes_on: t n  ->  t n 1 1, and the scores n 1 1 1; from x alone  ->  n t 1 1.

    Source: ctc_decoder_layer.cpp of ChWick's fork. (A third bottom, the labels, is for testing.)
    With one bottom it is the layer of senlinuc's fork, which dlunion/CC4.0 and others have.
    """
    require(len(x) == 3, layer, "its input needs 3 axes", "t n c", text(x))
    if goes_on is None:
        require(len(layer.tops) == 1, layer, "the number of its tops is wrong", 1, 2)
        is_set = "blank_index" in fields_of(layer, "ctc_decoder_param")
        wanted = "blank_index in its ctc_decoder_param"
        require(
            is_set, layer, "the blank class is not set, and forks differ in its default", wanted
        )
        return LayerShapes(((x[1], x[0], 1, 1),))
    fits = goes_on[:2] == x[:2] and all(size == 1 for size in goes_on[2:])
    require(fits, layer, "its indicators do not fit", text(x[:2]), text(goes_on))
    return LayerShapes(((*x[:2], 1, 1), (x[1], 1, 1, 1))[: len(layer.tops)])
