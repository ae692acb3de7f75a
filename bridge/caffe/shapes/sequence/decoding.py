"""Shapes of the layers that read a text off a sequence."""

from __future__ import annotations

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import LayerShapes, given, require, shape, text


@shape("CTCGreedyDecoder", bottoms=(1, 2), tops=(1, 2))
def greedy_decoder(layer: Layer, x: Shape, goes_on: Shape | None = None) -> LayerShapes:
    """x: t n c, goes_on: t n  ->  t n 1 1, and the scores n 1 1 1; of x alone  ->  n t 1 1.

    Source: ctc_decoder_layer.cpp of ChWick's fork. (A third bottom, to measure by, is for tests.)
    With one bottom it is that of senlinuc's fork, as dlunion/CC4.0 and others have it.
    """
    require(len(x) == 3, layer, "its input needs 3 axes", "t n c", text(x))
    if goes_on is None:
        require(len(layer.tops) == 1, layer, "the number of its tops is wrong", 1, 2)
        said = "blank_index" in given(layer, "ctc_decoder_param")
        wanted = "blank_index in its ctc_decoder_param"
        require(said, layer, "which class is blank is not said, and forks differ in it", wanted)
        return LayerShapes(((x[1], x[0], 1, 1),))
    fits = goes_on[:2] == x[:2] and all(size == 1 for size in goes_on[2:])
    require(fits, layer, "its indicators do not fit", text(x[:2]), text(goes_on))
    return LayerShapes(((*x[:2], 1, 1), (x[1], 1, 1, 1))[: len(layer.tops)])
