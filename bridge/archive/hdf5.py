"""An HDF5 file of arrays in groups, written from its start to its end without a library.

All sizes are known before: first comes the superblock, then the arrays' own bytes, one after
another, and at last what says where they are. It is the oldest form of the format, which every
reader knows and which has no checksums. (Source: HDF5 File Format Specification, version 3.0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from struct import pack
from typing import Any

import numpy as np

from bridge.errors import UnsupportedError

NOWHERE = 0xFFFFFFFFFFFFFFFF
_ALIGNED = 8
_LEAF, _INNER = 8, 32  # the most entries of a symbol table node and of a node of its tree
_SUPERBLOCK, _ENTRY, _NODE = 96, 40, 24 + 8 * (2 * _INNER + 1)  # bytes

# Numbers of header messages.
_DATASPACE, _DATATYPE, _FILL_VALUE, _LAYOUT, _SYMBOL_TABLE = 1, 3, 5, 8, 17


@dataclass(frozen=True)
class Dataset:
    """An array, by its path; its numbers are little-endian and in C order."""

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class Frame:
    """What stands before and after the arrays, and between two of them."""

    before: bytes
    after: bytes

    @staticmethod
    def padding(dataset: Dataset) -> bytes:
        """What follows the bytes of an array."""
        return bytes(-dataset.nbytes % _ALIGNED)


def frame(datasets: Sequence[Dataset]) -> Frame:
    """The file around these arrays. Raises UnsupportedError for a dtype that is no number."""
    position, root = _SUPERBLOCK, dict[str, Any]()
    for dataset in datasets:
        *groups, name = dataset.path.split("/")
        group = root
        for key in groups:
            group = group.setdefault(key, {})
        group[name] = dataset, position if dataset.nbytes else NOWHERE
        position += dataset.nbytes + len(Frame.padding(dataset))
    after = _Metadata(position)
    entry = after.group(root)
    return Frame(_superblock(entry, after.end), bytes(after.content))


def _superblock(root: bytes, end: int) -> bytes:
    head = b"\x89HDF\r\n\x1a\n" + bytes((0, 0, 0, 0, 0, 8, 8, 0))
    nodes = pack("<HHI", _LEAF // 2, _INNER // 2, 0)
    return head + nodes + pack("<QQQQ", 0, NOWHERE, end, NOWHERE) + root


class _Metadata:
    """Groups and headers, which stand one after another from a position of the file on."""

    def __init__(self, start: int) -> None:
        self.content = bytearray()
        self._start = start

    @property
    def end(self) -> int:
        return self._start + len(self.content)

    def _add(self, block: bytes) -> int:
        """Adds a block, and says where it is."""
        address = self.end
        self.content += block + bytes(-len(block) % _ALIGNED)
        return address

    def group(self, members: Mapping[str, Any], name: int = 0) -> bytes:
        """Adds a group; returns its entry in the symbol table of the group around it, where `name`
        is the position of its name."""
        names = sorted(members)
        heap, positions = self._heap(names)
        entries = [self._member(members[n], p) for n, p in zip(names, positions, strict=True)]
        tree = self._tree(entries, positions)
        header = self._header([(_SYMBOL_TABLE, pack("<QQ", tree, heap))])
        return pack("<QQIIQQ", name, header, 1, 0, tree, heap)

    def _member(self, member: Any, name: int) -> bytes:
        if isinstance(member, dict):
            return self.group(member, name)
        return pack("<QQII16x", name, self._dataset(*member), 0, 0)

    def _heap(self, names: Sequence[str]) -> tuple[int, list[int]]:
        """Adds the names of a group's members; returns where they are, and each one among them."""
        content, positions = bytearray(_ALIGNED), list[int]()
        for name in names:
            positions.append(len(content))
            text = name.encode() + b"\0"
            content += text + bytes(-len(text) % _ALIGNED)
        data = self._add(bytes(content))
        free = 1  # no piece of it is
        return self._add(b"HEAP" + pack("<IQQQ", 0, len(content), free, data)), positions

    def _tree(self, entries: Sequence[bytes], positions: Sequence[int]) -> int:
        """Adds the tree that finds an entry by its name; returns where its root is."""
        nodes = []  # where each one is, and the name that it ends with
        for start in range(0, len(entries), _LEAF):
            part = entries[start : start + _LEAF]
            content = b"SNOD" + pack("<BBH", 1, 0, len(part)) + b"".join(part)
            address = self._add(content.ljust(8 + _ENTRY * _LEAF, b"\0"))
            nodes.append((address, positions[start + len(part) - 1]))
        level = 0
        while level == 0 or len(nodes) > 1:
            nodes, level = self._level(nodes, level), level + 1
        return nodes[0][0]

    def _level(self, nodes: Sequence[tuple[int, int]], level: int) -> list[tuple[int, int]]:
        """Adds the nodes of the tree above these."""
        starts = range(0, len(nodes), _INNER) or (0,)  # an empty group has a tree, too
        parts = [nodes[start : start + _INNER] for start in starts]
        addresses = [self.end + _NODE * index for index in range(len(parts))]
        last = 0  # the name before which a node begins: the empty one
        above = []
        for index, part in enumerate(parts):
            left = addresses[index - 1] if index else NOWHERE
            right = addresses[index + 1] if index + 1 < len(parts) else NOWHERE
            content = b"TREE" + pack("<BBHQQQ", 0, level, len(part), left, right, last)
            for node, last in part:
                content += pack("<QQ", node, last)
            above.append((self._add(content.ljust(_NODE, b"\0")), last))
        return above

    def _dataset(self, dataset: Dataset, address: int) -> int:
        rank = len(dataset.shape)
        space = pack(f"<BBB5x{rank}Q", 1, rank, 0, *dataset.shape)
        layout = pack("<BBQQ", 3, 1, address, dataset.nbytes)
        fill = pack("<BBBB", 2, 1, 1, 0)  # allocated, never filled
        messages = [
            (_DATASPACE, space),
            (_DATATYPE, _datatype(dataset)),
            (_FILL_VALUE, fill),
            (_LAYOUT, layout),
        ]
        return self._header(messages)

    def _header(self, messages: Sequence[tuple[int, bytes]]) -> int:
        content = b""
        for kind, body in messages:
            size = len(body) + -len(body) % _ALIGNED
            content += pack("<HHB3x", kind, size, 0) + body.ljust(size, b"\0")
        return self._add(pack("<BxHII4x", 1, len(messages), 1, len(content)) + content)


def _datatype(dataset: Dataset) -> bytes:
    dtype = dataset.dtype
    size, bits = dtype.itemsize, 8 * dtype.itemsize
    if dtype.kind in "iu":
        return pack("<BBBBIHH", 0x10, 8 * (dtype.kind == "i"), 0, 0, size, 0, bits)
    if dtype.kind != "f" or size not in _MANTISSAS:
        raise UnsupportedError(
            "no weight of a Keras archive has this dtype",
            where=dataset.path,
            expected="integers, or floats of 16, 32 or 64 bits",
            received=dtype.name,
        )
    mantissa = _MANTISSAS[size]
    exponent = bits - 1 - mantissa
    form = pack("<BBBBI", 0x11, 0x20, bits - 1, 0, size)
    numbers = (0, bits, mantissa, exponent, 0, mantissa, 2 ** (exponent - 1) - 1)
    return form + pack("<HHBBBBI", *numbers)


_MANTISSAS = {2: 10, 4: 23, 8: 52}
