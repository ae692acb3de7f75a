"""Layouts as text, in einops notation: logical axes -> stored axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridge.layout.arrangement import Arrangement

LETTERS = {1: "n", 2: "n c", 3: "n c w", 4: "n c h w", 5: "n c d h w"}


def einops_text(layout: Arrangement[Any], names: Sequence[str] | None = None) -> str:
    """`n c h w -> n h w c`, and after Flatten `n (c h w) -> n (h w c)`.

    `names` are those of the atoms, or of the logical axes; then the atoms of an axis that has
    several are numbered, as in `n (c1 c2) h w`. By default, a tensor of rank 4 or more has a letter
    for each axis, and one of lower rank, usually flattened, for each atom; x1, x2, ... if there
    are too many. An axis of size 1 without atoms is a 1. The inner layouts of concatenated axes,
    for which einops has no notation, follow at the end: `n c -> n c; c = [n -> n] + [...]`.
    """
    letters = _letters(layout, names)
    logical, stored = (
        " ".join(_group([letters[atom] for atom in axis]) for axis in axes)
        for axes in (layout.members, layout.stored)
    )
    concatenated = [
        f"; {letter} = " + " + ".join(f"[{part.text()}]" for part in atom.parts)
        for letter, atom in zip(letters, layout.atoms, strict=True)
        if not isinstance(atom, int | str)
    ]
    return f"{logical} -> {stored}".strip() + "".join(concatenated)


def einops_sizes(layout: Arrangement[Any]) -> dict[str, int]:
    """The sizes of those letters of `einops_text` that share a logical axis, as far as they are
    known: `einops.rearrange` needs them besides the text."""
    letters = _letters(layout, None)
    shared = [atom for axis in layout.members if len(axis) > 1 for atom in axis]
    sizes = {letters[atom]: layout.atoms[atom] for atom in shared}
    return {letter: size for letter, size in sizes.items() if isinstance(size, int)}


def _letters(layout: Arrangement[Any], names: Sequence[str] | None) -> list[str]:
    """The name of each atom."""
    if names is None:
        count = layout.rank if layout.rank >= 4 else len(layout.atoms)
        names = LETTERS[count].split() if count in LETTERS else [f"x{i + 1}" for i in range(count)]
    if len(names) == len(layout.atoms):
        return list(names)
    if len(names) != layout.rank:
        raise ValueError(f"{layout.rank} axes of {len(layout.atoms)} atoms, but names {names}")
    letters = []
    for name, axis in zip(names, layout.axes, strict=True):
        stem = f"{name}_" if name[-1].isdigit() else name
        letters += [name] if len(axis) == 1 else [f"{stem}{i + 1}" for i in range(len(axis))]
    return letters


def _group(letters: Sequence[str]) -> str:
    """An axis of one atom, of several, or of none."""
    return letters[0] if len(letters) == 1 else f"({' '.join(letters)})" if letters else "1"
