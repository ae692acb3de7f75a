"""Carries neural networks out of Caffe: to ONNX, and to native, channels-last Keras 3 models."""

import sys

# `python -m bridge` looks for modules in the current folder first, which may be anybody's: a
# typing.py there, or any other module that is imported from here on, would be run.
if sys.argv[:1] == ["-m"] and "bridge" in sys.orig_argv:
    if not sys.flags.safe_path:
        del sys.path[0]
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until __main__ can say what Ctrl-C does

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.check.api import check
    from bridge.convert import caffe_to_keras, caffe_to_onnx, onnx_to_keras
    from bridge.explanation.api import explain
    from bridge.folders.api import convert_folder
    from bridge.lower.table import layer
    from bridge.prediction.api import predict
    from bridge.raising.table import raises
    from bridge.results import Conversion, translation_map
    from bridge.to_onnx import keras_to_onnx
    from bridge.training.api import caffe_training, check_training

__version__ = "0.1.0"

__all__ = [
    "BridgeError",
    "Conversion",
    "caffe_to_keras",
    "caffe_to_onnx",
    "caffe_training",
    "check",
    "check_training",
    "convert_folder",
    "explain",
    "keras_to_onnx",
    "layer",
    "onnx_to_keras",
    "predict",
    "raises",
    "translation_map",
]

_HOMES = {
    "Conversion": "bridge.results",
    "caffe_to_keras": "bridge.convert",
    "caffe_to_onnx": "bridge.convert",
    "caffe_training": "bridge.training.api",
    "check": "bridge.check",
    "check_training": "bridge.training.api",
    "convert_folder": "bridge.folders.api",
    "explain": "bridge.explanation.api",
    "keras_to_onnx": "bridge.to_onnx",
    "layer": "bridge.lower.table",
    "onnx_to_keras": "bridge.convert",
    "predict": "bridge.prediction.api",
    "raises": "bridge.raising.table",
    "translation_map": "bridge.results",
}


def __getattr__(name: str) -> Any:
    """The verbs and the decorators, imported on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bridge' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    return getattr(home, name, home)  # the package `check` is a verb itself
