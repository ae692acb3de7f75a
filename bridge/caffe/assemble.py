"""From the layers of a prototxt to a `Net`: phases, inputs, and one producer for each value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import compress

from bridge.caffe.files.prototxt import Message
from bridge.caffe.inputs import are_inputs, inputs, with_requested
from bridge.caffe.net import Layer, Learning, Net, Share
from bridge.caffe.preprocessing import SUBTRACT_MEAN
from bridge.caffe.sharing import OVERWRITTEN, with_overwritten
from bridge.caffe.state import State, including_options, is_included
from bridge.errors import PrototxtError, UnsupportedError, did_you_mean


def assemble(
    name: str, messages: Sequence[Message], state: State, requested: Collection[str] = ()
) -> Net:
    """A net without weights. `requested` blobs are inputs where no layer produces them.

    Errors: PrototxtError where layers do not connect; UnsupportedError where the result depends on
    shared or overwritten memory.
    """
    _refuse_own_types(messages)
    chosen = [message for message in messages if is_included(message, state)]
    left_out = [message for message in messages if not is_included(message, state)]
    chosen = with_requested(chosen, requested)
    are_fed = are_inputs(chosen, requested)
    originals = [_draft(message) for message in chosen]
    sources, drafts = [*compress(originals, are_fed)], with_overwritten(originals)
    wiring = _Wiring(drafts, sources, left_out, state)
    wired = [wiring.connect(draft) for draft in drafts]
    if all(are_fed) and left_out:
        raise _no_layers(left_out, state)
    _refuse_unsound_in_place(drafts, wired)
    fed = [entry for message in compress(chosen, are_fed) for entry in inputs(message)]
    fed_ids = set(map(id, sources))
    layers = [layer for draft, layer in zip(drafts, wired, strict=True) if id(draft) not in fed_ids]
    aside = [*map(_draft, left_out), *sources]
    return Net(name, tuple(fed), tuple(layers), wiring.unread(), aside=tuple(aside))


def _refuse_own_types(messages: Sequence[Message]) -> None:
    """Refuses the types of layers that bridge itself adds: they have no fields in a text."""
    for message in messages:
        if (kind := message.get("type", "")) in (SUBTRACT_MEAN, OVERWRITTEN):
            raise PrototxtError(
                f"'{kind}' is no type of a layer of Caffe's", where=message.location("type")
            )


def _no_layers(left_out: Sequence[Message], state: State) -> PrototxtError:
    """The error for a net whose layers all belong to other states."""
    ways = including_options(left_out, state)
    return PrototxtError(
        f"in {state}, the net has no layers other than inputs",
        where=left_out[0].where,
        expected="a layer that computes something",
        hint="; ".join(f"{options} adds {len(ways[options])}" for options in ways) or None,
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
        learning=_learning(message),
    )


def _learning(message: Message) -> Learning:
    params = list(enumerate(message.get("param", ())))
    return Learning(
        loss_weights=tuple(message.get("loss_weight", ())),
        rates={index: param["lr_mult"] for index, param in params if "lr_mult" in param},
        decays={index: param["decay_mult"] for index, param in params if "decay_mult" in param},
        propagate_down=tuple(message.get("propagate_down", ())),
    )


# ---- values ----------------------------------------------------------------------------------


class _Wiring:
    """Gives each value a name of its own (see `Layer`) and counts its consumers."""

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
                f"no earlier layer produces blob '{blob}'",
                where=draft,
                expected="the name of an input or of an earlier layer's top",
                received=blob,
                hint=self._producers(blob),
            )
        value = self.current[blob]
        self.reads[value] += 1
        return value

    def _producers(self, blob: str) -> str:
        """Where a blob might come from that no earlier layer produces."""
        producers = [layer for layer in self.left_out if blob in layer.get("top", [])]
        ways = [
            f"'{layer.get('name', '')}' ({options})"
            for options, layers in including_options(producers, self.state).items()
            for layer in layers
        ]
        if ways:
            return f"layers left out in {self.state} produce it: {', '.join(ways)}"
        if blob in self.writes_left:
            return "a later layer produces it, but layers run in the order of the file"
        close = did_you_mean(blob, self.current)
        hint = f"if it is an input of the net, pass its shape: --input-shape {blob}:1,3,224,224"
        return f"{close} Otherwise, {hint}" if close else hint

    def _write(self, draft: Layer, index: int, blob: str) -> str:
        if blob in self.current and draft.bottoms[index : index + 1] != (blob,):
            raise PrototxtError(
                f"blob '{blob}' is written twice",
                where=draft,
                expected="a new name, or the layer's own bottom at the same index",
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

# Layers that move or mix values: in place, Caffe would overwrite values it has yet to read.
_MIXING = {
    *("Convolution", "ConvolutionDepthwise", "DepthwiseConvolution", "Deconvolution", "Im2col"),
    *("Pooling", "SPP", "Upsample", "Interp", "InnerProduct", "Embed", "LRN", "MVN", "Normalize"),
    *("Eltwise", "Axpy", "Concat", "Slice", "Tile", "Crop", "Permute", "ShuffleChannel", "ArgMax"),
    *("Reduction", "BatchReindex", "Filter", "LSTM", "RNN", "SpatialTransformer"),
    *("AutoCrop", "DeformableConvolution", "UnPooling", "Unpooling"),
}


def _refuse_unsound_in_place(drafts: Sequence[Layer], layers: Sequence[Layer]) -> None:
    """Refuse a layer that, in place, changes values that it or others still have to read.

    Errors: PrototxtError where Caffe would abort, UnsupportedError where its result depends on
    the order in which it goes through memory.
    """
    own = [layer for layer in layers if layer.type != OVERWRITTEN]
    consumers = Counter(value for layer in own for value in layer.bottoms)
    for draft, layer in zip(drafts, layers, strict=True):
        for i, top in enumerate(draft.tops):
            if draft.bottoms[i : i + 1] == (top,) and layer.type != OVERWRITTEN:
                _refuse_in_place(layer, top, consumers[layer.bottoms[i]])


def _refuse_in_place(layer: Layer, blob: str, consumers: int) -> None:
    if consumers > 1:
        raise PrototxtError(
            f"blob '{blob}' cannot be changed in place: other layers read it too",
            where=layer,
            expected="a top with another name",
            received=f"{consumers} layers read '{blob}' as it was before",
        )
    if layer.type in _MIXING:
        raise UnsupportedError(
            f"{layer.type} cannot work in place: Caffe would overwrite values it has yet to read",
            where=layer,
            expected="a top with another name",
            received=blob,
        )
