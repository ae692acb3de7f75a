"""Training runs of real Caffe: what `tests/training/runs` has, and what Keras makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bridge
from bridge.caffe.reader import stored_layers
from tests.helpers.golden_cases import assert_close

RUNS = Path(__file__).parent / "runs"
STEPS, MIDDLE = 8, 4

Array = NDArray[Any]


@dataclass(frozen=True)
class Run:
    """One folder of tests/training/runs; its README says what each file holds."""

    folder: Path

    def __str__(self) -> str:
        return self.folder.name

    def file(self, name: str) -> Path:
        return self.folder / name

    @cached_property
    def arrays(self) -> dict[str, Array]:
        with np.load(self.folder / "io.npz") as archive:
            return dict(archive)

    def batch(self, step: int) -> dict[str, Array]:
        return {name: values[step] for name, values in self._of("in")}

    def outputs(self, step: int) -> dict[str, Array]:
        return {name: values[step] for name, values in self._of("out")}

    def by_blob(self, kind: str) -> dict[tuple[str, int], Array]:
        """The gradients, `grad`, or the weights at the end, `final`."""
        split = ((key.rpartition("/"), values) for key, values in self._of(kind))
        return {(layer, int(index)): values for (layer, _, index), values in split}

    def weights(self, name: str) -> dict[tuple[str, int], Array]:
        return {
            (layer.name, index): stored.blob.array()
            for layer in stored_layers(self.file(name))
            for index, stored in layer.blobs.items()
        }

    def training(self, weights: str = "init", state: str | None = None) -> Any:
        return bridge.caffe_training(
            self.file("train.prototxt"),
            self.file(f"{weights}.caffemodel"),
            self.file("solver.prototxt"),
            None if state is None else self.file(state),
        )

    def _of(self, kind: str) -> Iterator[tuple[str, Array]]:
        start = f"{kind}/"
        return ((k.removeprefix(start), v) for k, v in self.arrays.items() if k.startswith(start))


def runs() -> list[Run]:
    return [Run(path) for path in sorted(RUNS.iterdir()) if path.is_dir()]


def run(name: str) -> Run:
    return Run(RUNS / name)


def assert_steps(case: Run, training: Any, first: int, last: int = STEPS) -> None:
    """Each step gives what Caffe's gives."""
    for step in range(first, last):
        outputs = training.step(case.batch(step))
        expected = case.outputs(step)
        assert outputs.keys() == expected.keys()
        for name, values in expected.items():
            assert_close(outputs[name], values, f"{case}, step {step + 1}, {name}")


def assert_blobs(
    blobs: dict[tuple[str, int], Array], expected: dict[tuple[str, int], Array]
) -> None:
    assert expected.keys() <= blobs.keys()
    for key, values in expected.items():
        assert_close(blobs[key], values, f"{key[0]}[{key[1]}]")
