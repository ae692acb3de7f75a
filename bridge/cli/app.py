"""The command line itself; the commands are in the other files of this folder."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, TypeVar

from cyclopts import App, Parameter

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


MaxMemory = Annotated[
    str | None,
    Parameter(help="Memory that one array may take, such as 8G; by default half of the machine's."),
]


def reading_command(function: Function) -> Function:
    """Registers a command that reads models: it has the option --max-memory, and runs under it."""

    @wraps(function)
    def run(*arguments: Any, max_memory: str | None = None, **options: Any) -> None:
        from bridge.files.memory import limited

        with limited(max_memory):
            function(*arguments, **options)

    kind, own = inspect.Parameter.KEYWORD_ONLY, inspect.signature(function)
    option = inspect.Parameter("max_memory", kind, default=None, annotation=MaxMemory)
    vars(run)["__signature__"] = own.replace(parameters=[*own.parameters.values(), option])
    run.__annotations__ = {**function.__annotations__, "max_memory": MaxMemory}
    command(run)
    return function
