"""The algebra of layouts: how Transpose, Reshape, Concat, ... change the layout of a tensor.

Each method states its law as an equation that holds for every array x of the logical shape.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from itertools import chain, groupby, islice
from typing import TypeAlias, TypeVar

from bridge.layout.arrangement import Arrangement, runs, stored_shape_of
from bridge.layout.binding import numbered_axes
from bridge.layout.cached import cached
from bridge.layout.concatenated import AtomOf, Concatenated, size_of
from bridge.layout.size import Size, common_cuts, product, quotient, total
from bridge.layout.text import einops_text
from bridge.types import Array

Label = TypeVar("Label", bound=Hashable)


class Layout(Arrangement["Layout"]):
    """How one tensor is stored: an `Arrangement` of atoms, and the operations on it.

    Raises ValueError unless each atom is stored exactly once, and for sizes below 0.
    """

    # Constructors

    @classmethod
    @cached
    def identity(cls, shape: Sequence[Size]) -> Layout:
        """The identity layout: `identity(shape).apply(x) == x`."""
        return cls.ordered(shape, range(len(shape)))

    @classmethod
    @cached
    def ordered(cls, shape: Sequence[Size], order: Iterable[int]) -> Layout:
        """Whole axes, transposed: `ordered(shape, order).apply(x) == x.transpose(order)`."""
        return cls(tuple((size,) for size in shape), tuple((axis,) for axis in order))

    @classmethod
    @cached
    def product(cls, parts: Sequence[Layout], order: Iterable[int]) -> Layout:
        """The outer product of one-axis layouts, part `order[i]` on stored axis i:
        `product(parts, order).axis(i) == parts[i]` and `where(order[i]) == i`."""
        labels = [[(i, k) for k in range(len(part.atoms))] for i, part in enumerate(parts)]
        stored = [[(i, k) for k in parts[i].order] for i in order]
        return _layout(labels, stored, lambda label: parts[label[0]].atoms[label[1]])

    @classmethod
    def concatenated(cls, parts: Sequence[Layout]) -> Layout:
        """One-axis layouts, concatenated into one axis:
        `concatenated((a, b)).apply(concat(x, y)) == concat(a.apply(x), b.apply(y))`.

        The identity layout if all parts are. Raises ValueError if not, and a part's size is a
        symbol.
        """
        parts = _normal(parts)
        return parts[0] if len(parts) == 1 else cls(((Concatenated(parts),),), ((0,),))

    def within(self, shape: Sequence[Size], axis: int) -> Layout:
        """This one-axis layout as one axis of a tensor, the others in identity layout:
        `within(x.shape, i).axis(i)` is this."""
        parts = [self if i == axis else Layout.identity((size,)) for i, size in enumerate(shape)]
        return Layout.product(parts, range(len(parts)))

    # Properties

    @cached_property
    def is_identity(self) -> bool:
        """Whether `apply(x) == x`, in the same shape."""
        return self.same_array(Layout.identity(self.logical_shape))

    def same_element_order(self, other: Layout) -> bool:
        """Whether both physical arrays hold their elements in the same flat order, in any shape:
        `apply(x).ravel() == other.apply(x).ravel()`."""
        return self is other or self.flat() == other.flat()

    def same_array(self, other: Layout) -> bool:
        """Whether both physical arrays are the same: `apply(x) == other.apply(x)`."""
        return self.stored_shape == other.stored_shape and self.same_element_order(other)

    @cached
    def axis(self, axis: int) -> Layout:
        """The layout of one logical axis by itself: applied to a vector along that axis, it gives
        the vector along stored axis `where(axis)`. Raises ValueError if there is none."""
        members, group = self.members[axis], self.stored[self._stored_axis(axis)]
        shared = [atom for atom in members if atom in group]
        return _layout([shared], [[atom for atom in group if atom in members]], self._atom)

    def text(self, names: Sequence[str] | None = None) -> str:
        """In einops notation, `n c h w -> n h w c`; see `einops_text` for the letters."""
        return einops_text(self, names)

    def __str__(self) -> str:
        return self.text()

    # Arrays

    def apply(self, array: Array) -> Array:
        """From the logical to the physical array: the definition of a layout. A view if numpy
        can give one.

        Symbols take their sizes from the array, which may be 0. Raises ValueError as `bound` does.
        """
        if not array.size:
            return array.reshape(self._empty_stored_shape(array.shape))
        layout = self.bound(array.shape)
        atoms = array.reshape([int(size_of(atom)) for atom in layout.atoms])
        for i, atom in enumerate(layout.atoms):
            if isinstance(atom, Concatenated):
                atoms = atom.apply(atoms, axis=i)
        return atoms.transpose(layout.order).reshape([int(size) for size in layout.stored_shape])

    def undo(self, array: Array) -> Array:
        """From the physical to the logical array: `undo(apply(x)) == x`."""
        return self.inverse().apply(array)

    def bound(self, shape: Sequence[int]) -> Layout:
        """This layout for arrays of one shape, its symbols replaced by numbers.

        Raises ValueError for a shape that does not fit, and for one that leaves two symbols of
        one axis undetermined: `(h w) -> (w h)`.
        """
        if self.logical_shape == tuple(shape):
            return self
        return Layout(self._numbered(shape), self.canonical().stored)

    # Operations

    def inverse(self) -> Layout:
        """Physical and logical array exchanged: `inverse().apply(apply(x)) == x`."""
        return _layout(self.stored, self.members, lambda i: _inverse(self.atoms[i]))

    def compose(self, other: Layout) -> Layout:
        """First this layout, then another one, of which this physical array is the logical one:
        `compose(other).apply(x) == other.apply(apply(x))`.

        Drops atoms of size 1. Raises ValueError if the shapes do not match, and if the layouts
        have no common atoms: one splits an axis of 6 into 2 and 3, the other into 3 and 2.
        """
        if self.stored_shape != other.logical_shape:
            raise ValueError(f"{self.stored_shape} is stored, {other.logical_shape} is expected")
        refined = self.inverse().refine(other)
        if refined is None:
            raise ValueError(f"no atoms serve both {self} and {other}")
        inverse, second = refined
        first = [_inverse(atom) for atom in inverse.atoms]
        return _layout(inverse.stored, second.stored, lambda i: _compose(first[i], second.atoms[i]))

    @cached
    def refine(self, other: Layout) -> tuple[Layout, Layout] | None:
        """Two layouts of one tensor, split into common atoms:
        `a.apply(x) == apply(x)` and `b.apply(x) == other.apply(x)` for `a, b = refine(other)`.

        Drops atoms of size 1. None if there are no common atoms, or no elements. Raises ValueError
        if the logical shapes differ.
        """
        if self.logical_shape != other.logical_shape:
            raise ValueError(f"{self.logical_shape} and {other.logical_shape} are not one tensor")
        one, two = self.canonical(), other.canonical()
        cuts = common_cuts(map(size_of, one.atoms), map(size_of, two.atoms))
        a, b = (one._split(cuts[0]), two._split(cuts[1])) if cuts else (None, None)
        return None if a is None or b is None else (a, b)

    @cached
    def canonical(self) -> Layout:
        """The canonical form of all equivalent layouts (with a Concatenated: of most of them):
        `canonical().apply(x) == apply(x)`, and `canonical().canonical() == canonical()`.

        It has no atoms of size 1, and no two that are adjacent both on a logical and on a stored
        axis. The positions of axes of size 1 are lost: `where` gives None for them.
        """
        layout = self._without_unit_atoms()
        owner = [i for i, axis in enumerate(layout.axes) for _ in axis]

        def mergeable(one: int, two: int) -> bool:
            concatenated = any(isinstance(layout.atoms[i], Concatenated) for i in (one, two))
            return two == one + 1 and owner[one] == owner[two] and not concatenated

        stored = [runs(group, mergeable) for group in layout.stored]
        merged = {run[0]: _merge([layout.atoms[i] for i in run]) for run in chain(*stored)}
        axes = [[atom for atom in axis if atom in merged] for axis in layout.members]
        return _layout(axes, [[run[0] for run in group] for group in stored], merged.__getitem__)

    @cached
    def flat(self) -> Layout:
        """The order of the elements alone, as one axis, in canonical form:
        `flat().apply(x.ravel()) == apply(x).ravel()`. All that have no elements are alike."""
        return Layout.identity((0,)) if 0 in self.atoms else self._flattened().canonical()

    @cached
    def permuted(self, order: Sequence[int]) -> Layout:
        """The layout after a Transpose of the logical axes; no data moves:
        `permuted(order).apply(x.transpose(order)) == apply(x)`."""
        return _layout([self.members[i] for i in order], self.stored, self._atom)

    @cached
    def grouped(self, shape: Sequence[Size | None]) -> Layout | None:
        """The layout after a Reshape of the logical axes; no data moves:
        `grouped(shape).apply(x.reshape(shape)).ravel() == apply(x).ravel()`.

        One size may be None: it is inferred from the others. Atoms of one logical axis that are
        adjacent in storage order share a stored axis; each axis of size 1 has one of its own (see
        `inserted`). For the current logical shape, this is the layout itself. None if a new axis
        would begin or end within an atom.
        """
        elements = product(self.logical_shape)
        known = [size for size in shape if size is not None]
        if len(known) < len(shape) - 1:
            raise ValueError(f"at most one size can be left open, not {tuple(shape)}")
        rest = quotient(elements, product(known)) if None in shape else 1
        if rest is None:
            return None
        sizes = tuple(rest if size is None else product((size,)) for size in shape)
        if sizes == self.logical_shape:
            return self
        if elements == 0:
            return Layout.identity(sizes) if 0 in sizes else None
        non_unit = [size for size in sizes if size != 1]
        flat = self._flattened()
        layout = flat._unflattened(non_unit) or flat.canonical()._unflattened(non_unit)
        if layout is None:
            return None
        for axis, size in enumerate(sizes):
            layout = layout.inserted(axis) if size == 1 else layout
        return layout

    @cached
    def resized(self, axis: int, size: Size) -> Layout:
        """With one axis of another size, in identity layout, on the same stored axis:
        `resized(i, size).where(i) == where(i)`. Raises ValueError if it has none of its own."""
        stored_axis, members, new = self._stored_axis(axis), self.members[axis], len(self.atoms)
        axes = [[new] if i == axis else atoms for i, atoms in enumerate(self.members)]
        stored = [[atom for atom in group if atom not in members] for group in self.stored]
        stored[stored_axis].insert(0, new)
        return _layout(axes, stored, (*self.atoms, size).__getitem__)

    @cached
    def dropped(self, axes: Iterable[int]) -> Layout:
        """Without these axes, as after a reduction:
        `dropped({i}).apply(x.sum(i)) == apply(x).sum(where(i))`.
        Raises ValueError for an axis that has no stored axis of its own."""
        dropped = {range(self.rank)[axis] for axis in axes}
        stored_axes = {self._stored_axis(axis) for axis in dropped}
        kept = [atoms for axis, atoms in enumerate(self.members) if axis not in dropped]
        stored = [group for i, group in enumerate(self.stored) if i not in stored_axes]
        return self._restricted(kept, stored)

    def squeezed(self, axes: Iterable[int]) -> Layout:
        """Without these axes, whose size is 1, and without the stored axes that hold only these:
        `squeezed({i}).apply(squeeze(x, i)).ravel() == apply(x).ravel()`."""
        axes = {*axes}
        dropped = {atom for axis in axes for atom in self.members[axis]}
        kept = [atoms for axis, atoms in enumerate(self.members) if axis not in axes]
        stored = [group for group in self.stored if not group or {*group} - dropped]
        return self._restricted(kept, stored)

    @cached
    def inserted(self, axis: int) -> Layout:
        """With a new logical axis of size 1 before this one (or last, if it is the rank):
        `inserted(i).apply(expand_dims(x, i)).ravel() == apply(x).ravel()`.

        It gets a stored axis of its own, before the one that holds the next atom in logical
        order; last if there is none.
        """
        new, following = len(self.atoms), sum(map(len, self.axes[:axis]))
        positions = (i for i, group in enumerate(self.stored) if following in group)
        position = next(positions, len(self.stored))
        axes = [*self.members[:axis], [new], *self.members[axis:]]
        stored = [*self.stored[:position], [new], *self.stored[position:]]
        return _layout(axes, stored, (*self.atoms, 1).__getitem__)

    # Helpers

    def _numbered(self, shape: Sequence[int]) -> tuple[tuple[Atom, ...], ...]:
        """The axes in canonical form, with numbers for symbols. Raises ValueError as in `bound`."""
        axes = numbered_axes(self.canonical().axes, shape)
        if axes is None:
            raise ValueError(f"shape {tuple(shape)} does not fit {self} of {self.logical_shape}")
        return axes

    def _empty_stored_shape(self, shape: Sequence[int]) -> list[int]:
        """The physical shape of an array without elements: no `bound` layout has sizes of 0."""
        atoms = tuple(chain.from_iterable(self._numbered(shape)))
        return [int(size) for size in stored_shape_of(atoms, self.canonical().stored)]

    def _atom(self, index: int) -> Atom:
        return self.atoms[index]

    def _stored_axis(self, axis: int) -> int:
        stored_axis = self.where(axis)
        if stored_axis is None:
            raise ValueError(f"axis {axis} of {self} has no stored axis of its own")
        return stored_axis

    def _restricted(self, axes: Sequence[Sequence[int]], stored: Sequence[Sequence[int]]) -> Layout:
        """These logical and stored axes, restricted to the atoms that both have."""
        both = set(chain(*axes)) & set(chain(*stored))
        return _layout(
            [[atom for atom in axis if atom in both] for axis in axes],
            [[atom for atom in group if atom in both] for group in stored],
            self._atom,
        )

    def _without_unit_atoms(self) -> Layout:
        non_unit = [[atom for atom in axis if self.atoms[atom] != 1] for axis in self.members]
        return self if 1 not in self.atoms else self._restricted(non_unit, self.stored)

    def _flattened(self) -> Layout:
        """All non-unit atoms as they are, from one logical axis to one stored axis."""
        layout = self._without_unit_atoms()
        return Layout((layout.atoms,), (layout.order,))

    def _split(self, cuts: Sequence[Sequence[Size]]) -> Layout | None:
        """Each atom split into these factors, outermost first; None if one is Concatenated."""
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

    def _unflattened(self, sizes: Sequence[Size]) -> Layout | None:
        """A flattened layout with axes of these sizes, none of which is 1, and a stored axis for
        each run of one logical axis; None if a border would fall within an atom."""
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
    """The layout of labelled atoms, with the same labels in `axes` and in `stored`."""
    axes = [tuple(axis) for axis in axes]
    index = {label: i for i, label in enumerate(chain.from_iterable(axes))}
    return Layout(
        tuple(tuple(map(atom, axis)) for axis in axes),
        tuple(tuple(map(index.__getitem__, group)) for group in stored),
    )


def _inverse(atom: Atom) -> Atom:
    return atom.inverse() if isinstance(atom, Concatenated) else atom


def _compose(one: Atom, two: Atom) -> Atom:
    """First the inner layout of one atom, then that of another one of the same size."""
    if isinstance(one, Concatenated) and isinstance(two, Concatenated):
        (atom,) = Layout.concatenated(one.compose(two)).atoms
        return atom
    return one if isinstance(one, Concatenated) else two


def _merge(atoms: Sequence[Atom]) -> Atom:
    return atoms[0] if len(atoms) == 1 else product(map(size_of, atoms))


def _normal(parts: Iterable[Layout]) -> tuple[Layout, ...]:
    """The normal form of concatenated parts: none is a Concatenated, and no two neighbours are
    identity layouts."""
    parts = tuple(parts)
    flat = chain.from_iterable(map(_parts, [p for p in parts if p.atoms != (0,)] or parts[:1]))
    grouped = runs(flat, lambda one, two: one.is_identity and two.is_identity)
    return tuple(
        Layout.identity([total(part.logical_shape[0] for part in run)])
        if run[0].is_identity
        else run[0]
        for run in grouped
    )


def _parts(part: Layout) -> tuple[Layout, ...]:
    part = part.canonical()
    match part.atoms:
        case (Concatenated(parts),):
            return parts
    return (part,)
