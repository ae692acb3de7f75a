"""How files store the blobs of a layer, where there are more ways than Caffe's own.

Their shapes may have more or fewer axes of size 1, which does not change the storage order. Their
order is Caffe's except in batch norms: NVIDIA's and Intel's forks store a scale and a bias with the
statistics, and exporters leave out the factor. The layout of a file is determined by the size of
each blob and, where several layouts fit, by the text. Lowering sees one: mean, variance, factor,
followed by scale and bias if there are any.

Sources: batch_norm_layer.cpp of BVLC Caffe, of NVIDIA's (0.16 on) and borisgin's (NVIDIA's 0.15),
cudnn_batch_norm_layer.cu of thatguymike's (NVIDIA's of 2015), mkldnn_batch_norm_layer.cpp of
Intel's, and its batch_norm_layer.cpp of 2016
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from bridge.caffe.files.blobs import StoredBlob
from bridge.caffe.files.weights import StoredLayer
from bridge.caffe.net import Blob, Layer, Shape
from bridge.caffe.shapes.norm import has_affine_blobs
from bridge.caffe.shapes.table import fields_of, text
from bridge.errors import WeightsError
from bridge.types import Array


@dataclass(frozen=True)
class BlobLayout:
    """The `roles` of a file's blobs, in order.

    `own_fields` are fields of the text that only its fork has; `implied` are the fields to add to
    a text that does not describe the blobs, and `note` is what to tell a user then.
    """

    roles: tuple[str, ...]
    own_fields: frozenset[str] = frozenset()
    implied: Mapping[str, bool] = field(default_factory=dict)
    note: str = ""
    has_four_axes: bool = False

    def fits(self, shapes: Sequence[Shape]) -> bool:
        """Whether these can be its blobs: the factor is one number, the others have equal sizes."""
        counts = list(map(prod, shapes))
        sizes = [1 if role == "factor" else max(counts) for role in self.roles]
        return counts == sizes and (not self.has_four_axes or len(shapes[0]) == 4)


# The order that lowering sees; the shape rule of BatchNorm has the same.
_ROLES = ("mean", "variance", "factor", "scale", "bias")

_LAYOUTS: Mapping[str, tuple[BlobLayout, ...]] = {
    "BatchNorm": (
        BlobLayout(_ROLES[:3]),
        BlobLayout(_ROLES[:2], note="a mean and a variance without a factor, which is taken as 1"),
        BlobLayout(
            _ROLES,
            own_fields=frozenset({"scale_bias", "use_weight_bias", "filler"}),
            implied={"use_weight_bias": True},
            note="a scale and a bias after the statistics, as in Intel's Caffe",
        ),
        BlobLayout(
            _ROLES[:4],
            implied={"use_weight_bias": True, "bias_term": False},
            note="a scale after the statistics, as in Intel's Caffe",
        ),
        BlobLayout(
            ("scale", "bias", "mean", "variance", "factor"),
            own_fields=frozenset({"shift_filler"}),
            implied={"scale_bias": True},
            note="a scale and a bias before the statistics, as in NVIDIA's Caffe 0.15",
        ),
        # NVIDIA's of 2015, which no field indicates: where it fits, any other layout is in doubt.
        BlobLayout(("scale", "bias", "factor", "mean", "variance"), has_four_axes=True),
    )
}


@dataclass(frozen=True)
class Arranged:
    """A layer whose text describes its blobs, the blobs in the order that lowering sees, and a note
    for the user."""

    layer: Layer
    stored: StoredLayer
    note: str = ""


def arranged(layer: Layer, stored: StoredLayer) -> Arranged | None:
    """A layer and its stored blobs in the order that lowering sees; None if they already are in
    that order, or fit no layout. Errors: WeightsError where they fit several.
    """
    blobs = [stored.blobs[index] for index in sorted(stored.blobs)]
    may_lack_some = stored.leaves_out_shared and layer.shares
    layout = None if may_lack_some else _layout(layer, blobs)
    if layout is None or layout.roles == _ROLES[:3]:
        return None
    by_role = {
        role: replace(blob, blob=blob.blob.belonging_to(layer.name, index))
        for index, (role, blob) in enumerate(zip(layout.roles, blobs, strict=True))
    }
    by_role.setdefault("factor", _ONE)
    if layout.roles[0] == "scale":
        _refuse_ambiguous_factor(layer, layout, by_role["factor"])
    in_order = (by_role[role] for role in _ROLES if role in by_role)
    stored = replace(stored, blobs=dict(enumerate(in_order)))
    if layout.implied and has_affine_blobs(layer) is not None:
        return Arranged(layer, stored)
    fields = {**fields_of(layer, "batch_norm_param"), **layout.implied}
    layer = replace(layer, params={**layer.params, "batch_norm_param": fields})
    return Arranged(layer, stored, layout.note)


def _layout(layer: Layer, blobs: Sequence[StoredBlob]) -> BlobLayout | None:
    """The layout that fits blobs and text, if any. Errors: WeightsError where several do."""
    shapes = [stored.blob.shape for stored in blobs]
    affine = has_affine_blobs(layer)
    fitting = [
        layout
        for layout in _LAYOUTS.get(layer.type, ())
        if layout.fits(shapes) and affine in (None, "scale" in layout.roles)
    ]
    if len(fitting) < 2:
        return next(iter(fitting), None)
    fields = fields_of(layer, "batch_norm_param").keys()
    matching = [layout for layout in fitting if layout.own_fields & fields]
    if len(matching) == 1:
        return matching[0]
    raise WeightsError(
        "the order of its blobs is ambiguous",
        where=layer,
        expected=", or ".join(" ".join(layout.roles) for layout in fitting),
        received=", ".join(map(text, shapes)),
        hint="if it is the first, set in its batch_norm_param `scale_bias: true` (NVIDIA's Caffe "
        "from 0.16 on) or `use_weight_bias: true` (Intel's)",
    )


def _refuse_ambiguous_factor(layer: Layer, layout: BlobLayout, factor: StoredBlob) -> None:
    """NVIDIA's Caffe 0.15 ignores the factor, Intel's of 2016 divides by it."""
    if not (factor.count and factor.is_whole):
        return  # which is refused where blobs are fitted
    value = float(factor.blob.array().ravel()[0])
    deciding = {"scale_bias", "bias_filler", *layout.own_fields}
    if value not in (0, 1) and not deciding & fields_of(layer, "batch_norm_param").keys():
        raise WeightsError(
            f"its blobs are {' '.join(layout.roles)}, and two forks use the factor differently",
            where=layer,
            expected="1, or 0 as NVIDIA's Caffe 0.15 writes it",
            received=value,
            hint="set in its batch_norm_param `bias_filler { }` for NVIDIA's, which ignores the "
            "factor, or `shift_filler { }` for Intel's, which divides by it",
        )


# ---- shapes ----------------------------------------------------------------------------------


def non_unit_axes(shape: Shape) -> Shape:
    """A shape without its axes of size 1; blobs equal in this have the same storage order."""
    return tuple(size for size in shape if size != 1)


def has_caffes_shape(need: Shape, stored: StoredBlob) -> bool:
    """Whether a blob has exactly the shape that Caffe writes, or wrote in the early format."""
    padded = (1,) * (4 - len(need)) + need
    have = stored.blob.shape
    return have == need or (stored.legacy and have == padded)


_GROUPED = frozenset({"Convolution", "DepthwiseConvolution", "Deconvolution"})


def group_hint(layer: Layer, need: Shape, have: Shape) -> str | None:
    """The `group` that a convolution's weights have, if that is all that is wrong with them."""
    group = fields_of(layer, "convolution_param").get("group", 1)
    same = len(need) == len(have) > 1 and (need[0], *need[2:]) == (have[0], *have[2:])
    if layer.type not in _GROUPED or not same or not have[1] or group * need[1] % have[1]:
        return None
    return f"these are the weights of `group: {group * need[1] // have[1]}`: was it left out?"


# ---- a factor that a file lacks --------------------------------------------------------------


def _ones() -> Array:
    return np.ones(1, np.float32)


_ONE = StoredBlob(Blob((1,), _ones), legacy=False, count=1, dtype="float32")
