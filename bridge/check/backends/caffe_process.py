"""Caffe itself, through pycaffe, in a process of its own.

Caffe aborts its whole process on any error. Here that becomes an exception with Caffe's message.
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from bridge.check.backends import caffe_server
from bridge.check.backends.caffe_server import PROTOCOL, pack
from bridge.check.backends.messages import received
from bridge.plugins import only_installed
from bridge.types import Array

# Names a Python that has pycaffe, if that is not the one that runs bridge.
VARIABLE = "BRIDGE_CAFFE_PYTHON"


class CaffeError(Exception):
    """The text is Caffe's message."""


class CaffeProcess:
    """A net in Caffe. Loading raises CaffeError if Caffe refuses the net, as do the methods later.

    pycaffe must be importable by the interpreter that the environment names, or else from this
    process's own module path without the current folder.
    """

    def __init__(self, prototxt: Path, caffemodel: Path) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        named = os.environ.get(VARIABLE)
        with only_installed():
            folders = [*sys.path, str(Path(__file__).parents[3])]
        own_path = {} if named else {"PYTHONPATH": os.pathsep.join(folders)}
        try:
            self._process = subprocess.Popen(
                [named or sys.executable, str(caffe_server.__file__)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env={**os.environ, **own_path},
            )
        except OSError as error:
            self._log.close()
            raise CaffeError(f"{VARIABLE}={named}: {error.strerror}") from error
        try:
            message, _ = self._ask("load", str(prototxt), str(caffemodel))
        except CaffeError:
            self.close()
            raise
        self.version = str(message["answer"])

    def forward(self, feeds: Mapping[str, Array]) -> None:
        """Reshapes the net to these inputs, by the names of their blobs, and runs it."""
        self._ask("forward", {name: pack(array) for name, array in feeds.items()})

    def value(self, blob: str) -> Array:
        """The value of a blob after `forward`."""
        return self._ask("value", blob)[1][0]

    def close(self) -> None:
        with self._process as process, self._log:
            process.kill()

    def _ask(self, request: str, *arguments: Any) -> tuple[Mapping[str, Any], list[Array]]:
        pipes = self._process.stdin, self._process.stdout
        requests, answers = (cast(IO[bytes], pipe) for pipe in pipes)
        try:
            pickle.dump((request, *arguments), requests, PROTOCOL)
            requests.flush()
            return received(answers)
        except (BrokenPipeError, EOFError, ValueError) as error:
            if isinstance(error, ValueError):
                self._process.kill()  # it is there still, and says what is no message
            self._process.wait()
            self._log.seek(0)
            raise CaffeError(_reason(self._log.read().decode(errors="replace"))) from None


def _reason(log: str) -> str:
    """The messages of the prototxt parser and of Caffe's CHECKs in a process's log; its last line,
    if there are none."""
    lines = log.strip().splitlines() or ["its process ended without a message"]
    messages = [line.partition("] ")[2] for line in lines if _FATAL.match(line)]
    return "; ".join(messages or lines[-1:])


# glog's fatal lines, "F1124 13:16:59 … blob.cpp:508] Check failed: …", and those of protobuf.
_FATAL = re.compile(r"F\d+ |\[libprotobuf ERROR ")
