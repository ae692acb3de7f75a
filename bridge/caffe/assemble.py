"""From the layers of a prototxt to a `Net`: phases, inputs, and one writer for each value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

from bridge.caffe.inputs import are_inputs, inputs
from bridge.caffe.net import Layer, Net, Share
from bridge.caffe.prototxt import Message
from bridge.errors import PrototxtError, UnsupportedError


@dataclass(frozen=True)
class State:
    """Caffe's NetState, by which layers are chosen."""

    phase: str = "TEST"
    level: int = 0
    stages: frozenset[str] = frozenset()


def assemble(name: str, messages: Sequence[Message], state: State) -> Net:
    """A net without weights.

    Errors: PrototxtError where layers do not connect; UnsupportedError where the result depends on
    what blobs share or overwrite.
    """
    chosen = [message for message in messages if is_included(message, state)]
    drafts = [_draft(message) for message in chosen]
    are_fed = are_inputs(chosen)
    wiring = _Wiring(drafts, are_fed)
    wired = [wiring.connect(draft) for draft in drafts]
    _refuse_unsound_places(drafts, wired)
    fed = [entry for message in compress(chosen, are_fed) for entry in inputs(message)]
    layers = [layer for layer, is_fed in zip(wired, are_fed, strict=True) if not is_fed]
    return Net(name, tuple(fed), tuple(layers), wiring.unread())


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
    )


# ---- phases ----------------------------------------------------------------------------------


def is_included(layer: Message, state: State) -> bool:
    """Whether a layer takes part in a state; where it has several rules, any one decides.

    Errors: PrototxtError. Source: Net::FilterNet and Net::StateMeetsRule in src/caffe/net.cpp.
    """
    include, exclude = layer.get("include", []), layer.get("exclude", [])
    if include and exclude:
        raise PrototxtError(
            f"layer '{layer.get('name', '')}' has include and exclude rules",
            where=layer.where,
            expected="one of the two",
        )
    if include:
        return any(_meets(rule, state) for rule in include)
    return not any(_meets(rule, state) for rule in exclude)


def _meets(rule: Message, state: State) -> bool:
    return (
        rule.get("phase", state.phase) == state.phase
        and rule.get("min_level", state.level) <= state.level
        and rule.get("max_level", state.level) >= state.level
        and state.stages.issuperset(rule.get("stage", []))
        and state.stages.isdisjoint(rule.get("not_stage", []))
    )


# ---- values ----------------------------------------------------------------------------------


class _Wiring:
    """Gives each value a name of its own (see `Layer`) and counts who reads it."""

    def __init__(self, drafts: Sequence[Layer], fed: Sequence[bool]) -> None:
        self.writes_left = Counter(blob for draft in drafts for blob in draft.tops)
        self.fed = {
            blob for draft, is_fed in zip(drafts, fed, strict=True) if is_fed for blob in draft.tops
        }
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
                hint="layers of another phase are left out (--phase TRAIN has these instead), and "
                "a layer above may have a top renamed",
            )
        value = self.current[blob]
        self.reads[value] += 1
        return value

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
    *("Reduction", "BatchReindex", "Filter", "LSTM", "RNN"),
}

# Layers whose tops are their first bottom's memory under another name; Concat and Slice only where
# there is nothing to join or part.
_VIEWS = ("Split", "Flatten", "Reshape", "GradientScaler")
_SINGLE_VIEWS = ("Concat", "Slice")


def _is_view(layer: Layer) -> bool:
    single = len(layer.bottoms) == len(layer.tops) == 1
    return bool(layer.bottoms) and layer.type in (*_VIEWS, *(_SINGLE_VIEWS if single else ()))


def _refuse_unsound_places(drafts: Sequence[Layer], layers: Sequence[Layer]) -> None:
    """Refuse a layer that, working in place, changes what it or others still have to read.

    Errors: PrototxtError where Caffe would abort, UnsupportedError where its result depends on
    memory. Dropout changes nothing outside training.
    """
    readers = Counter(value for layer in layers for value in layer.bottoms)
    last_read = {value: at for at, layer in enumerate(layers) for value in layer.bottoms}
    memory: dict[str, list[str]] = {}  # for each value, all values so far in the same memory
    for at, (draft, layer) in enumerate(zip(drafts, layers, strict=True)):
        for i, top in enumerate(layer.tops):
            shared: list[str] = []
            if _is_view(layer):
                shared = memory[layer.bottoms[0]]
            elif draft.bottoms[i : i + 1] == (draft.tops[i],):
                _refuse_in_place(layer, draft.tops[i], readers[layer.bottoms[i]])
                shared = memory[layer.bottoms[i]]
                late = [value for value in shared if last_read.get(value, len(layers)) > at]
                if late and layer.type != "Dropout":
                    raise _shares_memory(layer, layer.bottoms[i], late[0])
            shared.append(top)
            memory[top] = shared


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


def _shares_memory(layer: Layer, bottom: str, other: str) -> UnsupportedError:
    return UnsupportedError(
        f"working in place on '{bottom}', it changes '{other}' too, which is read later",
        where=layer,
        received="blobs that share memory, by Split, Flatten, Reshape or a Concat of one",
        hint="give the layer a top of another name, if that is what the net means",
    )
