"""The other half of `caffe_process.py`: a program for the interpreter that has pycaffe.

That may be another Python than bridge's own, with another NumPy. So this imports nothing of bridge,
runs on Python 3.7 or newer, and sends arrays as bytes.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO, Any

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Packed = tuple[str, tuple[int, ...], bytes]

# Every Python from 3.7 on reads this one.
PROTOCOL = 4


def pack(array: Array) -> Packed:
    return array.dtype.str, array.shape, array.tobytes()


def unpack(packed: Packed) -> Array:
    dtype, shape, data = packed
    array: Array = import_module("numpy").frombuffer(data, dtype).reshape(shape)
    return array


def serve() -> None:
    """Answers requests until there are no more.

    The answers go to the original standard output, which the output of layers must not reach.
    """
    # The modules in this folder have the names of libraries.
    folder = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != folder]
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _, prototxt, caffemodel = pickle.load(requests)
    net = Served(prototxt, caffemodel)
    _send(answers, net.version)
    methods: dict[str, Callable[..., list[Array]]] = {"forward": net.forward, "value": net.value}
    while True:
        try:
            request, argument = pickle.load(requests)
        except EOFError:
            return
        _send(answers, None, *methods[request](argument))


def _send(answers: IO[bytes], answer: object, *arrays: Array) -> None:
    """Sends plain data, as `messages.received` takes it: a net is a stranger's."""
    heads = [["", array.dtype.str, array.shape] for array in arrays]
    answers.write(json.dumps({"answer": answer, "arrays": heads}).encode() + b"\n")
    for array in arrays:
        answers.write(array.tobytes())
    answers.flush()


class Served:
    """The net in the process that has Caffe."""

    def __init__(self, prototxt: str, caffemodel: str) -> None:
        caffe = import_module("caffe")
        self.version = str(getattr(caffe, "__version__", ""))
        self._load = partial(caffe.Net, prototxt, caffemodel, caffe.TEST)
        self._net = self._load()
        # Recurrent layers continue from their last state, which no other backend does.
        self._remembers = any("LSTM" in x.type.upper() or x.type == "RNN" for x in self._net.layers)
        self._has_run = False

    def forward(self, feeds: dict[str, Packed]) -> list[Array]:
        if self._remembers and self._has_run:
            self._net = self._load()
        self._has_run = True
        arrays = {name: unpack(packed) for name, packed in feeds.items()}
        for name, array in arrays.items():
            self._net.blobs[name].reshape(*array.shape)
        self._net.reshape()
        for name, array in arrays.items():
            self._net.blobs[name].data[...] = array
        self._net.forward()
        return []

    def value(self, blob: str) -> list[Array]:
        return [self._net.blobs[blob].data]


if __name__ == "__main__":
    serve()
