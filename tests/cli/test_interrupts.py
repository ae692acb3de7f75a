"""Ctrl-C ends a command with status 130 and without a traceback, whatever it is doing."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# A module that is imported while the command line is read, one that a command needs, and none: then
# the interpreter is already on its way out.
PROGRAM = """
import atexit, importlib.abc, os, runpy, signal, sys

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name == when:
            os.kill(os.getpid(), signal.SIGINT)

when = sys.argv[1]
sys.argv = ["bridge", "layers"]
sys.meta_path.insert(0, Interrupt())
if when == "exit":
    atexit.register(os.kill, os.getpid(), signal.SIGINT)
runpy.run_module("bridge", run_name="__main__")
"""


@pytest.mark.parametrize("when", ["cyclopts", "bridge.support", "exit"])
def test_there_is_no_traceback(when: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, when], capture_output=True, text=True, check=False
    )
    assert done.returncode == (-signal.SIGINT if when == "exit" else 130)  # both are 130 to a shell
    assert done.stderr == ""
