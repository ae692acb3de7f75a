"""The other half of `process.py`: opens models of Keras, and runs them, in its own process.

A request is (number of the model, name of a method of `Served`, arguments), a pickle, which comes
from bridge. Its answer is a BridgeError or a result, as plain data: nothing is known of a process
that a stranger's file was opened in.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bridge.check.backends.backend import Backend
from bridge.check.backends.messages import Named, send
from bridge.check.backends.stored.answers import packed
from bridge.check.backends.stored.opening import OPENERS, StoredModel
from bridge.check.report.versions import versions
from bridge.errors import BridgeError, GraphError, words_of
from bridge.files.memory import confine
from bridge.graph.io.ports import Exported
from bridge.public.calls import as_bridge_error
from bridge.public.options import IoLayout
from bridge.types import Array

PROTOCOL = 5
PREFIX = "BRIDGE_"  # of the variables of the environment that are bridge's


class Served:
    """An open model. Its methods answer requests, and give nothing but plain data."""

    def __init__(self, kind: str, path: Path) -> None:
        self._model: Any = OPENERS[kind](path)
        self._backend: Backend | None = None
        self._values: Iterator[tuple[str, Array]] = iter(())

    def description(self) -> StoredModel:
        """The model without what runs it."""
        described: StoredModel = replace(self._model, run=None)
        return described

    def versions(self) -> dict[str, str]:
        return versions()

    def placed(self, *arguments: Any) -> tuple[object, ...]:
        """Names the values of a Keras model, and gives what its Backend says of itself."""
        self._backend = backend = self._model.run(*arguments)
        return (
            backend.title,
            backend.inputs,
            backend.outputs,
            backend.dtypes,
            backend.values,
            dict(backend.origins),
        )

    def start(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> None:
        if self._backend is not None:
            self._values = self._backend.run(feeds, wanted)

    def next(self) -> tuple[str, Array] | None:
        """The next of the wanted values, None behind the last."""
        return next(self._values, None)

    def exported(self, io_layout: IoLayout) -> Exported:
        """A Keras model as ONNX."""
        written: Exported = self._model.exported(io_layout)
        return written

    def dtypes(self) -> frozenset[str]:
        """Those of the model that was written."""
        dtypes: frozenset[str] = self._model.dtypes()
        return dtypes

    def run(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """What a model without names makes of these arrays."""
        return [*self._model.run(arrays)]


class Models:
    """Those that are open, by their numbers."""

    def __init__(self) -> None:
        self._open: dict[int, Served] = {}

    def answer(self, number: int, method: str, arguments: Sequence[Any]) -> object:
        """Does what is requested. Raises BridgeError, whatever the libraries raise."""
        try:
            if method == "open":
                self._open[number] = self._opened(*arguments)
                return None
            if method == "close":
                del self._open[number]
                gc.collect()  # a model of Keras's refers to itself
                return None
            return getattr(self._open[number], method)(*arguments)
        except BridgeError:
            raise
        except Exception as error:
            if method in ("open", "exported"):
                raise as_bridge_error(error) from error
            raise GraphError("the model cannot be run", received=words_of(error)) from error

    def _opened(self, folder: str, environment: Mapping[str, str], kind: str, path: Path) -> Served:
        """Paths and limits are those of the other side, where it stands now."""
        os.chdir(folder)
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            del os.environ[name]
        os.environ.update(environment)
        confine()
        return Served(kind, path)


def serve() -> None:
    """Answers requests until there are no more.

    The answers go to the original standard output, which the output of libraries must not reach.
    """
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    models = Models()
    while True:
        try:
            request = pickle.load(requests)
        except EOFError:
            return
        send(answers, *_answer(models.answer, *request))


def _answer(answer: Callable[..., object], *request: Any) -> tuple[dict[str, Any], Named]:
    arrays: list[Array] = []
    try:
        tree = packed(answer(*request), arrays)
    except BridgeError as error:
        tree = packed(error, arrays)
    return {"answer": tree}, [("", array) for array in arrays]


if __name__ == "__main__":
    serve()
