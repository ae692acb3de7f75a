"""A runtime in a process of its own, which may have another Python, or be Node.

A runtime may end its process; that becomes an error here, and the next graph gets a new process.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from signal import Signals
from typing import IO, Any, cast

from bridge.check.backends import runtime_server
from bridge.check.backends.messages import received, send
from bridge.errors import GraphError, UsageError
from bridge.plugins import only_installed
from bridge.types import Array

# Names a folder of environments, each under the name of its runtime: tract/bin/python, or
# onnxruntime-web/node_modules. A runtime without one is looked for beside bridge.
VARIABLE = "BRIDGE_RUNTIMES"
NODE = "onnxruntime-web"


class RuntimeEndedError(GraphError):
    """The process of a runtime ended before it answered."""


class RuntimeProcess:
    """`adapter` in an environment; it is started when it is first needed, and again when it ended.

    Raises UsageError if it cannot be started at all.
    """

    def __init__(self, name: str, adapter: str, packages: Sequence[str]) -> None:
        self._command = _command(name, adapter, packages)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process)
        self.version = ""
        try:
            self._start()
        except UsageError:
            self._log.close()
            raise

    def run(self, graph: Path, feeds: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """The outputs of a graph. Raises GraphError if the runtime refuses it, or ends."""
        if self._process is None:
            self._start()
        request = {"graph": str(graph), "outputs": list(outputs)}
        answer, arrays = self._ask(request, feeds)
        if "error" in answer:
            raise GraphError(" ".join(answer["error"].split()))
        return arrays

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._end()
        self._log.close()

    def _start(self) -> None:
        self._log.seek(0)
        self._log.truncate()
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env={**os.environ, **(own_path() if _is_own(self._command) else {})},
            )
            self.version = received(self._pipes[1])[0]["version"]
        except OSError as error:
            raise UsageError(f"{self._command[0]}: {error.strerror}") from error
        except EOFError:
            raise UsageError("a runtime cannot be started", received=self._end()) from None

    @property
    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        process = cast("subprocess.Popen[bytes]", self._process)
        return cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)

    def _ask(
        self, request: Mapping[str, Any], feeds: Mapping[str, Array]
    ) -> tuple[Mapping[str, Any], list[Array]]:
        requests, answers = self._pipes
        try:
            send(requests, request, [*feeds.items()])
            return received(answers)
        except (BrokenPipeError, EOFError, ValueError) as error:
            if isinstance(error, ValueError) and self._process is not None:
                self._process.kill()  # it is there still, and says what is no message
            raise RuntimeEndedError(self._end()) from None

    def _end(self) -> str:
        """How the process ended, with its last line."""
        process, self._process = cast("subprocess.Popen[bytes]", self._process), None
        return ending(process, self._log)


def own_path() -> dict[str, str]:
    """What gives a process of this interpreter the modules of this one, but none of the current
    folder's."""
    with only_installed():
        return {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), *sys.path])}


def ending(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    """How a process has ended, with the last line that it wrote."""
    with suppress(BrokenPipeError), process:  # closes its pipes, so that it ends, perhaps unread
        pass
    status = process.returncode
    log.seek(0)
    lines = log.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    how = Signals(-status).name if status < 0 else f"status {status}"
    return f"its process ended with {how}{last and f': {last}'}"


def _command(name: str, adapter: str, packages: Sequence[str]) -> list[str]:
    environment = Path(os.environ.get(VARIABLE, "")) / name
    if name == NODE:
        node = shutil.which("node")
        if node is None:
            raise UsageError(
                f"{name} needs Node", hint="install Node 18 or newer: the command node"
            )
        folder = environment if (environment / "node_modules").is_dir() else Path()
        server = Path(runtime_server.__file__).with_suffix(".mjs")
        return [node, str(server), str(folder.absolute())]
    python = environment / "bin" / "python"
    interpreter = str(python) if VARIABLE in os.environ and python.exists() else sys.executable
    return [interpreter, str(runtime_server.__file__), adapter, *packages]


def _is_own(command: Sequence[str]) -> bool:
    return command[0] == sys.executable


@cache
def process(name: str, adapter: str, packages: tuple[str, ...]) -> RuntimeProcess:
    """The one process of a runtime: its start takes seconds, and a check has many graphs."""
    started = RuntimeProcess(name, adapter, packages)
    atexit.register(started.close)
    return started
