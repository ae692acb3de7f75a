"""Protobuf's wire format, walked in a mapped file: the position of each field.

Files over protobuf's own limit of 2 GB are read too, and no payload is touched.
(Format: https://protobuf.dev/programming-guides/encoding/)
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bridge.errors import Location, WeightsError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}


class Entry(NamedTuple):
    """One field: `begin` is where its tag is, `start` to `end` its payload; `value` its varint."""

    number: int
    wire: int
    value: int
    begin: int
    start: int
    end: int


class Wire:
    """A mapped protobuf file. Errors of all methods: WeightsError where the file is damaged.

    `inside` says which part of the file is being walked, for messages.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.inside = ""

    def __len__(self) -> int:
        return len(self.data)

    @contextmanager
    def leaping(self) -> Iterator[None]:
        """Turn off the system's read-ahead, so that a walk skips the weights.

        Otherwise megabytes around each field are fetched from the disk.
        """
        if not hasattr(mmap, "MADV_RANDOM"):  # not on Windows
            yield
            return
        self.data.madvise(mmap.MADV_RANDOM)
        try:
            yield
        finally:
            self.data.madvise(mmap.MADV_NORMAL)

    def entries(self, start: int, end: int) -> Iterator[Entry]:
        """The fields of the message between two positions."""
        position = start
        while position < end:
            entry = self.entry(position, end)
            yield entry
            position = entry.end

    def entry(self, begin: int, end: int) -> Entry:
        """The field that begins at a position of a message."""
        tag, start = self.varint(begin, end)
        number, wire = tag >> 3, tag & 7
        value = 0
        if wire == VARINT:
            value, after = self.varint(start, end)
        elif wire == BYTES:
            size, start = self.varint(start, end)
            after = start + size
        elif wire in _FIXED_SIZES:
            after = start + _FIXED_SIZES[wire]
        else:
            raise self.damaged(begin, f"wire type {wire}")
        if after > end:
            rest = f"{end - start} left" + (", and the file ends" if end == len(self) else "")
            raise self.damaged(begin, f"{after - start} bytes announced, {rest}")
        return Entry(number, wire, value, begin, start, after)

    def varint(self, position: int, end: int) -> tuple[int, int]:
        """The number at a position, and the position after it."""
        value = shift = 0
        for index in range(position, min(position + 10, end)):
            byte = self.data[index]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, index + 1
            shift += 7
        raise self.damaged(position, "a number that does not end")

    def damaged(self, position: int, received: str) -> WeightsError:
        return WeightsError(
            f"the file is damaged at byte {position}{self.inside}",
            where=Location.of(self.path),
            received=received,
            hint="is it complete, and of this kind at all? fetch or save it again",
        )


# ---- writing ---------------------------------------------------------------------------------


def field(number: int, payload: bytes) -> bytes:
    """A field that has a length: a string, a message, or packed numbers."""
    return begin(number, len(payload)) + payload


def begin(number: int, length: int) -> bytes:
    """The beginning of such a field, which `length` bytes of payload must follow."""
    return varint(number << 3 | BYTES) + varint(length)


def varint(value: int) -> bytes:
    """A non-negative number, 7 bits per byte."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
