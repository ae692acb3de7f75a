"""The command line itself; the commands are in the other files of this folder."""

from __future__ import annotations

from cyclopts import App

from bridge import __version__

app = App(
    name="python -m bridge",
    help="Carries neural networks out of Caffe: to ONNX, and to native Keras 3 models.",
    version=f"bridge {__version__}",
    help_format="markdown",
)
