"""The command line itself; the commands are in the other files of this folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cyclopts import App

from bridge import __version__

PROGRAM = "python -m bridge"

# What each command takes, as its help and its refusals say.
USAGES = {
    "caffe-to-onnx": "NET [CAFFEMODEL] -o OUT.onnx",
    "onnx-to-keras": "MODEL -o OUT.keras",
    "caffe-to-keras": "NET [CAFFEMODEL] -o OUT.keras",
    "keras-to-onnx": "MODEL -o OUT.onnx",
    "convert": "FOLDER -o OUTPUT",
    "predict": "MODEL IMAGE…",
    "check": "EXPECTED RECEIVED",
    "explain": "NET [CAFFEMODEL]",
    "inspect": "FILE…",
    "layers": "",
    "completion": "SHELL",
}

app = App(
    name=PROGRAM,
    help="Carries neural networks out of Caffe: to ONNX, and to native Keras 3 models.",
    version=f"bridge {__version__}",
    version_flags=["--version", "-V"],
    help_format="markdown",
)


Function = TypeVar("Function", bound=Callable[..., None])


def command(function: Function) -> Function:
    """Registers a command, named as its function; its help begins with how it is called."""
    name = function.__name__.replace("_", "-")
    usage = " ".join(("Usage:", PROGRAM, name, USAGES[name], "[OPTIONS]\n"))
    app.command(function, name=name, usage=usage)
    return function
