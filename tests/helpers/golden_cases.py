"""The golden cases, as tests see them: small nets with what real Caffe makes of them.

Every test over them looks like this:

    @pytest.mark.parametrize("case", cases(without={"loss"}), ids=str)
    def test_it(case: Case) -> None:
        for name, expected in case.outputs.items():
            assert_close(results[name], expected)
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bridge.caffe import read
from bridge.lower import lower
from bridge.lower.model import LoweredModel
from tests.helpers.net_folder import NetFolder

GOLDEN = Path(__file__).parents[1] / "golden"
# What Silence keeps from Caffe's own outputs is one of ours.
SILENCED = {"silence": {"unused"}}
LOWEST = np.finfo(np.float32).min  # what Caffe's MAX pooling gives for a window without pixels


@dataclass(frozen=True)
class Case(NetFolder):
    """One folder of tests/golden; its README says what each file holds."""

    def __str__(self) -> str:
        return self.folder.name

    @cached_property
    def meta(self) -> dict[str, Any]:
        return json.loads((self.folder / "meta.json").read_text(encoding="utf-8"))

    @property
    def tags(self) -> frozenset[str]:
        return frozenset(self.meta["tags"])

    @property
    def layers(self) -> frozenset[str]:
        """The layer types in the net."""
        return frozenset(self.meta["layers"])

    @property
    def inputs(self) -> dict[str, NDArray[np.float32]]:
        return self._arrays("in/")

    @property
    def outputs(self) -> dict[str, NDArray[np.float32]]:
        return self._arrays("out/")

    @property
    def between(self) -> dict[str, NDArray[np.float32]]:
        """Blobs that are neither inputs nor outputs; few cases have any."""
        return self._arrays("mid/")

    def _arrays(self, kind: str) -> dict[str, NDArray[np.float32]]:
        with np.load(self.folder / "io.npz") as arrays:
            return {key[len(kind) :]: arrays[key] for key in arrays.files if key.startswith(kind)}


CASES = tuple(Case(meta.parent) for meta in sorted(GOLDEN.glob("*/meta.json")))


def cases(
    *,
    layer: str | None = None,
    tagged: Collection[str] = (),
    without: Collection[str] = (),
) -> list[Case]:
    """The cases with this layer type, all the tags of `tagged`, and none of `without`."""
    return [
        case
        for case in CASES
        if (layer is None or layer in case.layers)
        and case.tags.issuperset(tagged)
        and case.tags.isdisjoint(without)
    ]


def case(name: str) -> Case:
    """The case of this name."""
    return next(case for case in CASES if str(case) == name)


def assert_close(actual: ArrayLike, expected: ArrayLike, what: str = "") -> None:
    """The project's one tolerance: same shape, and within 1e-4 * (1 + max|expected|).

    NaN, infinities and -FLT_MAX must stand exactly where they are expected; they say nothing of
    the size of the other numbers, so the tolerance leaves them out.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, not {expected.shape}"
    ordinary = np.isfinite(expected) & (expected != LOWEST)
    np.testing.assert_array_equal(actual[~ordinary], expected[~ordinary], err_msg=what)
    size = np.abs(expected[ordinary]).max(initial=0.0)
    np.testing.assert_allclose(
        actual[ordinary], expected[ordinary], rtol=0, atol=1e-4 * (1 + size), err_msg=what
    )


@cache
def lowered(case: Case) -> LoweredModel:
    """The case as an ONNX model, in the shapes that its inputs have."""
    shapes = {name: array.shape for name, array in case.inputs.items()}
    net = read(case.prototxt, case.caffemodel)
    return lower(net, input_shape=shapes if "reshaped" in case.tags else {})


def feeds(case: Case, model: LoweredModel) -> dict[str, NDArray[np.float32]]:
    """The recorded inputs; labels are none any more, where the loss that read them is gone."""
    unread = case.inputs.keys() - model.inputs.keys()
    assert not unread or "loss" in case.tags, f"{case}: no input {unread}"
    return {name: array for name, array in case.inputs.items() if name in model.inputs}


def assert_outputs(case: Case, results: dict[str, Any]) -> None:
    """Outputs by blob name; a loss that was left out is answered by the blob that fed it."""
    if "inplace" in case.tags:  # the input keeps the blob's name, so the result has the layer's too
        results = {name.partition(":")[0]: result for name, result in results.items()}
    known = {**case.between, **case.outputs}
    compared = known.keys() & results.keys()
    unexpected = results.keys() - case.outputs.keys() - SILENCED.get(str(case), set())
    assert not unexpected or "loss" in case.tags, f"{case}: unexpected {unexpected}"
    for name in compared:
        assert_close(results[name], known[name], f"{case}: {name}")
    missing = case.outputs.keys() - compared
    assert not missing or ("loss" in case.tags and compared), f"{case}: no {missing}"
