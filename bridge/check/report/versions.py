"""The versions of Python and of the packages that may have contributed to a comparison."""

from __future__ import annotations

import platform
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

# By the names of their modules, and of the packages.
_PACKAGES = {
    "bridge": "caffe-bridge",
    "numpy": "numpy",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "cv2": "opencv-python-headless",
    "keras": "keras",
    "tensorflow": "tensorflow",
    "jax": "jax",
    "torch": "torch",
}


def versions() -> dict[str, str]:
    """Python's, and that of each of these packages that is loaded in this process."""
    loaded = {"Python": platform.python_version()}
    for module, package in _PACKAGES.items():
        if module in sys.modules:
            with suppress(PackageNotFoundError):
                loaded[module] = version(package)
    return loaded
