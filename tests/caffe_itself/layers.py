"""A layer with random settings, as text and as what it is fed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rng = np.random.Generator


@dataclass(frozen=True)
class Layer:
    """A layer: its type, the text of its settings, what it is fed, how many tops it has."""

    type: str
    settings: str
    bottoms: tuple[Array, ...]
    tops: int = 1

    def text(self, name: str) -> str:
        """The layer and its inputs, which are named after it."""
        inputs = "".join(
            f'layer {{ name: "{name}_{i}" type: "Input" top: "{name}_{i}" '
            f"input_param {{ shape {{ {fields('dim', x.shape)} }} }} }}\n"
            for i, x in enumerate(self.bottoms)
        )
        bottoms = fields("bottom", [f'"{name}_{i}"' for i in range(len(self.bottoms))])
        tops = fields("top", [f'"{name}"', *(f'"{name}.{i}"' for i in range(1, self.tops))])
        head = f'name: "{name}" type: "{self.type}"'
        return f"{inputs}layer {{ {head} {bottoms} {tops} {self.settings} }}\n"

    def feeds(self, name: str) -> dict[str, Array]:
        return {f"{name}_{i}": x for i, x in enumerate(self.bottoms)}


def fields(name: str, values: Sequence[object]) -> str:
    return " ".join(f"{name}: {value}" for value in values)


def settings(message: str, values: Mapping[str, object]) -> str:
    """`message { … }` of all that is not None; a list repeats its field."""
    listed = ((k, v if isinstance(v, list) else [v]) for k, v in values.items() if v is not None)
    texts = (
        fields(k, [str(v).lower() if isinstance(v, bool) else v for v in vs]) for k, vs in listed
    )
    return f"{message} {{ {' '.join(texts)} }}"


def maybe(rng: Rng, value: object, chance: float = 0.5) -> object:
    return value if rng.random() < chance else None


def flag(rng: Rng) -> object:
    """A field that is left out, or set to either."""
    return maybe(rng, bool(rng.integers(2)), 0.7)


def one_of(rng: Rng, values: Sequence[Any]) -> Any:
    return values[int(rng.integers(len(values)))]
