"""From the layers of a prototxt to a `Net`: phases, inputs, and one writer for each value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import compress

from bridge.caffe.files.prototxt import Message
from bridge.caffe.inputs import are_inputs, inputs, with_given
from bridge.caffe.net import Layer, Net, Share
from bridge.caffe.sharing import OVERWRITTEN, with_overwritten
from bridge.caffe.state import State, is_included, ways_in
from bridge.errors import PrototxtError, UnsupportedError, did_you_mean


def assemble(
    name: str, messages: Sequence[Message], state: State, given: Collection[str] = ()
) -> Net:
    """A net without weights. Blobs whose shapes are `given` are inputs where no layer makes them.

    Errors: PrototxtError where layers do not connect; UnsupportedError where the result depends on
    what blobs share or overwrite.
    """
    chosen = [message for message in messages if is_included(message, state)]
    left_out = [message for message in messages if not is_included(message, state)]
    chosen = with_given(chosen, given)
    are_fed = are_inputs(chosen, given)
    said = [_draft(message) for message in chosen]
    sources, drafts = [*compress(said, are_fed)], with_overwritten(said)
    wiring = _Wiring(drafts, sources, left_out, state)
    wired = [wiring.connect(draft) for draft in drafts]
    if all(are_fed) and left_out:
        raise _nothing(left_out, state)
    _refuse_unsound_places(drafts, wired)
    fed = [entry for message in compress(chosen, are_fed) for entry in inputs(message)]
    fed_ids = set(map(id, sources))
    layers = [layer for draft, layer in zip(drafts, wired, strict=True) if id(draft) not in fed_ids]
    aside = [*map(_draft, left_out), *sources]
    return Net(name, tuple(fed), tuple(layers), wiring.unread(), aside=tuple(aside))


def _nothing(left_out: Sequence[Message], state: State) -> PrototxtError:
    """The refusal of a net whose layers all belong to other states."""
    ways = ways_in(left_out, state)
    return PrototxtError(
        f"in {state}, the net has no layers beside inputs",
        where=left_out[0].where,
        expected="a layer that computes something",
        hint="; ".join(f"{options} brings in {len(ways[options])}" for options in ways) or None,
    )


def _draft(message: Message) -> Layer:
    """A layer whose bottoms and tops are still blob names."""
    return Layer(
        name=message.get("name", ""),
        type=message.get("type", ""),
        bottoms=tuple(message.get("bottom", ())),
        tops=tuple(message.get("top", ())),
        where=message.where,
        params={name: value for name, value in message.items() if name.endswith("_param")},
        shares={
            index: Share(param["name"], param.get("share_mode") == "PERMISSIVE")
            for index, param in enumerate(message.get("param", ()))
            if param.get("name")
        },
        complaints=message.complaints,
    )


# ---- values ----------------------------------------------------------------------------------


class _Wiring:
    """Gives each value a name of its own (see `Layer`) and counts who reads it."""

    def __init__(
        self,
        drafts: Sequence[Layer],
        sources: Sequence[Layer],
        left_out: Sequence[Message],
        state: State,
    ) -> None:
        self.left_out, self.state = left_out, state
        self.writes_left = Counter(blob for draft in drafts for blob in draft.tops)
        self.fed = {blob for source in sources for blob in source.tops}
        self.taken = set(self.writes_left)
        self.current: dict[str, str] = {}
        self.reads: dict[str, int] = {}

    def connect(self, draft: Layer) -> Layer:
        bottoms = tuple(self._read(draft, blob) for blob in draft.bottoms)
        tops = tuple(self._write(draft, i, blob) for i, blob in enumerate(draft.tops))
        return replace(draft, bottoms=bottoms, tops=tops)

    def unread(self) -> tuple[str, ...]:
        return tuple(value for value, count in self.reads.items() if not count)

    def _read(self, draft: Layer, blob: str) -> str:
        if blob not in self.current:
            raise PrototxtError(
                f"blob '{blob}' is not made by any layer before",
                where=draft,
                expected="the name of an input, or of a top of an earlier layer",
                received=blob,
                hint=self._producers(blob),
            )
        value = self.current[blob]
        self.reads[value] += 1
        return value

    def _producers(self, blob: str) -> str:
        """Where a blob might come from that no layer before has made."""
        producers = [layer for layer in self.left_out if blob in layer.get("top", [])]
        ways = [
            f"'{layer.get('name', '')}' by {options}"
            for options, layers in ways_in(producers, self.state).items()
            for layer in layers
        ]
        if ways:
            return f"left out in {self.state} are layers that make it: {', '.join(ways)}"
        if blob in self.writes_left:
            return "a layer further down makes it: layers run in the order of the file"
        close = did_you_mean(blob, self.current)
        give = f"if it is an input of the net, give its shape: --input-shape {blob}:1,3,224,224"
        return f"{close} Else, {give}" if close else give

    def _write(self, draft: Layer, index: int, blob: str) -> str:
        if blob in self.current and draft.bottoms[index : index + 1] != (blob,):
            raise PrototxtError(
                f"blob '{blob}' is made twice",
                where=draft,
                expected="a new name, or the layer's own bottom at the same place",
                received=blob,
            )
        self.writes_left[blob] -= 1
        is_last = not self.writes_left[blob] and blob not in self.fed
        is_fed = blob in self.fed and blob not in self.current
        value = blob if is_last or is_fed else self._fresh(f"{blob}:{draft.name}")
        self.current[blob] = value
        self.reads[value] = 0
        return value

    def _fresh(self, name: str) -> str:
        candidate, number = name, 1
        while candidate in self.taken:
            number += 1
            candidate = f"{name}:{number}"
        self.taken.add(candidate)
        return candidate


# ---- in place --------------------------------------------------------------------------------

# Layers that move or mix values: in place, Caffe would overwrite what it has yet to read.
_MIXING = {
    *("Convolution", "ConvolutionDepthwise", "DepthwiseConvolution", "Deconvolution", "Im2col"),
    *("Pooling", "SPP", "Upsample", "Interp", "InnerProduct", "Embed", "LRN", "MVN", "Normalize"),
    *("Eltwise", "Axpy", "Concat", "Slice", "Tile", "Crop", "Permute", "ShuffleChannel", "ArgMax"),
    *("Reduction", "BatchReindex", "Filter", "LSTM", "RNN", "SpatialTransformer"),
    *("AutoCrop", "DeformableConvolution", "UnPooling", "Unpooling"),
}


def _refuse_unsound_places(drafts: Sequence[Layer], layers: Sequence[Layer]) -> None:
    """Refuse a layer that, working in place, changes what it or others still have to read.

    Errors: PrototxtError where Caffe would abort, UnsupportedError where its result depends on
    the order in which it goes through memory.
    """
    own = [layer for layer in layers if layer.type != OVERWRITTEN]
    readers = Counter(value for layer in own for value in layer.bottoms)
    for draft, layer in zip(drafts, layers, strict=True):
        for i, top in enumerate(draft.tops):
            if draft.bottoms[i : i + 1] == (top,) and layer.type != OVERWRITTEN:
                _refuse_in_place(layer, top, readers[layer.bottoms[i]])


def _refuse_in_place(layer: Layer, blob: str, readers: int) -> None:
    if readers > 1:
        raise PrototxtError(
            f"blob '{blob}' cannot be worked on in place: other layers read it too",
            where=layer,
            expected="a top of another name",
            received=f"'{blob}', as it was before, has {readers} readers",
        )
    if layer.type in _MIXING:
        raise UnsupportedError(
            f"{layer.type} cannot work in place: Caffe overwrites what it has yet to read",
            where=layer,
            expected="a top of another name",
            received=blob,
        )
