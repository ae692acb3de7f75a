"""The main job on real nets, through the public interface: Caffe → ONNX → Keras, and compared.

Exit status: 0 where every net that is here was converted and agrees, 1 otherwise.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from rich.console import Console

import bridge
from bridge.suppress_output import quiet_libraries

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "demo"
TOLERANCE = 1e-4  # × (1 + the greatest value), as everywhere in the project

Array = NDArray[np.float32]
say = Console(highlight=False, soft_wrap=True).print


@dataclass(frozen=True)
class Carried:
    """One Caffe net in both of its new forms."""

    onnx: Path
    keras: Path
    session: onnxruntime.InferenceSession
    model: Any

    @classmethod
    def over(cls, caffe: Path) -> Carried:
        """Convert `deploy.prototxt` and `weights.caffemodel` of a folder; say what became of it."""
        onnx, keras = (BUILD / f"{caffe.name}.{ending}" for ending in ("onnx", "keras"))
        _, lowering = timed(
            lambda: bridge.caffe_to_onnx(
                caffe / "deploy.prototxt", caffe / "weights.caffemodel", onnx
            )
        )
        model, raising = timed(lambda: bridge.onnx_to_keras(onnx, keras))
        row("from", f"{here(caffe)} (deploy.prototxt, weights.caffemodel)")
        row("ONNX", f"{here(onnx)} in {lowering:.2f} s, checked")
        row("Keras", f"{here(keras)} in {raising:.2f} s, checked")
        row("parameters", f"{model.count_params():,}")
        return cls(onnx, keras, onnxruntime.InferenceSession(onnx), model)

    def in_onnxruntime(self, images: Array) -> Array:
        """images: n c h w → probabilities: n k"""
        return self.session.run(None, {self.session.get_inputs()[0].name: images})[0]

    def in_keras(self, images: Array) -> Array:
        """images: n c h w, given to Keras as n h w c → probabilities: n k"""
        return self.model.predict_on_batch(images.transpose(0, 2, 3, 1))

    @property
    def transposes(self) -> int:
        kinds = [type(operation).__name__ for operation in self.model.operations]
        return sum(kind in {"Permute", "Transpose", "Moveaxis"} for kind in kinds)

    def agrees(self, images: Array) -> bool:
        """Whether both forms give the same on these images, without moving data for it."""
        expected, actual = self.in_onnxruntime(images), self.in_keras(images)
        difference = float(np.abs(actual - expected).max())
        row("difference", f"{difference:.1e} at most between the two")
        row("transposes", f"{self.transposes} in the Keras model")
        return difference <= TOLERANCE * (1 + np.abs(expected).max()) and self.transposes == 0


def digits() -> bool:
    """A LeNet that reads handwritten digits, on images that it was not trained on."""
    say("\n[bold]digits-lenet[/bold]: a LeNet that reads handwritten digits")
    folder = ROOT / "models" / "digits-lenet"
    net = Carried.over(folder)
    with np.load(folder / "test.npz") as test:
        images, labels = test["images"], test["labels"]
    for name, run in (("onnxruntime", net.in_onnxruntime), ("Keras", net.in_keras)):
        right = int((run(images).argmax(axis=1) == labels).sum())
        row(name, f"{right / len(labels):.1%} right: {right} of {len(labels)} unseen images")
    return net.agrees(images)


def open_nsfw(*, offline: bool) -> bool:
    """Yahoo's ResNet-50 of half width, at the size and speed of real work."""
    say("\n[bold]open_nsfw[/bold]: Yahoo's ResNet-50, 224 × 224")
    fetch = [sys.executable, ROOT / "scripts" / "fetch_models", *(["--offline"] if offline else [])]
    fetched = subprocess.run(fetch, capture_output=True, text=True, check=False)
    if fetched.returncode != 0:
        row("left out", fetched.stderr.strip())
        return True
    net = Carried.over(ROOT / "models" / "fetched" / "open_nsfw")
    image = np.random.default_rng(0).normal(0, 10, (1, 3, 224, 224)).astype(np.float32)
    for name, run in (("onnxruntime", net.in_onnxruntime), ("Keras", net.in_keras)):
        row(name, f"{1000 * usual_time(lambda run=run: run(image)):.0f} ms an image")
    return net.agrees(image)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def usual_time(work: Callable[[], Any]) -> float:
    """The median of ten runs in seconds, after one that warms up."""
    work()
    return float(np.median([timed(work)[1] for _ in range(10)]))


def row(name: str, text: str) -> None:
    say(f"  [cyan]{name:<12}[/cyan]{text}")


def here(path: Path) -> Path:
    return path.relative_to(ROOT)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__.splitlines()[0])
    parser.add_argument("--offline", action="store_true", help="fetch nothing")
    offline = parser.parse_args().offline
    BUILD.mkdir(parents=True, exist_ok=True)
    say("Starting TensorFlow …")
    with quiet_libraries():
        import_module("keras")
    if digits() and open_nsfw(offline=offline):
        say(f"\nAll agree. The files are in {here(BUILD)}.")
        return 0
    say("\n[red]The two forms do not agree.[/red]")
    return 1


if __name__ == "__main__":
    sys.exit(main())
