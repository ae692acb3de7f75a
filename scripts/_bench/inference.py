"""What the models cost in use, compiled, on one thread.

Both compute the same input in turn; what counts is the median of the ratios of their time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from _bench.measure import apart
from _bench.nets import application, open_nsfw, public
from _bench.table import Row

TURNS = 7
BATCHES = (1, 8)


def rows() -> Iterator[Row]:
    for name, path in (("ResNet50", public("resnet50").onnx), ("MobileNetV2", _mobilenet())):
        for batch, ratio in zip(BATCHES, apart(by_applications, name, path), strict=True):
            yield Row(f"inference, {name}, batch {batch}: by keras.applications", ratio, "x", 1.0)
    for name, path, bar in (
        ("ResNet-50", public("resnet50").onnx, 1.3),
        ("open_nsfw", open_nsfw().onnx, 1.3),
        ("MobileNetV2", _mobilenet(), 1.6),
    ):
        for batch, ratio in zip(BATCHES, apart(by_onnxruntime, path), strict=True):
            yield Row(
                f"inference, {name} for speed, batch {batch}: by onnxruntime", ratio, "x", bar
            )
    for name in ("mobilenet", "resnext26"):
        by_natural = apart(for_speed, public(name).onnx)
        yield Row(f"inference, {name} for speed, batch 1: by the natural model", by_natural, "x", 1)


def _mobilenet() -> Path:
    return application("MobileNetV2").onnx


def by_applications(name: str, path: Path) -> list[float]:
    import keras

    import bridge

    ours = bridge.onnx_to_keras(path, check=False)
    theirs = getattr(keras.applications, name)(weights=None)
    return [ratio(compiled(ours), compiled(theirs), batch) for batch in BATCHES]


def for_speed(path: Path) -> float:
    import bridge

    models = (bridge.onnx_to_keras(path, check=False, target=way) for way in ("speed", "natural"))
    return ratio(*map(compiled, models), 1)


def by_onnxruntime(path: Path) -> list[float]:
    import onnxruntime

    import bridge

    ours = bridge.onnx_to_keras(path, check=False, target="speed")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name, order = session.get_inputs()[0].name, (0, 3, 1, 2)

    def theirs(images: Any) -> Callable[[], Any]:
        feeds = {name: images.transpose(order).copy()}
        return lambda: session.run(None, feeds)

    return [ratio(compiled(ours), theirs, batch, ours.input_shape[1:]) for batch in BATCHES]


def compiled(model: Any) -> Callable[[Any], Callable[[], Any]]:
    import tensorflow as tf

    def at(images: Any) -> Callable[[], Any]:
        x = tf.constant(images)
        function = tf.function(lambda x: model(x, training=False), autograph=False)
        graph = function.get_concrete_function(x)
        return lambda: graph(x)

    return at


def ratio(
    one: Callable[[Any], Callable[[], Any]],
    other: Callable[[Any], Callable[[], Any]],
    batch: int,
    shape: tuple[int, ...] = (224, 224, 3),
) -> float:
    """The time that one takes by that of the other, for as many images; the first two do not
    count."""
    import numpy as np

    images = np.random.default_rng(0).random((batch, *shape), np.float32)
    runs = one(images), other(images)
    times = [[seconds(run) for run in runs] for _ in range(TURNS + 2)][2:]
    return median(mine / its for mine, its in times)


def seconds(run: Callable[[], Any]) -> float:
    start = process_time()
    run()
    return process_time() - start
