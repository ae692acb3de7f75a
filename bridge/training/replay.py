"""A recorded training of Caffe's, replayed: the first step, and the layer, that differ.

Loss, gradient and update are rows of their own, in the order in which a step computes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from bridge.check.arrays import Arrays
from bridge.check.compare import Row, compare
from bridge.check.report import Report
from bridge.errors import UsageError
from bridge.training.net.parameters import Key
from bridge.training.run import TrainingRun
from bridge.types import Array


@dataclass(frozen=True)
class Record:
    """What a training of Caffe's was recorded to give, step by step, with Caffe's axes.

    `fed` and `outputs` are by blob. `gradients` are those of the first step, as the backward pass
    leaves them, and `weights` those after each step that was recorded, from 1, by layer and index.
    """

    steps: int
    fed: Mapping[str, Array]
    outputs: Mapping[str, Array]
    gradients: Mapping[Key, Array]
    weights: Mapping[int, Mapping[Key, Array]]


def read_record(path: Path) -> Record:
    """An .npz of `in/<blob>` and `out/<blob>`, with an axis for the steps in front; and, as far as
    recorded, `grad/<layer>/<index>` of the first step, `after/<layer>/<index>` of each step, and
    `final/<layer>/<index>`.

    Raises UsageError for a file of another kind.
    """
    file = Arrays.of(path)
    arrays = {name: file[name] for name in file.names}
    fed, outputs = (_of(arrays, kind) for kind in ("in", "out"))
    counts = {len(values) if values.ndim else 0 for values in (*fed.values(), *outputs.values())}
    if not fed or not outputs or len(counts) != 1 or 0 in counts:
        raise UsageError(
            "this is not the record of a training",
            where=path,
            expected="in/<blob> and out/<blob>, each with an axis for the steps in front",
            received=", ".join(list(arrays)[:8]) or "nothing",
            hint="docs/training.md shows how to record one",
        )
    (steps,) = counts
    after = _by_key(arrays, "after")
    if any(len(values) != steps for values in after.values() if values.ndim):
        raise UsageError("after/ has another number of steps", where=path, expected=steps)
    weights = {
        step: {key: values[step - 1] for key, values in after.items() if values.ndim}
        for step in range(1, steps + 1)
    }
    weights[steps] |= _by_key(arrays, "final")
    return Record(steps, fed, outputs, _by_key(arrays, "grad"), weights)


K = TypeVar("K", str, Key)


def _of(arrays: Mapping[str, Array], kind: str) -> dict[str, Array]:
    start = f"{kind}/"
    return {n.removeprefix(start): v for n, v in arrays.items() if n.startswith(start)}


def _by_key(arrays: Mapping[str, Array], kind: str) -> dict[Key, Array]:
    split = [(name.rpartition("/"), values) for name, values in _of(arrays, kind).items()]
    return {(layer, int(i)): v for (layer, _, i), v in split if i.isdecimal()}


def replayed(run: TrainingRun, record: Record, fed: str = "") -> Report:
    """The record against a training in Keras from the same weights, up to the first step that
    differs. Raises UsageError for a record of another net."""
    rows: list[Row] = []
    for step in range(record.steps):
        rows += _step(run, record, step)
        if any(row.verdict == "differs" for row in rows):
            break
    return Report("Keras against Caffe's training", tuple(rows), "Caffe", "Keras", fed)


def _step(run: TrainingRun, record: Record, step: int) -> Iterator[Row]:
    batch = {name: values[step] for name, values in record.fed.items()}
    recorded = record.gradients if step == 0 else {}
    gradients = run.gradients(batch) if recorded else {}
    outputs, title = run.step(batch), f"step {step + 1}"
    expected = {name: values[step] for name, values in record.outputs.items()}
    yield from _rows(title, expected, outputs, {name: name for name in expected}, run.writers)
    # In the order of the backward pass.
    last_first = {key: recorded[key] for key in reversed([*recorded])}
    names = {key: f"gradient of {_text(key)}" for key in last_first}
    yield from _rows(title, last_first, gradients, names, {key: key[0] for key in last_first})
    if weights := record.weights.get(step + 1, {}):
        names = {key: f"{_text(key)} after the update" for key in weights}
        yield from _rows(title, weights, run.blobs(), names, {key: key[0] for key in weights})


def _rows(
    title: str,
    expected: Mapping[K, Array],
    received: Mapping[K, Array],
    names: Mapping[K, str],
    layers: Mapping[K, str],
) -> Iterator[Row]:
    for key, values in expected.items():
        if key not in received:
            raise UsageError(
                "the record has what the net has not",
                expected=", ".join(map(str, received)),
                received=names[key],
                hint="is it the record of another net?",
            )
        row = compare(f"{title}: {names[key]}", np.asarray(values, np.float32), received[key])
        yield replace(row, layers=(layers[key],), is_output=True)


def _text(key: Key) -> str:
    return f"{key[0]}[{key[1]}]"
