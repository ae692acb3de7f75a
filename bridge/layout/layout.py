"""The algebra of layouts: what Transpose, Reshape, Concat, ... make of where elements lie.

Each method states its law as an equation, for every array x of the logical shape.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from itertools import chain, groupby, islice
from typing import TypeAlias, TypeVar

from bridge.layout.arrangement import Arrangement, store_shape
from bridge.layout.binding import numbered_axes
from bridge.layout.concatenated import Array, AtomOf, Concatenated, size_of
from bridge.layout.size import Size, common_cuts, product, quotient, total
from bridge.layout.text import einops_text

Item = TypeVar("Item")
Label = TypeVar("Label", bound=Hashable)


class Layout(Arrangement["Layout"]):
    """How one tensor is stored: the atoms of an `Arrangement`, and what operators make of it.

    Raises ValueError unless each atom is stored exactly once, and for sizes below 1.
    """

    # Making one

    @classmethod
    def identity(cls, shape: Sequence[Size]) -> Layout:
        """Stored as it is: `identity(shape).apply(x) == x`."""
        return cls.ordered(shape, range(len(shape)))

    @classmethod
    def ordered(cls, shape: Sequence[Size], order: Iterable[int]) -> Layout:
        """Whole axes in another order: `ordered(shape, order).apply(x) == x.transpose(order)`."""
        return cls(tuple((size,) for size in shape), tuple((axis,) for axis in order))

    @classmethod
    def product(cls, parts: Sequence[Layout], order: Iterable[int]) -> Layout:
        """One-axis layouts side by side, part `order[i]` on stored axis i:
        `product(parts, order).axis(i) == parts[i]` and `where(order[i]) == i`."""
        labels = [[(i, k) for k in range(len(part.atoms))] for i, part in enumerate(parts)]
        stored = [[(i, k) for k in parts[i].order] for i in order]
        return _layout(labels, stored, lambda label: parts[label[0]].atoms[label[1]])

    @classmethod
    def concatenated(cls, parts: Sequence[Layout]) -> Layout:
        """One-axis layouts end to end, as one axis:
        `joined((a, b)).apply(concat(x, y)) == concat(a.apply(x), b.apply(y))`.

        Plain where all parts are. Raises ValueError where not, and a part's size is a symbol.
        """
        parts = _normal(parts)
        return parts[0] if len(parts) == 1 else cls(((Concatenated(parts),),), ((0,),))

    def within(self, shape: Sequence[Size], axis: int) -> Layout:
        """This one-axis layout as an axis of a tensor whose others are plain, in place:
        `within(x.shape, i).axis(i)` is this."""
        parts = [self if i == axis else Layout.identity((size,)) for i, size in enumerate(shape)]
        return Layout.product(parts, range(len(parts)))

    # What it says

    @cached_property
    def is_identity(self) -> bool:
        """Whether `apply(x) == x`, shape and all."""
        return self.same_array(Layout.identity(self.logical_shape))

    def same_element_order(self, other: Layout) -> bool:
        """Whether both stores have the same elements in the same flat order, in whatever shape:
        `apply(x).ravel() == other.apply(x).ravel()`."""
        return self == other or self.flat() == other.flat()

    def same_array(self, other: Layout) -> bool:
        """Whether both stores are the same array: `apply(x) == other.apply(x)`."""
        return self.stored_shape == other.stored_shape and self.same_element_order(other)

    def axis(self, axis: int) -> Layout:
        """The layout of one logical axis by itself: a slice along it, `apply`-ed, is that slice
        of the store along `where(axis)`. Raises ValueError where it has no place of its own."""
        own, group = self.members[axis], self.stored[self._place(axis)]
        here = [atom for atom in own if atom in group]
        return _layout([here], [[atom for atom in group if atom in own]], self._atom)

    def text(self, names: Sequence[str] | None = None) -> str:
        """In the notation of einops: `n c h w -> n h w c`; `einops_text` says which letters."""
        return einops_text(self, names)

    def __str__(self) -> str:
        return self.text()

    # What it does to an array

    def apply(self, array: Array) -> Array:
        """From tensor to store: the definition of a layout. A view wherever numpy can.

        Symbols take the sizes that they have in the array, where they may be 0; raises ValueError
        as `bound` does.
        """
        if not array.size:
            return array.reshape(self._store_of_empty(array.shape))
        layout = self.bound(array.shape)
        atoms = array.reshape([int(size_of(atom)) for atom in layout.atoms])
        for i, atom in enumerate(layout.atoms):
            if isinstance(atom, Concatenated):
                atoms = atom.apply(atoms, axis=i)
        return atoms.transpose(layout.order).reshape([int(size) for size in layout.stored_shape])

    def undo(self, array: Array) -> Array:
        """From store to tensor: `undo(apply(x)) == x`."""
        return self.inverse().apply(array)

    def bound(self, shape: Sequence[int]) -> Layout:
        """This layout for arrays of one shape: with numbers for its symbols.

        Raises ValueError for a shape that does not fit, and for one that leaves open what two
        symbols are that part ways: `(h w) -> (w h)`.
        """
        if self.logical_shape == tuple(shape):
            return self
        return Layout(self._numbered(shape), self.canonical().stored)

    # One layout from others

    def inverse(self) -> Layout:
        """Store and tensor change places: `inverse().apply(apply(x)) == x`."""
        return _layout(self.stored, self.members, lambda i: _inverse(self.atoms[i]))

    def compose(self, other: Layout) -> Layout:
        """First this, then another, to which this store is the tensor:
        `compose(other).apply(x) == other.apply(apply(x))`.

        Leaves out atoms of size 1. Raises ValueError where the shapes do not meet, and where no
        atoms serve both: one moves the 2 and the 3 of an axis of 6, the other its 3 and 2.
        """
        if self.stored_shape != other.logical_shape:
            raise ValueError(f"{self.stored_shape} is stored, {other.logical_shape} is expected")
        refined = self.inverse().refine(other)
        if refined is None:
            raise ValueError(f"no atoms serve both {self} and {other}")
        back, forth = refined
        first = [_inverse(atom) for atom in back.atoms]
        return _layout(back.stored, forth.stored, lambda i: _compose(first[i], forth.atoms[i]))

    def refine(self, other: Layout) -> tuple[Layout, Layout] | None:
        """Both layouts of one tensor, cut into atoms of the same sizes:
        `a.apply(x) == apply(x)` and `b.apply(x) == other.apply(x)` for `a, b = refine(other)`.

        Leaves out atoms of size 1. None where no atoms serve both. Raises ValueError where the
        logical shapes differ.
        """
        if self.logical_shape != other.logical_shape:
            raise ValueError(f"{self.logical_shape} and {other.logical_shape} are not one tensor")
        one, two = self.canonical(), other.canonical()
        cuts = common_cuts(map(size_of, one.atoms), map(size_of, two.atoms))
        a, b = (one._split(cuts[0]), two._split(cuts[1])) if cuts else (None, None)
        return None if a is None or b is None else (a, b)

    def canonical(self) -> Layout:
        """The one form of all layouts that do the same (for a Concatenated: of most that do):
        `canonical().apply(x) == apply(x)`, and `canonical().canonical() == canonical()`.

        It has no atoms of size 1, and no two that run side by side through both a logical and a
        stored axis. What marked the places of axes of size 1 is lost: `where` gives None.
        """
        unit = self._unit()
        owner = [i for i, axis in enumerate(unit.axes) for _ in axis]

        def goes_on(one: int, two: int) -> bool:
            joined = isinstance(unit.atoms[one], Concatenated) or isinstance(
                unit.atoms[two], Concatenated
            )
            return two == one + 1 and owner[one] == owner[two] and not joined

        runs = [_runs(group, goes_on) for group in unit.stored]
        merged = {run[0]: _merge([unit.atoms[i] for i in run]) for run in chain(*runs)}
        axes = [[atom for atom in axis if atom in merged] for axis in unit.members]
        return _layout(axes, [[run[0] for run in group] for group in runs], merged.__getitem__)

    def flat(self) -> Layout:
        """The bare order of the elements, as one axis, canonical:
        `flat().apply(x.ravel()) == apply(x).ravel()`."""
        return self._line().canonical()

    def permuted(self, order: Sequence[int]) -> Layout:
        """After a logical Transpose, with nothing moved:
        `permuted(order).apply(x.transpose(order)) == apply(x)`."""
        return _layout([self.members[i] for i in order], self.stored, self._atom)

    def grouped(self, shape: Sequence[Size | None]) -> Layout | None:
        """After a logical Reshape, with nothing moved:
        `grouped(shape).apply(x.reshape(shape)).ravel() == apply(x).ravel()`.

        One size may be None: what the others leave. The store gets the shape that comes by nature:
        along its flat order, neighbours of one logical axis share a stored axis. Each axis of size
        1 has one of its own (see `inserted`). The logical shape itself gives the layout itself.
        None where a new axis would begin or end inside of an atom.
        """
        elements = product(self.logical_shape)
        given = [size for size in shape if size is not None]
        if len(given) < len(shape) - 1:
            raise ValueError(f"at most one size can be left open, not {tuple(shape)}")
        rest = quotient(elements, product(given))
        if rest is None:
            return None
        sizes = tuple(rest if size is None else product((size,)) for size in shape)
        if sizes == self.logical_shape:
            return self
        non_unit = [size for size in sizes if size != 1]
        line = self._line()
        layout = line._divided(non_unit) or line.canonical()._divided(non_unit)
        if layout is None:
            return None
        for axis, size in enumerate(sizes):
            layout = layout.inserted(axis) if size == 1 else layout
        return layout

    def resized(self, axis: int, size: Size) -> Layout:
        """With one axis of another size, in plain inner order, at the same place:
        `resized(i, size).where(i) == where(i)`. Raises ValueError where it has no such place."""
        place, own, new = self._place(axis), self.members[axis], len(self.atoms)
        axes = [[new] if i == axis else atoms for i, atoms in enumerate(self.members)]
        stored = [[atom for atom in group if atom not in own] for group in self.stored]
        stored[place].insert(0, new)
        return _layout(axes, stored, (*self.atoms, size).__getitem__)

    def dropped(self, axes: Iterable[int]) -> Layout:
        """Without these axes, as a reduction leaves it:
        `dropped({i}).apply(x.sum(i)) == apply(x).sum(where(i))`.
        Raises ValueError for an axis that has no place of its own."""
        gone = {range(self.rank)[axis] for axis in axes}
        places = {self._place(axis) for axis in gone}
        left = [atoms for axis, atoms in enumerate(self.members) if axis not in gone]
        return self._kept(left, [g for place, g in enumerate(self.stored) if place not in places])

    def squeezed(self, axes: Iterable[int]) -> Layout:
        """Without these axes, whose size is 1, and without the stored axes that hold no more:
        `squeezed({i}).apply(squeeze(x, i)).ravel() == apply(x).ravel()`."""
        axes = {*axes}
        gone = {atom for axis in axes for atom in self.members[axis]}
        left = [atoms for axis, atoms in enumerate(self.members) if axis not in axes]
        return self._kept(left, [group for group in self.stored if not group or {*group} - gone])

    def inserted(self, axis: int) -> Layout:
        """With a new logical axis of size 1 before this one (or last, where it is the rank):
        `inserted(i).apply(expand_dims(x, i)).ravel() == apply(x).ravel()`.

        Its stored axis, which is its own, comes before the one that holds the next atom in
        logical order; where there is none, it comes last.
        """
        new, following = len(self.atoms), sum(map(len, self.axes[:axis]))
        places = (i for i, group in enumerate(self.stored) if following in group)
        place = next(places, len(self.stored))
        axes = [*self.members[:axis], [new], *self.members[axis:]]
        stored = [*self.stored[:place], [new], *self.stored[place:]]
        return _layout(axes, stored, (*self.atoms, 1).__getitem__)

    # How

    def _numbered(self, shape: Sequence[int]) -> tuple[tuple[Atom, ...], ...]:
        """The axes in canonical form, with numbers for symbols; ValueError as `bound` says."""
        axes = numbered_axes(self.canonical().axes, shape)
        if axes is None:
            raise ValueError(f"{tuple(shape)} is no shape for {self} of {self.logical_shape}")
        return axes

    def _store_of_empty(self, shape: Sequence[int]) -> list[int]:
        """How an array without elements is stored, which no layout of numbers could say."""
        atoms = tuple(chain.from_iterable(self._numbered(shape)))
        return [int(size) for size in store_shape(atoms, self.canonical().stored)]

    def _atom(self, index: int) -> Atom:
        return self.atoms[index]

    def _place(self, axis: int) -> int:
        place = self.where(axis)
        if place is None:
            raise ValueError(f"axis {axis} of {self} has no stored axis of its own")
        return place

    def _kept(self, axes: Sequence[Sequence[int]], stored: Sequence[Sequence[int]]) -> Layout:
        """These logical and stored axes, with only the atoms that are on both sides."""
        both = set(chain(*axes)) & set(chain(*stored))
        return _layout(
            [[atom for atom in axis if atom in both] for axis in axes],
            [[atom for atom in group if atom in both] for group in stored],
            self._atom,
        )

    def _unit(self) -> Layout:
        """Without its atoms of size 1."""
        non_unit = [[atom for atom in axis if self.atoms[atom] != 1] for axis in self.members]
        return self if 1 not in self.atoms else self._kept(non_unit, self.stored)

    def _line(self) -> Layout:
        """All heavy atoms as they are, from one logical axis to one stored axis."""
        unit = self._unit()
        return Layout((unit.atoms,), (unit.order,))

    def _split(self, cuts: Sequence[Sequence[Size]]) -> Layout | None:
        """Each atom cut into these pieces, outermost first; None where one is Concatenated."""
        pieces: list[Sequence[Atom]] = []
        for atom, cut in zip(self.atoms, cuts, strict=True):
            if isinstance(atom, Concatenated) and len(cut) > 1:
                return None
            pieces.append([atom] if len(cut) == 1 else cut)
        labels = [[(i, k) for k in range(len(cut))] for i, cut in enumerate(pieces)]
        return _layout(
            [[label for atom in axis for label in labels[atom]] for axis in self.members],
            [[label for atom in group for label in labels[atom]] for group in self.stored],
            lambda label: pieces[label[0]][label[1]],
        )

    def _divided(self, sizes: Sequence[Size]) -> Layout | None:
        """A line, with its logical axis divided into axes of these sizes, none of which is 1, and
        a stored axis for each run of one logical axis; None where that would cut within an atom."""
        cuts = common_cuts(map(size_of, self.atoms), sizes)
        split = cuts and self._split(cuts[0])
        if not cuts or not split:
            return None
        owner = [axis for axis, cut in enumerate(cuts[1]) for _ in cut]
        atoms = iter(split.atoms)
        return Layout(
            tuple(tuple(islice(atoms, len(cut))) for cut in cuts[1]),
            tuple(tuple(run) for _, run in groupby(split.order, owner.__getitem__)),
        )


Atom: TypeAlias = AtomOf[Layout]


def _layout(
    axes: Iterable[Iterable[Label]],
    stored: Iterable[Iterable[Label]],
    atom: Callable[[Label], Atom],
) -> Layout:
    """The layout of atoms that go by labels, the same labels in `axes` and in `stored`."""
    axes = [tuple(axis) for axis in axes]
    index = {label: i for i, label in enumerate(chain.from_iterable(axes))}
    return Layout(
        tuple(tuple(map(atom, axis)) for axis in axes),
        tuple(tuple(map(index.__getitem__, group)) for group in stored),
    )


def _runs(items: Iterable[Item], goes_on: Callable[[Item, Item], bool]) -> list[list[Item]]:
    """A sequence, cut wherever it does not go on from one item to the next."""
    runs: list[list[Item]] = []
    for item in items:
        if runs and goes_on(runs[-1][-1], item):
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs


def _inverse(atom: Atom) -> Atom:
    return atom.inverse() if isinstance(atom, Concatenated) else atom


def _compose(one: Atom, two: Atom) -> Atom:
    """First the order inside of the one, then that inside of the other, of the same size."""
    if isinstance(one, Concatenated) and isinstance(two, Concatenated):
        (atom,) = Layout.concatenated(one.compose(two)).atoms
        return atom
    return one if isinstance(one, Concatenated) else two


def _merge(atoms: Sequence[Atom]) -> Atom:
    return atoms[0] if len(atoms) == 1 else product(map(size_of, atoms))


def _normal(parts: Iterable[Layout]) -> tuple[Layout, ...]:
    """What is laid end to end: a Concatenated taken apart, plain neighbours made one."""
    flat = chain.from_iterable(map(_parts, parts))
    runs = _runs(flat, lambda one, two: one.is_identity and two.is_identity)
    return tuple(
        Layout.identity([total(part.logical_shape[0] for part in run)])
        if run[0].is_identity
        else run[0]
        for run in runs
    )


def _parts(part: Layout) -> tuple[Layout, ...]:
    part = part.canonical()
    match part.atoms:
        case (Concatenated(parts),):
            return parts
    return (part,)
