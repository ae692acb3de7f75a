"""Caffe's NetState, which selects layers: phase, level and stages.

(Source: Net::FilterNet and Net::StateMeetsRule in src/caffe/net.cpp)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bridge.caffe.files.prototxt import Message
from bridge.errors import PrototxtError

PHASES = ("TEST", "TRAIN")


@dataclass(frozen=True)
class State:
    """The state in which a net is read."""

    phase: str = "TEST"
    level: int = 0
    stages: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """`phase TEST, stage deploy`; the level only if it is not 0."""
        parts = [f"phase {self.phase}", *(f"stage {stage}" for stage in sorted(self.stages))]
        return ", ".join([*parts, *([f"level {self.level}"] if self.level else [])])

    def options(self, current: State) -> str:
        """The options that change another state into this one: `--stage deploy`."""
        flags = [f"--phase {self.phase}"] if self.phase != current.phase else []
        flags += [f"--stage {stage}" for stage in sorted(self.stages - current.stages)]
        flags += [f"--level {self.level}"] if self.level != current.level else []
        return " ".join(flags)


def is_included(layer: Message, state: State) -> bool:
    """Whether a layer is part of the net in a state; of several rules, any one decides.

    Errors: PrototxtError.
    """
    include, exclude = layer.get("include", []), layer.get("exclude", [])
    if include and exclude:
        raise PrototxtError(
            f"layer '{layer.get('name', '')}' has both include and exclude rules",
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


def including_options(layers: Sequence[Message], state: State) -> dict[str, list[Message]]:
    """Options that would add layers to the net, each with the layers that it adds."""
    ways: dict[str, list[Message]] = {}
    for layer in layers:
        others = (other for other in _neighbours(layer, state) if is_included(layer, other))
        if options := next((other.options(state) for other in others), ""):
            ways.setdefault(options, []).append(layer)
    return ways


def _neighbours(layer: Message, state: State) -> Iterator[State]:
    """The states that a layer's own rules mention, as close to this one as they allow."""
    for rule in layer.get("include", []):
        level = max(state.level, rule.get("min_level", state.level))
        yield State(
            rule.get("phase", state.phase),
            min(level, rule.get("max_level", level)),
            state.stages.union(rule.get("stage", [])),
        )
    for phase in PHASES:
        yield replace(state, phase=phase)
    for rule in layer.get("exclude", []):
        yield replace(state, stages=state.stages.union(rule.get("not_stage", [])))
