"""Shapes of the layers around YOLO's boxes."""

from __future__ import annotations

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import (
    DYNAMIC,
    SOME,
    LayerShapes,
    fields_of,
    parameters,
    require,
    shape,
    text,
)


@shape("Reorg")
def reorg(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c (h s) (w s)  ->  n (c s s) h w, or the other way. Source: reorg_layer.cpp."""
    require(len(x) == 4, layer, "its input needs 4 axes", "n c h w", text(x))
    p = parameters(layer, "reorg_param")
    require(p.stride > 0, layer, "stride is missing", "> 0", p.stride)
    s, area = p.stride, p.stride**2
    n, c, h, w = x
    if p.reverse:
        require(c % area == 0, layer, f"its channels do not divide by {area}", f"n x {area}", c)
        return LayerShapes(((n, c // area, h * s, w * s),))
    # Its index arithmetic uses c / s s, even where the number of channels grows.
    fits = h % s == w % s == 0 and c % area == 0
    wanted = f"c by {area}, h and w by {s}"
    require(fits, layer, "its input does not divide by the stride", wanted, text(x))
    return LayerShapes(((n, c * area, h // s, w // s),))


@shape("Region")
def region(layer: Layer, x: Shape) -> LayerShapes:
    """x: n (a (coords 1 classes)) h w  ->  the same. Source: region_layer.cpp, OpenVINO's fork."""
    fields = fields_of(layer, "region_param")
    anchors, coords, classes = (fields.get(name, 0) for name in ("num", "coords", "classes"))
    wanted = anchors * (coords + 1 + classes)
    fits = len(x) == 4 and x[1] == wanted > 0
    require(fits, layer, "its input does not fit", f"n {wanted} h w", text(x))
    return LayerShapes((x,))


@shape("YoloDetectionOutput", bottoms=(1, 2))
def yolo2_detection_output(layer: Layer, *maps: Shape) -> LayerShapes:
    """maps: n (a (4 1 classes)) s s, each  ->  1 1 k 7, where k is dynamic.

    Source: yolo_detection_output_layer.cpp of eric612's forks.
    """
    p = parameters(layer, "yolo_detection_output_param")
    require(p.coords == 4, layer, "its boxes need 4 coords", 4, p.coords)
    _refuse_others(layer, p.num_box, p.num_classes, *maps)
    fits = len(p.biases) >= 2 * p.num_box
    require(fits, layer, "biases do not give each box a size", 2 * p.num_box, len(p.biases))
    return LayerShapes(((1, 1, DYNAMIC, 7),))


@shape("Yolov3DetectionOutput", bottoms=SOME)
def yolo3_detection_output(layer: Layer, *maps: Shape) -> LayerShapes:
    """maps: n (a (4 1 classes)) s s, each  ->  1 1 k 7, where k is dynamic.

    Source: yolov3_detection_output_layer.cpp of eric612's forks.
    """
    p = parameters(layer, "yolov3_detection_output_param")
    count = len(maps)
    _refuse_others(layer, p.num_box, p.num_classes, *maps)
    require(
        p.mask_group_num == count, layer, "mask_group_num is not the number of its bottoms", count
    )
    fits = len(p.anchors_scale) >= count
    require(fits, layer, "anchors_scale is missing", f"{count}, one per bottom", p.anchors_scale)
    needed = (count - 1) * (len(p.mask) // count) + p.num_box
    fits = len(p.mask) >= needed and len(p.biases) > 2 * max(p.mask, default=0) + 1
    require(fits, layer, "mask and biases do not give each box a size", needed, p.mask)
    return LayerShapes(((1, 1, DYNAMIC, 7),))


def _refuse_others(layer: Layer, anchors: int, classes: int, *maps: Shape) -> None:
    wanted = anchors * (4 + 1 + classes)
    for x in maps:
        fits = len(x) == 4 and x[:2] == (maps[0][0], wanted)
        require(fits, layer, "its input does not fit its boxes", f"n {wanted} h w", text(x))
        require(x[2] == x[3], layer, "its maps must be square", f"{x[3]} {x[3]}", text(x[2:]))
