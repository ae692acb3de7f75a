"""The boxes that a detector starts from: PriorBox of SSD and similar nets.

Formulas: prior_box_layer.cpp of Caffe's SSD branch; of lippman1125/faceboxes_lqy, with OpenVINO's
reference/prior_box.hpp (`fixed_size`); of MhLiao/TextBoxes_plusplus (`denser_prior_boxes`); and
OpenCV's modules/dnn/src/layers/prior_box_layer.cpp (several `offset_h`, `offset_w`)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import sqrt

import numpy as np

from bridge.caffe.net import Layer
from bridge.caffe.shapes.detection.output import aspect_ratios
from bridge.files.memory import refuse_large
from bridge.lower.emitter import Emitter
from bridge.lower.table import layer
from bridge.lower.values import Value

_Box = tuple[float, ...]


@layer("PriorBox", params="prior_box_param")
def prior_box(
    e: Emitter,
    layer: Layer,
    x: Value,
    image: Value,
    *,
    min_size: Sequence[float] = (),
    max_size: Sequence[float] = (),
    fixed_size: Sequence[float] = (),
    fixed_ratio: Sequence[float] = (),
    density: Sequence[float] = (),
    aspect_ratio: Sequence[float] = (),
    flip: bool = True,
    clip: bool = False,
    variance: Sequence[float] = (),
    img_size: int = 0,
    img_h: int = 0,
    img_w: int = 0,
    step: float = 0.0,
    step_h: float = 0.0,
    step_w: float = 0.0,
    offset: float = 0.5,
    offset_h: Sequence[float] = (),
    offset_w: Sequence[float] = (),
    denser_prior_boxes: bool = False,
) -> Value:
    """x: n c h w, image: n c H W → 1 2 (h w priors 4): boxes relative to the image, and variances

    A constant, since it depends only on the shapes.
    """
    rows, columns = x.fixed(2), x.fixed(3)
    image_height = img_h or img_size or image.fixed(2)
    image_width = img_w or img_size or image.fixed(3)
    steps = (step_w or step or image_width / columns, step_h or step or image_height / rows)
    ratios = list(fixed_ratio) or aspect_ratios(list(aspect_ratio), flip)
    offsets = list(zip(offset_w, offset_h, strict=True)) or [(offset, offset)]
    if denser_prior_boxes:
        offsets.append((offset, 1.0))
    if fixed_size:
        boxes = [(offset, offset, *box) for box in _tiles(fixed_size, density, ratios)]
    else:
        sizes = _prior_sizes(min_size, max_size, ratios)
        boxes = [(*start, 0, 0, *size) for size, start in product(sizes, offsets)]
    # Of doubles, and of everything that is computed of them.
    refuse_large(rows * columns * len(boxes) * 4 * 8 * 8, "the boxes of all pixels", layer)
    starts, shifts, extents = np.split(np.array(boxes), 3, axis=1)
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)[:, :, None]
    centres = (grid + starts) * steps + shifts
    corners = [centres - extents / 2, centres + extents / 2]
    low, high = (corner / (image_width, image_height) for corner in corners)
    if fixed_size:
        low, high = np.maximum(low, 0), np.minimum(high, 1)
    priors = np.concatenate([low, high], axis=-1)
    if clip:
        priors = priors.clip(0, 1)
    variances = np.broadcast_to(list(variance) or [0.1], priors.shape)
    both = np.stack([priors.reshape(-1), variances.reshape(-1)])[None]
    return e.constant(both.astype(np.float32), "priors")


def _prior_sizes(
    min_size: Sequence[float], max_size: Sequence[float], ratios: Sequence[float]
) -> list[_Box]:
    """Width and height of each prior. Caffe stores the sizes as integers, and so truncates them."""
    sizes: list[_Box] = []
    for index, smaller in enumerate(map(int, min_size)):
        sizes.append((smaller, smaller))
        if max_size:
            between = sqrt(smaller * int(max_size[index]))
            sizes.append((between, between))
        others = (sqrt(ratio) for ratio in ratios if abs(ratio - 1) >= 1e-6)
        sizes += [(smaller * root, smaller / root) for root in others]
    return sizes


def _tiles(
    sizes: Sequence[float], densities: Sequence[float], ratios: Sequence[float]
) -> list[_Box]:
    """Offset right and down of the centre, width and height of each prior.

    A square of each fixed size is divided into density² tiles; around the centre of each tile there
    is a box of that size, for each ratio. Halves and tiles are integers, rounded down.
    """
    boxes: list[_Box] = []
    for size, density in zip(map(int, sizes), map(int, densities), strict=True):
        tile = size // density
        offsets = [tile / 2 - size // 2 + i * tile for i in range(density)]
        for root in map(sqrt, ratios):
            boxes += [(x, y, size * root, size / root) for y, x in product(offsets, offsets)]
    return boxes
