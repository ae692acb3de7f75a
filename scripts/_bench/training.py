"""What a step of training costs, on one thread: by a model of keras.applications with Keras's SGD.

Both take the same images in turn, and which of them begins alternates; what counts is the ratio of
the medians.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from _bench.inference import seconds
from _bench.measure import apart
from _bench.nets import resnet50_in_training
from _bench.table import Row

BATCH, TURNS = 8, 7
SOLVER = 'base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0001\n'


def rows() -> Iterator[Row]:
    ratio = apart(by_applications, resnet50_in_training(BATCH))
    what = f"a step of training, ResNet-50, batch {BATCH}: by keras.applications, SGD"
    yield Row(what, ratio, "x", 1.05)


def by_applications(net: str) -> float:
    import numpy as np

    random = np.random.default_rng(0)
    images = random.random((BATCH, 3, 224, 224), np.float32)
    labels = random.integers(0, 1000, BATCH)
    both = ours(net, images, labels), theirs(images, labels)
    for run in both * 2:  # compiles, and does not count
        run()
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(TURNS):
        for index in (0, 1) if turn % 2 else (1, 0):
            times[index].append(seconds(both[index]))
    return median(times[0]) / median(times[1])


def ours(net: str, images: Any, labels: Any) -> Callable[[], Any]:
    import bridge

    with tempfile.TemporaryDirectory() as folder:
        files = {"net.prototxt": net, "solver.prototxt": SOLVER}
        for name, text in files.items():
            (Path(folder) / name).write_text(text)
        run = bridge.caffe_training(
            Path(folder) / "net.prototxt", None, Path(folder) / "solver.prototxt"
        )
    return lambda: run.step({"data": images, "label": labels})


def theirs(images: Any, labels: Any) -> Callable[[], Any]:
    """With the same decay, which Keras's optimizer takes beside the step."""
    import keras

    model = keras.applications.ResNet50(weights=None, classifier_activation=None)
    sgd = keras.optimizers.SGD(0.01, momentum=0.9, weight_decay=0.0001)
    model.compile(sgd, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    inputs = images.transpose(0, 2, 3, 1).copy()
    return lambda: model.train_on_batch(inputs, labels)
