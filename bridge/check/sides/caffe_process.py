"""Caffe itself, through pycaffe, in a process of its own.

What Caffe does not like it answers by ending its process, and whatever else runs in it. Here that
becomes an error with what Caffe said.
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from bridge.plugins import only_installed

Array = NDArray[Any]


class CaffeError(Exception):
    """The text is what Caffe said."""


class CaffeProcess:
    """A net in Caffe. Raises CaffeError where Caffe cannot load it, as do its methods later.

    `pycaffe` must be importable; it is looked for where this process looks for modules, but not in
    the current folder.
    """

    def __init__(self, prototxt: Path, caffemodel: Path) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        with only_installed():
            folders = [*sys.path, str(Path(__file__).parents[3])]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", f"from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
        )
        try:
            self.version: str = self._ask("load", str(prototxt), str(caffemodel))
        except CaffeError:
            self.close()
            raise

    def forward(self, feeds: Mapping[str, Array]) -> None:
        """Reshapes the net to these inputs, by the names of their blobs, and computes it."""
        self._ask("forward", dict(feeds))

    def value(self, blob: str) -> Array:
        """What a blob holds after `forward`."""
        array: Array = self._ask("value", blob)
        return array

    def close(self) -> None:
        with self._process as process, self._said:
            process.kill()

    def _ask(self, request: str, *arguments: Any) -> Any:
        pipes = self._process.stdin, self._process.stdout
        requests, answers = (cast(IO[bytes], pipe) for pipe in pipes)
        try:
            pickle.dump((request, *arguments), requests)
            requests.flush()
            return pickle.load(answers)
        except (BrokenPipeError, EOFError):
            self._process.wait()
            self._said.seek(0)
            raise CaffeError(_reason(self._said.read().decode(errors="replace"))) from None


def _reason(said: str) -> str:
    """Of a process's last words, what the parser of prototxts and Caffe's CHECKs said; the last
    line, where neither did."""
    lines = said.strip().splitlines() or ["its process ended without a word"]
    found = [line.partition("] ")[2] for line in lines if _GRAVE.match(line)]
    return "; ".join(found or lines[-1:])


# glog's fatal lines, "F1124 13:16:59 … blob.cpp:508] Check failed: …", and those of protobuf.
_GRAVE = re.compile(r"F\d+ |\[libprotobuf ERROR ")


def serve() -> None:
    """What the other process does: answers requests until there are no more.

    The answers go where standard output went, which no layer's own words may reach.
    """
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _, *files = pickle.load(requests)
    net = _Served(*files)
    _answer(answers, net.version)
    while True:
        try:
            request, *arguments = pickle.load(requests)
        except EOFError:
            return
        _answer(answers, getattr(net, request)(*arguments))


def _answer(answers: IO[bytes], result: object) -> None:
    pickle.dump(result, answers)
    answers.flush()


class _Served:
    """The net, on the side where Caffe is."""

    def __init__(self, prototxt: str, caffemodel: str) -> None:
        caffe = import_module("caffe")
        self.version = str(getattr(caffe, "__version__", ""))
        self._load = partial(caffe.Net, prototxt, caffemodel, caffe.TEST)
        self._net = self._load()
        # They go on from where they ended, which no other side of a comparison does.
        self._remembers = any("LSTM" in x.type.upper() or x.type == "RNN" for x in self._net.layers)
        self._has_run = False

    def forward(self, feeds: Mapping[str, Array]) -> None:
        if self._remembers and self._has_run:
            self._net = self._load()
        self._has_run = True
        for name, array in feeds.items():
            self._net.blobs[name].reshape(*array.shape)
        self._net.reshape()
        for name, array in feeds.items():
            self._net.blobs[name].data[...] = array
        self._net.forward()

    def value(self, blob: str) -> Array:
        return np.asarray(self._net.blobs[blob].data)
