"""BatchNorm and the Scale after it, merged into one layer: ONNX has both in one operator."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from bridge.caffe.net import Layer, Net
from bridge.caffe.shapes.norm import has_affine_blobs

MERGED = "BatchNorm+Scale"


def merge_scales(net: Net) -> Net:
    """Merge each BatchNorm whose top only a per-channel Scale reads with that Scale.

    The merged layer (of type MERGED, named after the BatchNorm) writes the Scale's top; the
    BatchNorm's own value disappears. Not merged: outputs of the net, batch norms that use the
    batch's or an image's own statistics, and those of forks with a scale or a ReLU of their own.
    """
    consumers = Counter(bottom for layer in net.layers for bottom in layer.bottoms)
    consumers.update(net.outputs)
    norms = {
        layer.tops[0]: layer
        for layer in net.layers
        if layer.type == "BatchNorm" and consumers[layer.tops[0]] == 1 and _can_take_a_scale(layer)
    }
    merged = {
        layer.bottoms[0]: _merge(norms[layer.bottoms[0]], layer)
        for layer in net.layers
        if _is_per_channel(layer) and layer.bottoms[0] in norms
    }
    layers = [
        merged[layer.bottoms[0]] if _is_per_channel(layer) and layer.bottoms[0] in merged else layer
        for layer in net.layers
        if not (layer.type == "BatchNorm" and layer.tops[0] in merged)
    ]
    return replace(net, layers=tuple(layers))


def _can_take_a_scale(layer: Layer) -> bool:
    settings = layer.params.get("batch_norm_param", {})
    is_by_global_statistics = settings.get("use_global_stats", True)
    has_more = settings.get("instance_norm") or settings.get("relu") or has_affine_blobs(layer)
    return bool(is_by_global_statistics and not has_more)


def _is_per_channel(layer: Layer) -> bool:
    settings = layer.params.get("scale_param", {})
    return (
        layer.type == "Scale"
        and len(layer.bottoms) == 1
        and settings.get("axis", 1) == 1
        and settings.get("num_axes", 1) == 1
    )


def _merge(norm: Layer, scale: Layer) -> Layer:
    return replace(
        norm,
        type=MERGED,
        tops=scale.tops,
        params={**norm.params, **scale.params},
        blobs=norm.blobs + scale.blobs,
    )
