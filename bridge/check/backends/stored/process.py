"""Models of Keras, of LiteRT and of TensorFlow in a process of their own.

What these libraries do with a file that was made to harm, or is damaged, may end the process that
they run in. That becomes an error here, and the next model gets a new process. Keras is imported in
that process only, so that a comparison takes no longer.
"""

from __future__ import annotations

import atexit
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from threading import Lock
from typing import IO, Any, cast

from bridge.check.backends.backend import InputSpec, Origin
from bridge.check.backends.messages import received
from bridge.check.backends.runtime_process import ending, own_path
from bridge.check.backends.stored.answers import unpacked
from bridge.check.backends.stored.opening import OPENERS, KerasFile, StoredModel
from bridge.check.backends.stored.server import PREFIX, PROTOCOL
from bridge.errors import BridgeError, UsageError
from bridge.graph.io.ports import Exported
from bridge.public.options import IoLayout
from bridge.types import Array

_MODULE = "bridge.check.backends.stored.server"


class ModelProcess:
    """A process that opens models and runs them; it has them until they are closed."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **own_path()},
        )
        self._lock, self._numbers, self._ending = Lock(), count(), ""

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def open(self, kind: str, path: Path) -> OpenModel:
        """Raises UsageError if the model cannot be opened, or the process ends over it."""
        model = OpenModel(self, next(self._numbers), path)
        named = {name: text for name, text in os.environ.items() if name.startswith(PREFIX)}
        model.ask("open", str(Path.cwd()), named, kind, path)
        return model

    def ask(self, where: Path, *request: Any) -> Any:
        """The answer to a request. Raises its BridgeError, or UsageError if the process ends."""
        pipes = self._process.stdin, self._process.stdout
        requests, answers = (cast(IO[bytes], pipe) for pipe in pipes)
        with self._lock:
            try:
                pickle.dump(request, requests, PROTOCOL)
                requests.flush()
                answer = unpacked(*received(answers))
            except (OSError, EOFError, ValueError) as error:
                if isinstance(error, ValueError):
                    self._process.kill()  # it is there still, and says what is no answer
                raise UsageError(
                    "the process in which this model is run has ended",
                    where=where,
                    received=self._end(),
                    hint="the file is damaged, or more than this machine can run; nothing else has "
                    "suffered",
                ) from None
            except BaseException:
                self._process.kill()  # an answer that nobody has read would be taken for the next
                raise
        if isinstance(answer, BridgeError):
            raise answer
        return answer

    def close(self) -> None:
        self._process.kill()
        self._end()

    def _end(self) -> str:
        """How the process has ended."""
        if not self._log.closed:
            self._ending = ending(self._process, self._log)
            self._log.close()
        return self._ending


@dataclass(frozen=True)
class OpenModel:
    """A model in a process, under its number there."""

    process: ModelProcess
    number: int
    path: Path

    def ask(self, method: str, *arguments: Any) -> Any:
        return self.process.ask(self.path, self.number, method, arguments)

    def described(self) -> StoredModel:
        """What it is here; the process runs it."""
        description: StoredModel = self.ask("description")
        if isinstance(description, KerasFile):
            return replace(description, run=partial(ServedBackend, self))
        return replace(description, run=partial(self.ask, "run"))

    def close(self) -> None:
        if self.process.alive:
            self.ask("close")


class ServedBackend:
    """A Keras model in the other process, whose values have their names."""

    def __init__(self, model: OpenModel, *arguments: Any) -> None:
        self._model = model
        described = model.ask("placed", *arguments)
        self.title: str = described[0]
        self.inputs: Mapping[str, InputSpec] = described[1]
        self.outputs: Sequence[str] = described[2]
        self.dtypes: frozenset[str] = described[3]
        self.values: Sequence[str] = described[4]
        self.origins: Mapping[str, Origin] = described[5]

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        self._model.ask("start", dict(feeds), list(wanted))
        while (value := self._model.ask("next")) is not None:
            yield value


@dataclass(frozen=True)
class ServedSource:
    """A Keras model in the other process, which writes it as ONNX."""

    model: OpenModel

    def exported(self, io_layout: IoLayout) -> Exported:
        written: Exported = self.model.ask("exported", io_layout)
        return written

    def dtypes(self) -> frozenset[str]:
        dtypes: frozenset[str] = self.model.ask("dtypes")
        return dtypes

    def run(self, arrays: Sequence[Array]) -> Sequence[Array]:
        results: Sequence[Array] = self.model.ask("run", list(arrays))
        return results


_started: list[ModelProcess] = []
_starting = Lock()


def model_process() -> ModelProcess:
    """The one that is running: its start takes seconds, and a program may have many models."""
    with _starting:
        if not (_started and _started[-1].alive):
            _started[:] = [ModelProcess()]
            atexit.register(_started[-1].close)
        return _started[-1]


@contextmanager
def opened(
    kind: str, path: Path, *, is_own: bool = False
) -> Iterator[tuple[StoredModel, dict[str, str]]]:
    """A model of a file, and the versions of what runs it: here only if this process has made it,
    as Keras may need what is registered here, and nothing in it is a stranger's."""
    if is_own:
        yield cast(StoredModel, OPENERS[kind](path)), {}
        return
    model = model_process().open(kind, path)
    try:
        yield model.described(), model.ask("versions")
    finally:
        model.close()


@contextmanager
def opened_source(path: Path) -> Iterator[ServedSource]:
    """A Keras model of a file, to be written as ONNX."""
    model = model_process().open("keras source", path)
    try:
        yield ServedSource(model)
    finally:
        model.close()
