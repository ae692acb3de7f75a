"""Messages between processes: arrays come as sent, and what is no message does nothing."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from bridge.check.backends.messages import received, send
from bridge.types import Array

ARRAYS: Sequence[Array] = (
    np.float32([[1, np.nan], [np.inf, -0.0]]),
    np.array(3, np.int64),
    np.zeros((2, 0, 3), np.uint8),
    np.array([True, False]),
    np.arange(6, dtype=np.float64).reshape(2, 3).T,
    np.array([1.5, -2], ml_dtypes.bfloat16),
    np.array(["cat", "\u00e9"]),
    np.array([b"cat", b"\xff"]),
)


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.dtype))
def test_an_array_comes_as_it_was_sent(array: Array) -> None:
    stream = io.BytesIO()
    send(stream, {"graph": "a\nb"}, [("x", array), ("y", array)])
    stream.seek(0)
    message, arrays = received(stream)
    assert message["graph"] == "a\nb"
    for result in arrays:
        assert (result.dtype, result.shape) == (array.dtype, array.shape)
        assert result.tobytes() == array.tobytes()
        assert result.flags.writeable


class Evil:
    """A pickle of it writes a file where it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.write_text, (self.path, "")


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[]",
        b"no JSON",
        b'{"arrays": [["x", "O", [1]]]}',
        b'{"arrays": [["x", "f4", [-1]]]}',
    ],
)
def test_what_is_no_message_is_none(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        received(io.BytesIO(line + b"\n" + bytes(100)))


def test_a_pickle_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "evil"
    for protocol in (0, 5):
        with pytest.raises((ValueError, EOFError)):
            received(io.BytesIO(pickle.dumps(Evil(path), protocol) + b"\n"))
    assert not path.exists()


@pytest.mark.parametrize("data", [b"", b'{"arrays": []}', b'{"arrays": [["x", "f4", [2]]]}\n1234'])
def test_one_that_is_cut_off_is_the_end(data: bytes) -> None:
    with pytest.raises(EOFError):
        received(io.BytesIO(data))
