"""Where Keras's habits part from Caffe's, drawn: docs/training-habits.svg.

Each picture has a recorded training of real Caffe (tests/training/runs), the same in Keras as
bridge has it, and as Keras has it by itself: what each computes at each of the 8 steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log10
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tests.training.training_runs import MIDDLE, STEPS, Run, run

FIGURE = Path(__file__).resolve().parent.parent / "docs" / "training-habits.svg"
SGD, Adam = keras.optimizers.SGD, keras.optimizers.Adam


class RateOutside(SGD):
    """Momentum as PyTorch has it: h ← momentum · h + g, and the step is rate · h."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        h = self.momentums[self._get_variable_index(variable)]
        self.assign(h, self.momentum * h + gradient)
        self.assign_sub(variable, learning_rate * h)


@dataclass(frozen=True)
class Curve:
    """What is computed at steps, from the first on."""

    label: str
    values: Sequence[float]
    steps: Sequence[int] = tuple(range(1, STEPS + 1))


@dataclass(frozen=True)
class Picture:
    """Curves on one scale: Caffe's, Keras's as bridge has it, and by its own habit; `differing`
    says that they are drawn less Caffe's, since they lie too close.
    """

    title: str
    what: str
    curves: Callable[[], Sequence[Curve]]
    logarithmic: bool = False
    differing: bool = False


def _losses(case: Run, optimizer: Any = None) -> list[float]:
    """The loss of each step in plain Keras, without the decay: as bridge compiles it, or by another
    optimizer and the mean over all labels."""
    training = case.training()
    model, layout = training.model, training._setup.plan.values["data"].layout
    if optimizer is not None:
        for variable in model.trainable_variables:
            variable.regularizer = None
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss=loss)
    result = []
    for step in range(STEPS):
        decay = sum(map(float, model.losses))
        model.reset_metrics()
        batch = case.batch(step)
        loss = model.train_on_batch(layout.apply(batch["data"]), batch["label"])
        result.append(float(np.ravel(loss)[0]) - decay)
    return result


def _compared(name: str, own: str, habit: str, optimizer: Any) -> Sequence[Curve]:
    case = run(name)
    caffe = [float(case.outputs(step)["loss"].sum()) for step in range(STEPS)]
    return (
        Curve("Caffe", caffe),
        Curve(f"Keras, {own}", _losses(case)),
        Curve(f"Keras, {habit}", _losses(case, optimizer)),
    )


def _variances() -> Sequence[Curve]:
    """The mean of the moving variances, of which real Caffe's are recorded in two snapshots."""
    case = run("batchnorm_scale")
    snapshots = (case.weights("mid.caffemodel"), case.by_blob("final"))
    caffe = [float((x["n", 1] / x["n", 2].reshape(())).mean()) for x in snapshots]
    training = case.training()
    layer, layout = training.model.get_layer("n"), training._setup.plan.values["data"].layout
    own, habit, moving = [], [], np.ones(4, np.float32)
    layer.momentum = 0.999
    for step in range(STEPS):
        layer.moving_variance.assign(moving)
        training.model(layout.apply(case.batch(step)["data"]), training=True)
        moving = np.array(layer.moving_variance)
        habit.append(float(moving.mean()))
        training.step(case.batch(step))
        own.append(float(np.asarray(layer.moving_variance).mean()))
    return (
        Curve("Caffe, its snapshots", caffe, (MIDDLE, STEPS)),
        Curve("Keras, Caffe's sums", own),
        Curve("Keras, momentum=0.999 from 1", habit),
    )


def _falling() -> Any:
    return run("policy_step").training().optimizer.get_config()["learning_rate"]


PICTURES = (
    Picture(
        "Decay: in the gradient, or beside the step",
        "loss",
        lambda: _compared(
            "sgd_decay",
            "L2(0.005)",
            "weight_decay=0.01",
            SGD(0.1, momentum=0.9, weight_decay=0.01),
        ),
        differing=True,
    ),
    Picture(
        "Momentum: the rate inside, or outside, as it falls",
        "loss",
        lambda: _compared(
            "policy_step",
            "SGD",
            "rate outside, as in PyTorch",
            RateOutside(keras.optimizers.schedules.deserialize(_falling()), momentum=0.9),
        ),
    ),
    Picture("BatchNorm's moving variance", "mean of 4 channels", _variances),
    Picture(
        "Loss of maps: BATCH_SIZE, or the mean of all labels",
        "loss",
        lambda: _compared("normalize_batch", "weight 25", "the mean", SGD(0.1, momentum=0.9)),
        logarithmic=True,
    ),
    Picture(
        "Adam's epsilon: the solver's delta, or Keras's",
        "loss",
        lambda: _compared("adam", "epsilon=0.001", "epsilon=1e-7", Adam(0.01, beta_2=0.99)),
        differing=True,
    ),
)

# ---- drawing ---------------------------------------------------------------------------------

WIDTH, HEIGHT, COLUMNS = 480, 280, 2
LEFT, RIGHT, TOP, BOTTOM = 74, 16, 36, 104  # around the curves
CLASSES = ("caffe", "own", "habit")
_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">
<style>
text {{ font: 13px sans-serif; fill: #222 }}
.title {{ font-weight: bold }}
.ground {{ fill: #fff }}
.line {{ fill: none }}
.grid {{ stroke: #ccc }}
.caffe {{ stroke: #e8933a; stroke-width: 5 }}
.own {{ stroke: #2b6cb0; stroke-width: 1.5; stroke-dasharray: 6 4 }}
.habit {{ stroke: #b83280; stroke-width: 1.5 }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #ddd }}
.ground {{ fill: #16181d }}
.grid {{ stroke: #444 }}
.own {{ stroke: #90cdf4 }}
.habit {{ stroke: #f687b3 }}
}}
</style>
<rect class="ground" width="{width}" height="{height}"/>
{body}
</svg>
"""


def figure(pictures: Mapping[Picture, Sequence[Curve]]) -> str:
    """The pictures, in rows."""
    rows = -(-len(pictures) // COLUMNS)
    parts = []
    for index, (picture, curves) in enumerate(pictures.items()):
        row, column = divmod(index, COLUMNS)
        parts.append(f'<g transform="translate({column * WIDTH} {row * HEIGHT})">')
        parts += [*_drawn(picture, curves), "</g>"]
    body = "\n".join(parts)
    return _SVG.format(width=COLUMNS * WIDTH, height=rows * HEIGHT, body=body)


def _drawn(picture: Picture, curves: Sequence[Curve]) -> Iterator[str]:
    scale = log10 if picture.logarithmic else float
    if picture.differing:
        caffe = np.array(curves[0].values)
        curves = [replace(curve, values=list(curve.values - caffe)) for curve in curves]
    values = [scale(value) for curve in curves for value in curve.values]
    low, high = min(values), max(values)
    bottom = HEIGHT - BOTTOM

    def x(step: int) -> float:
        return LEFT + (step - 1) * (WIDTH - LEFT - RIGHT) / (STEPS - 1)

    def y(value: float) -> float:
        return bottom - (value - low) * (bottom - TOP) / (high - low)

    yield f'<text class="title" x="{LEFT}" y="20">{picture.title}</text>'
    for value in (low, (low + high) / 2, high):
        shown = 10**value if picture.logarithmic else value
        yield f'<path class="grid" d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{shown:.3g}</text>'
    what = f"{picture.what} less Caffe's" if picture.differing else picture.what
    steps = f"{what} by step, 1 to {STEPS}"
    yield f'<text x="{WIDTH - RIGHT}" y="{bottom + 20}" text-anchor="end">{steps}</text>'
    for index, (curve, kind) in enumerate(zip(curves, CLASSES, strict=True)):
        points = [(x(s), y(scale(v))) for s, v in zip(curve.steps, curve.values, strict=True)]
        if len(points) == STEPS:
            text = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
            yield f'<polyline class="line {kind}" points="{text}"/>'
        else:
            circles = (f'cx="{across:.1f}" cy="{down:.1f}"' for across, down in points)
            yield from (f'<circle class="line {kind}" {at} r="5"/>' for at in circles)
        below = bottom + 42 + index * 19
        label = f"{curve.label}: {_said(picture, curve)}"
        yield f'<path class="{kind}" d="M{LEFT} {below}h24"/>'
        yield f'<text x="{LEFT + 32}" y="{below + 4}">{label}</text>'


def _said(picture: Picture, curve: Curve) -> str:
    if picture.differing:
        return "0" if not any(curve.values) else f"off by {max(map(abs, curve.values)):.1g} at most"
    return f"{curve.values[-1]:.4g} at step {curve.steps[-1]}"


def write() -> None:
    """Train, and write the figure."""
    pictures = {picture: picture.curves() for picture in PICTURES}
    for picture, curves in pictures.items():
        print(picture.title)
        for curve in curves:
            print(f"  {curve.label}: {', '.join(f'{value:.5g}' for value in curve.values)}")
    FIGURE.write_text(figure(pictures), encoding="utf-8")
