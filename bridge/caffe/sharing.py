"""Blobs that share memory: a layer that works in place on one changes the others.

Split, Flatten, Reshape and a Concat or Slice of one blob do not copy in Caffe: their tops are the
bottom's memory under another name (`ShareData` in split_layer.cpp, flatten_layer.cpp,
reshape_layer.cpp, concat_layer.cpp and slice_layer.cpp). Layers run in order, so a layer that reads
another of these blobs later reads what the layer in place has written.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.caffe.net import Layer

# A layer of this type follows a layer in place for each other blob in its memory: its bottoms are
# that blob and the one that was written, its top the latter's values in the former's shape. No
# layer of a net can have this type, which is not a word.
OVERWRITTEN = "shared memory"

_VIEWS = ("Split", "Flatten", "Reshape", "GradientScaler")
_SINGLE_VIEWS = ("Concat", "Slice")


def with_overwritten(drafts: Sequence[Layer]) -> list[Layer]:
    """The layers, their bottoms and tops still blobs; each one in place is followed by one for
    every other blob that it changes and that is read later or is an output."""
    memory: dict[str, dict[str, None]] = {}
    layers: list[Layer] = []
    for position, draft in enumerate(drafts):
        layers.append(draft)
        for index, top in enumerate(draft.tops):
            if _is_view(draft):
                memory.setdefault(draft.bottoms[0], {draft.bottoms[0]: None})[top] = None
                memory[top] = memory[draft.bottoms[0]]
            elif draft.bottoms[index : index + 1] != (top,):
                memory[top] = {top: None}
            elif draft.type != "Dropout":  # which changes nothing outside training
                others = (blob for blob in memory.get(top, ()) if blob != top)
                layers += [_copy(draft, b, top) for b in others if _is_used(drafts, b, position)]
    return layers


def _is_view(layer: Layer) -> bool:
    single = len(layer.bottoms) == len(layer.tops) == 1
    return bool(layer.bottoms) and layer.type in (*_VIEWS, *(_SINGLE_VIEWS if single else ()))


def _is_used(drafts: Sequence[Layer], blob: str, position: int) -> bool:
    """Whether a blob is read after a layer, or never since it was last written: an output."""
    written = max((i for i in range(position) if blob in drafts[i].tops), default=-1)
    reads = [i for i in range(written + 1, len(drafts)) if blob in drafts[i].bottoms]
    return not reads or reads[-1] > position


def _copy(draft: Layer, blob: str, written: str) -> Layer:
    name = f"{draft.name}:{blob}"
    return Layer(name, OVERWRITTEN, (blob, written), (blob,), draft.where)
