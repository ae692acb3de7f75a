"""Messages of other processes: a line of JSON, and behind it the bytes of its arrays, of which the
line has names, dtypes and shapes.

A process in which a stranger's file was opened may say anything: no message of it runs code here,
as a pickle could. The servers have their own copies of the other half, `send`, as they import
nothing of bridge.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BufferedIOBase
from typing import IO, Any, cast

import numpy as np

from bridge.types import Array

Named = Sequence[tuple[str, Array]]


def received(stream: IO[bytes]) -> tuple[Mapping[str, Any], list[Array]]:
    """The next message, and its arrays. Raises EOFError where the process ends before, ValueError
    for what is no message."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    message = json.loads(line)
    try:
        return message, [_array(stream, *head) for head in message["arrays"]]
    except (KeyError, TypeError) as error:
        raise ValueError("no message") from error


def _array(stream: IO[bytes], _: str, dtype: str, shape: Sequence[int]) -> Array:
    array: Array = np.empty(shape, dtype)
    if array.dtype.hasobject:
        raise ValueError("objects are no numbers")
    if cast(BufferedIOBase, stream).readinto(_bytes(array)) < array.nbytes:
        raise EOFError
    return array


def send(stream: IO[bytes], message: Mapping[str, Any], arrays: Named = ()) -> None:
    """Sends a message, and its arrays of numbers or texts."""
    plain = [(name, np.asarray(array, order="C")) for name, array in arrays]
    heads = [[name, _spelled(array.dtype), array.shape] for name, array in plain]
    stream.write(json.dumps({**message, "arrays": heads}).encode() + b"\n")
    for _, array in plain:
        stream.write(_bytes(array))
    stream.flush()


def _spelled(dtype: np.dtype[Any]) -> str:
    """Texts have their length, and what NumPy itself does not know its name alone."""
    return dtype.str if dtype.kind in "US" else dtype.name


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
