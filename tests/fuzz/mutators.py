"""Changes that leave a file readable, with which a fuzzer gets beyond the format of it.

A mutator returns the file with some of its content changed. What it cannot read it leaves to
changes of bytes.
"""

from __future__ import annotations

import io
import json
import math
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePath
from random import Random
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

Mutator = Callable[[bytes, Random], bytes]

INTEGERS = (0, 1, -1, 2, 3, 7, 64, 65, 1000, 2**16, 2**31 - 1, -(2**31), 2**32, 2**40, 2**63 - 1)
FLOATS = (0.0, -1.0, 0.5, 3.0, 1e-40, 1e38, math.inf, -math.inf, math.nan)
WORDS = ("", "x", "0", "a/b.c", "../x", "\u00e9", "x" * 300, "\x1b[31m", "nan")
MOST = 500  # messages, or values of JSON, from which one is chosen


def of_bytes(data: bytes, random: Random) -> bytes:
    """Some bytes are others, are gone, or are there twice."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4))):
        at, length = random.randrange(len(changed) + 1), random.choice((1, 1, 2, 4, 8))
        part = changed[at : at + length]
        changed[at : at + length] = random.choice((random.randbytes(len(part)), b"", part * 2))
    return bytes(changed)


# ---- messages of protobuf ------------------------------------------------------------------------

Read, Write = Callable[[bytes], Message], Callable[[Message], bytes]


def of_messages(read: Read, write: Write, words: Mapping[str, Sequence[str]], data: bytes,
                random: Random) -> bytes:  # fmt: skip
    """Some fields, anywhere in the message, are others; `words` are texts by the field's name."""
    try:
        top = read(data)
    except (DecodeError, text_format.ParseError, UnicodeDecodeError):
        return of_bytes(data, random)
    try:
        for _ in range(random.choice((1, 1, 2, 3))):
            messages = list(_messages(top))
            change = random.choice((_set, _set, _set, _clear, _rearrange))
            change(random.choice(messages), messages, words, random)
        return write(top)
    except ValueError:  # a text of bytes that are none, or 2 GB
        return of_bytes(data, random)


def _messages(top: Message) -> Iterator[Message]:
    waiting = [top]
    for _ in range(MOST):
        if not waiting:
            return
        message = waiting.pop()
        yield message
        for field, value in message.ListFields():
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                waiting += value if field.is_repeated else [value]


Words = Mapping[str, Sequence[str]]


def _set(message: Message, others: Sequence[Message], words: Words, random: Random) -> None:
    """A field has another value; one that is a message has that of another such message."""
    field = random.choice(message.DESCRIPTOR.fields)
    values = getattr(message, field.name)
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        kind = field.message_type.full_name
        models = [other for other in others if other.DESCRIPTOR.full_name == kind]
        own = values.add() if field.is_repeated else values
        own.SetInParent()
        if models:
            model = type(own)()
            model.CopyFrom(random.choice(models))  # which may be around it
            own.CopyFrom(model)
    else:
        value = _value(field, others, words, random)
        if not field.is_repeated:
            setattr(message, field.name, value)
        elif values and random.random() < 0.6:
            values[random.randrange(len(values))] = value
        else:
            values.append(value)


def _value(field: Any, others: Sequence[Message], words: Words, random: Random) -> Any:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return random.randbytes(random.choice((0, 1, 4, 12)))
        case FieldDescriptor.CPPTYPE_STRING:
            pool = words.get(field.name) if random.random() < 0.5 else list(_texts(others))
            return random.choice(pool or WORDS)
        case FieldDescriptor.CPPTYPE_BOOL:
            return random.random() < 0.5
        case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
            return random.choice(FLOATS)
        case FieldDescriptor.CPPTYPE_ENUM:
            return random.choice(field.enum_type.values).number
        case kind:
            bits = 32 if kind in _OF_32 else 64
            low, high = (0, 2**bits) if kind in _UNSIGNED else (-(2 ** (bits - 1)), 2 ** (bits - 1))
            return random.choice([value for value in INTEGERS if low <= value < high])


_OF_32 = (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32)
_UNSIGNED = (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)


def _texts(messages: Sequence[Message]) -> Iterator[str]:
    """The names that the file has, so that a changed net still hangs together."""
    for message in messages:
        for field, value in message.ListFields():
            if field.type == FieldDescriptor.TYPE_STRING:
                yield from value if field.is_repeated else [value]


def _clear(message: Message, _: object, __: object, random: Random) -> None:
    fields = message.ListFields()
    if fields:
        message.ClearField(random.choice(fields)[0].name)


def _rearrange(message: Message, _: object, __: object, random: Random) -> None:
    """Of a repeated field, an element is gone, is there twice, or is further on."""
    values = [value for field, value in message.ListFields() if field.is_repeated]
    if not values:
        return
    value = random.choice(values)
    element = value[random.randrange(len(value))]
    if random.random() < 0.7:
        value.extend([element])
    if random.random() < 0.7:
        del value[value.index(element) if hasattr(value, "index") else 0]


# ---- JSON, and archives --------------------------------------------------------------------------


def of_json(data: bytes, random: Random) -> bytes:
    """Some values, anywhere, are others, or those of other entries, or are gone."""
    try:
        top = json.loads(data)
    except ValueError:
        return of_bytes(data, random)
    for _ in range(random.choice((1, 1, 2, 3))):
        entries = list(_entries(top))
        if not entries:
            break
        holder, key = random.choice(entries)
        other, its = random.choice(entries)
        match random.randrange(4):
            case 0:
                del holder[key]
            case 1:
                holder[key] = json.loads(json.dumps(other[its]))  # which may be around it
            case _:
                odd = (*INTEGERS, *FLOATS, *WORDS, True, None, [], {}, [0], [None, 2**31])
                holder[key] = random.choice(odd)
    return json.dumps(top).encode()


def _entries(top: Any) -> Iterator[tuple[Any, Any]]:
    waiting = [top]
    for _ in range(MOST):
        if not waiting:
            return
        value = waiting.pop()
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield value, key
            if isinstance(item, dict | list):
                waiting.append(item)


def of_arrays(data: bytes, random: Random) -> bytes:
    """The .npy file has another dtype or shape in its header, or other bytes."""
    dtypes = "|O <f8 >f4 <c16 |V3 <U7 |S5 <M8[ns] |b1 <i8 <f2 [('a','<f4')]".split()
    start, end = data.find(b"{"), data.find(b"}") + 1
    if random.random() < 0.2 or not 0 <= start < end:
        return of_bytes(data, random)
    header = data[start:end].decode("latin-1")
    if random.random() < 0.5:
        descr = random.choice(dtypes)
        header = header.replace("'<f4'", descr if descr[0] == "[" else repr(descr))
    else:
        shape = tuple(random.choice(INTEGERS) for _ in range(random.choice((0, 1, 2, 4, 65))))
        header = f"{header[: header.find('(')]}{shape}, }}"
    rest = data[end:]
    # The spaces behind the header make up for its length.
    spaces = len(rest) - len(rest.lstrip(b" "))
    room = max(0, spaces + end - start - len(header))
    return data[:start] + header.encode() + b" " * room + rest[spaces:]


def of_members(by_suffix: Mapping[str, Mutator], data: bytes, random: Random) -> bytes:
    """A member of the zip has other content, is gone, is there twice, or has another name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()
                       if info.file_size < len(data) * 100]  # fmt: skip
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, OSError):
        return of_bytes(data, random)
    if members and random.random() < 0.9:
        at = random.randrange(len(members))
        name, content = members[at]
        match random.randrange(12):
            case 0:
                del members[at]
            case 1:
                members[at] = random.choice((*WORDS, random.choice(members)[0])), content
            case _:
                change = by_suffix.get(PurePath(name).suffix, of_bytes)
                members[at] = name, change(content, random)
    return _zipped(members)


def _zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings(action="ignore"):
        for name, content in members:  # two may have one name
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


# ---- HDF5 ----------------------------------------------------------------------------------------


def of_hdf5(data: bytes, random: Random) -> bytes:
    """A dataset or a group is another, is gone, or is a link."""
    import h5py

    file = io.BytesIO(data)
    try:
        with h5py.File(file, "r+") as archive:
            names: list[str] = []
            archive.visit(names.append)
            _change_item(archive, names or ["data"], random)
    except (OSError, OverflowError, RuntimeError, ValueError, KeyError, TypeError):
        return of_bytes(data, random)
    return file.getvalue()


def _change_item(archive: Any, names: Sequence[str], random: Random) -> None:
    import h5py
    import numpy as np

    name, other = random.choice(names), random.choice([*names, "data/0/x/y", "data/new/0"])
    item = archive[name]
    if random.random() < 0.7:
        del archive[name]
    match random.randrange(5):
        case 0:
            archive[other] = item
        case 1:
            links = h5py.SoftLink("/" + name), h5py.ExternalLink("other.h5", "/x")
            archive[other] = random.choice(links)
        case 2:
            archive.create_group(other)
        case _:
            shape = tuple(
                random.choice((0, 1, 3, 1000, 2**40)) for _ in range(random.choice((0, 1, 2, 4)))
            )
            dtype = random.choice(("<f4", ">f8", "<i4", "S5", "<f2", h5py.string_dtype()))
            chunks = True if shape and np.prod(shape, dtype=object) > 1000 else None
            archive.create_dataset(
                name if name not in archive else other, shape, dtype, chunks=chunks
            )


KERAS: Mutator = partial(of_members, {".json": of_json, ".h5": of_hdf5})
RECORDING: Mutator = partial(of_members, {".npy": of_arrays})
