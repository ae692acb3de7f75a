"""Random layers of the types that forks have added, as far as this Caffe has them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.caffe_itself.layers import Layer, Rng, flag, maybe, one_of, settings
from tests.caffe_itself.random_layers import any_shape, axis, image, x


def bilinear_interpolate(rng: Rng) -> Layer:
    if rng.random() < 0.5:
        size: dict[str, object] = {"scale_factor": one_of(rng, [0.5, 1, 1.7, 3])}
    else:
        sizes = {"dst_h": int(rng.integers(2, 16)), "dst_w": int(rng.integers(2, 16))}
        size = {name: sizes[name] for name in one_of(rng, [["dst_h", "dst_w"], ["dst_w"]])}
    values = {**size, "align_corners": flag(rng)}
    text = settings("bilinear_interpolate_param", values)
    return Layer("BilinearInterpolate", text, (x(rng, *image(rng)),))


def hard_sigmoid(rng: Rng) -> Layer:
    values = {"alpha": maybe(rng, 0.3), "beta": maybe(rng, 0.4)}
    text = settings("hardsigmoid_param", values)
    return Layer("HardSigmoid", text, (3 * x(rng, *any_shape(rng)),))


def hard_swish(rng: Rng) -> Layer:
    return Layer("HardSwish", "", (4 * x(rng, *any_shape(rng)),))


def max_unpool(rng: Rng) -> Layer:
    """The indices of a plane are all different, as those of a pooling without overlap are."""
    count, channels, height, width = image(rng, least=2)
    plane = [height * 2 + int(rng.integers(3)), width * 2 + int(rng.integers(3))]
    indices = [
        rng.permutation(plane[0] * plane[1])[: height * width] for _ in range(count * channels)
    ]
    mask = np.array(indices, np.float32).reshape(count, channels, height, width)
    text = settings("max_unpool_param", {"dst_h": plane[0], "dst_w": plane[1]})
    return Layer("MaxUnPool", text, (x(rng, *mask.shape), mask))


def pad(rng: Rng) -> Layer:
    kind = one_of(rng, ["CONSTANT", "REPLICATE", "REFLECT"])
    widths = {f"pad_{side}": maybe(rng, int(rng.integers(0, 4))) for side in "udlr"}
    values = {"pad_type": kind, **widths, "pad_value": maybe(rng, 1.5)}
    return Layer("Pad", settings("pad_param", values), (x(rng, *image(rng)),))


def pixel_shuffle(rng: Rng) -> Layer:
    factor = int(rng.integers(1, 4))
    shape = image(rng, channels=[factor**2, 2 * factor**2])
    text = settings("pixelshuffle_param", {"upscale_factor": factor})
    return Layer("PixelShuffle", text, (x(rng, *shape),))


def relu6(rng: Rng) -> Layer:
    values = {"negative_slope": maybe(rng, 0.1), "threshold": maybe(rng, 2.5)}
    return Layer("ReLU6", settings("relu6_param", values), (4 * x(rng, *any_shape(rng)),))


def resize(rng: Rng) -> Layer:
    values = {"height": int(rng.integers(1, 16)), "width": int(rng.integers(1, 16))}
    return Layer("Resize", settings("resize_param", values), (x(rng, *image(rng)),))


def unsqueeze(rng: Rng) -> Layer:
    shape = any_shape(rng)
    text = settings("unsqueeze_param", {"dim": axis(rng, len(shape) + 1)})
    return Layer("Unsqueeze", text, (x(rng, *shape),))


def upsample(rng: Rng) -> Layer:
    text = settings("upsample_param", {"scale": int(rng.integers(1, 4))})
    return Layer("Upsample", text, (x(rng, *image(rng)),))


DRAWS_OF_FORKS: tuple[Callable[[Rng], Layer], ...] = (
    bilinear_interpolate,
    hard_sigmoid,
    hard_swish,
    max_unpool,
    pad,
    pixel_shuffle,
    relu6,
    resize,
    unsqueeze,
    upsample,
)
