"""How files hold the blobs of a layer, where there are more ways than Caffe's own.

Their shapes may have more axes of 1, or fewer, which changes nothing of where the numbers lie.
Their order is Caffe's but in batch norms: NVIDIA's and Intel's forks keep a scale and a bias beside
the statistics, and exporters leave out the factor. Which layout a file has is told by how many
numbers each blob holds and, where two fit, by the text. Lowering sees one: mean, variance, factor,
and behind them scale and bias where there are any.

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
from bridge.caffe.net import Array, Blob, Layer, Shape
from bridge.caffe.shapes.norm import has_affine_blobs
from bridge.caffe.shapes.table import given, text
from bridge.errors import WeightsError


@dataclass(frozen=True)
class BlobLayout:
    """The `roles` of a file's blobs in turn.

    `told_by` are fields of the text that only its fork has; `says` are those that a text lacks
    which is silent about the blobs, and `note` is what to tell a user.
    """

    roles: tuple[str, ...]
    told_by: frozenset[str] = frozenset()
    says: Mapping[str, bool] = field(default_factory=dict)
    note: str = ""
    has_four_axes: bool = False

    def fits(self, shapes: Sequence[Shape]) -> bool:
        """Whether these can be its blobs: the factor is one number, the others are equally many."""
        counts = list(map(prod, shapes))
        sizes = [1 if role == "factor" else max(counts) for role in self.roles]
        return counts == sizes and (not self.has_four_axes or len(shapes[0]) == 4)


# What lowering sees; the shape rule of BatchNorm has the same order.
_ROLES = ("mean", "variance", "factor", "scale", "bias")

_LAYOUTS: Mapping[str, tuple[BlobLayout, ...]] = {
    "BatchNorm": (
        BlobLayout(_ROLES[:3]),
        BlobLayout(_ROLES[:2], note="no factor beside a mean and a variance; it is taken for 1"),
        BlobLayout(
            _ROLES,
            told_by=frozenset({"scale_bias", "use_weight_bias", "filler"}),
            says={"use_weight_bias": True},
            note="a scale and a bias behind the statistics, as Intel's Caffe has them",
        ),
        BlobLayout(
            _ROLES[:4],
            says={"use_weight_bias": True, "bias_term": False},
            note="a scale behind the statistics, as Intel's Caffe has it",
        ),
        BlobLayout(
            ("scale", "bias", "mean", "variance", "factor"),
            told_by=frozenset({"shift_filler"}),
            says={"scale_bias": True},
            note="a scale and a bias before the statistics, as NVIDIA's Caffe 0.15 has them",
        ),
        # NVIDIA's of 2015, which no field tells: that it fits makes another one doubtful.
        BlobLayout(("scale", "bias", "factor", "mean", "variance"), has_four_axes=True),
    )
}


@dataclass(frozen=True)
class Arranged:
    """A layer whose text says what its blobs are, these in the order that lowering sees, and what
    to tell a user of it."""

    layer: Layer
    stored: StoredLayer
    note: str = ""


def arranged(layer: Layer, stored: StoredLayer) -> Arranged | None:
    """A layer and its stored blobs in the order that lowering sees; None where they are in it
    already, or fit no layout. Errors: WeightsError where they fit several.
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
        _refuse_a_factor_of_two_meanings(layer, layout, by_role["factor"])
    in_order = (by_role[role] for role in _ROLES if role in by_role)
    stored = replace(stored, blobs=dict(enumerate(in_order)))
    if layout.says and has_affine_blobs(layer) is not None:
        return Arranged(layer, stored)
    fields = {**given(layer, "batch_norm_param"), **layout.says}
    layer = replace(layer, params={**layer.params, "batch_norm_param": fields})
    return Arranged(layer, stored, layout.note)


def _layout(layer: Layer, blobs: Sequence[StoredBlob]) -> BlobLayout | None:
    """The one layout that fits blobs and text. Errors: WeightsError where several do."""
    shapes = [stored.blob.shape for stored in blobs]
    affine = has_affine_blobs(layer)
    fitting = [
        layout
        for layout in _LAYOUTS.get(layer.type, ())
        if layout.fits(shapes) and affine in (None, "scale" in layout.roles)
    ]
    if len(fitting) < 2:
        return next(iter(fitting), None)
    fields = given(layer, "batch_norm_param").keys()
    told = [layout for layout in fitting if layout.told_by & fields]
    if len(told) == 1:
        return told[0]
    raise WeightsError(
        "its blobs may be in several orders",
        where=layer,
        expected=", or ".join(" ".join(layout.roles) for layout in fitting),
        received=", ".join(map(text, shapes)),
        hint="if it is the first, say so in its batch_norm_param: `scale_bias: true` (NVIDIA's "
        "Caffe from 0.16 on), or `use_weight_bias: true` (Intel's)",
    )


def _refuse_a_factor_of_two_meanings(layer: Layer, layout: BlobLayout, factor: StoredBlob) -> None:
    """NVIDIA's Caffe 0.15 does not look at the factor, Intel's of 2016 divides by it."""
    value = float(factor.blob.array().ravel()[0])
    told_by = {"scale_bias", "bias_filler", *layout.told_by}
    if value not in (0, 1) and not told_by & given(layer, "batch_norm_param").keys():
        raise WeightsError(
            f"its blobs are {' '.join(layout.roles)}, and two forks take the factor otherwise",
            where=layer,
            expected="1, or 0 as NVIDIA's Caffe 0.15 writes it",
            received=value,
            hint="say in its batch_norm_param whose it is: `bias_filler { }` for NVIDIA's, which "
            "does not look at the factor, `shift_filler { }` for Intel's, which divides by it",
        )


# ---- shapes ----------------------------------------------------------------------------------


def long_axes(shape: Shape) -> Shape:
    """A shape without its axes of 1; two that are equal so hold the same numbers in one order."""
    return tuple(size for size in shape if size != 1)


def is_as_caffes(need: Shape, stored: StoredBlob) -> bool:
    """Whether a blob has the very shape that Caffe gives it, or gave it in the early format."""
    padded = (1,) * (4 - len(need)) + need
    have = stored.blob.shape
    return have == need or (stored.legacy and have == padded)


_GROUPED = frozenset({"Convolution", "DepthwiseConvolution", "Deconvolution"})


def group_hint(layer: Layer, need: Shape, have: Shape) -> str | None:
    """Which `group` a convolution's weights have, if nothing else is the matter with them."""
    group = given(layer, "convolution_param").get("group", 1)
    same = len(need) == len(have) > 1 and (need[0], *need[2:]) == (have[0], *have[2:])
    if layer.type not in _GROUPED or not same or not have[1] or group * need[1] % have[1]:
        return None
    return f"these would be the weights of `group: {group * need[1] // have[1]}`: was it forgotten?"


# ---- a factor that a file lacks --------------------------------------------------------------


def _ones() -> Array:
    return np.ones(1, np.float32)


_ONE = StoredBlob(Blob((1,), _ones), legacy=False, count=1, dtype="float32")
