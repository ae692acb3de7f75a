"""Random layers of each type: settings that Caffe's proto allows, at shapes that they fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.caffe_itself.layers import Array, Layer, Rng, fields, flag, maybe, one_of, settings


def x(rng: Rng, *shape: int) -> Array:
    return rng.normal(0, 1, shape).astype(np.float32)


def any_shape(rng: Rng, least: int = 1, most: int = 4) -> list[int]:
    return [int(size) for size in rng.integers(1, 6, rng.integers(least, most + 1))]


def image(rng: Rng, *, least: int = 5, channels: Sequence[int] = (2, 4, 6)) -> list[int]:
    """2 c h w"""
    return [2, one_of(rng, channels), *(int(size) for size in rng.integers(least, 12, 2))]


def axis(rng: Rng, rank: int) -> int:
    return int(rng.integers(-rank, rank))


def window(rng: Rng, dilated: bool) -> dict[str, object]:
    """One number for both directions, or one for each; smaller than 5 with its dilation."""
    kernel, dilation = rng.integers(1, 4, 2), int(rng.integers(1, 3)) if dilated else 1
    stride, pad = rng.integers(1, 4, 2), [int(rng.integers(0, k)) for k in kernel]
    if rng.random() < 0.5:
        both = {"kernel": kernel, "stride": stride, "pad": pad}
        sizes = {f"{k}_{end}": v for k, vs in both.items() for end, v in zip("hw", vs, strict=True)}
    else:
        sizes = {"kernel_size": kernel[0], "stride": stride[0], "pad": pad[0]}
    return {**sizes, "dilation": dilation} if dilated and dilation > 1 else sizes


def convolution(rng: Rng, kind: str = "Convolution") -> Layer:
    shape = image(rng, least=6)
    group = one_of(rng, [g for g in (1, 1, 2, shape[1]) if shape[1] % g == 0])
    param = {
        "num_output": group * int(rng.integers(1, 4)),
        "group": maybe(rng, group) if group == 1 else group,
        "bias_term": flag(rng),
        **window(rng, dilated=True),
    }
    return Layer(kind, settings("convolution_param", param), (x(rng, *shape),))


def deconvolution(rng: Rng) -> Layer:
    return convolution(rng, "Deconvolution")


def convolution_of_any_rank(rng: Rng) -> Layer:
    """The axes behind `axis` are space, those before it all batch."""
    rank, first = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    shape = [*rng.integers(1, 3, first), 2, *rng.integers(4, 7, rank)]
    per_axis = {k: rng.integers(1, 3, rank).tolist() for k in ("kernel_size", "stride")}
    param = {"num_output": 2, "axis": one_of(rng, [first, first - len(shape)]), **per_axis}
    return Layer("Convolution", settings("convolution_param", param), (x(rng, *shape),))


def pooling(rng: Rng) -> Layer:
    param: dict[str, object] = {"pool": one_of(rng, ["MAX", "AVE"])}
    param |= {"global_pooling": True} if rng.random() < 0.15 else window(rng, dilated=False)
    shape = image(rng)
    mask = param["pool"] == "MAX" and rng.random() < 0.2
    return Layer("Pooling", settings("pooling_param", param), (x(rng, *shape),), 1 + mask)


def lrn(rng: Rng) -> Layer:
    param = {
        "local_size": one_of(rng, [1, 3, 5]),
        "alpha": maybe(rng, 0.3),
        "beta": maybe(rng, 0.6),
        "norm_region": maybe(rng, one_of(rng, ["ACROSS_CHANNELS", "WITHIN_CHANNEL"])),
    }
    across = param["norm_region"] != "WITHIN_CHANNEL"
    param["k"] = maybe(rng, 2.5) if across else None
    return Layer("LRN", settings("lrn_param", param), (x(rng, *image(rng)),))


def softmax(rng: Rng) -> Layer:
    shape = any_shape(rng, least=2)
    param = {"axis": maybe(rng, axis(rng, len(shape)))}
    return Layer("Softmax", settings("softmax_param", param), (x(rng, *shape),))


def eltwise(rng: Rng) -> Layer:
    count, operation = int(rng.integers(2, 4)), one_of(rng, ["SUM", "PROD", "MAX"])
    shape = any_shape(rng)
    param = {"operation": operation}
    if operation == "SUM" and rng.random() < 0.5:
        param["coeff"] = [1.5, -2, 0.5][:count]
    bottoms = tuple(x(rng, *shape) for _ in range(count))
    return Layer("Eltwise", settings("eltwise_param", param), bottoms)


def concat(rng: Rng) -> Layer:
    shape = any_shape(rng, least=2)
    at = axis(rng, len(shape)) if rng.random() < 0.7 else 1
    bottoms = []
    for _ in range(int(rng.integers(1, 4))):
        shape[at] = int(rng.integers(1, 4))
        bottoms.append(x(rng, *shape))
    return Layer("Concat", settings("concat_param", {"axis": at}), tuple(bottoms))


def slice_(rng: Rng) -> Layer:
    shape = any_shape(rng, least=2)
    at = axis(rng, len(shape))
    shape[at] = 6
    points = one_of(rng, [[], [1], [2, 3], [4]])
    param = {"axis": at, "slice_point": points}
    tops = len(points) + 1 if points else one_of(rng, [2, 3])
    return Layer("Slice", settings("slice_param", param), (x(rng, *shape),), tops)


def crop(rng: Rng) -> Layer:
    rank = int(rng.integers(2, 5))
    at = int(rng.integers(0, rank))
    large = [int(size) for size in rng.integers(3, 7, rank)]
    offsets = [int(o) for o in rng.integers(0, 3, rank - at)]
    small = [*large[:at], *(size - max(offsets) for size in large[at:])]
    param = {
        "axis": one_of(rng, [at, at - rank]),
        "offset": one_of(rng, [offsets, offsets[:1], []]),
    }
    return Layer("Crop", settings("crop_param", param), (x(rng, *large), x(rng, *small)))


def reshape(rng: Rng) -> Layer:
    shape = "shape { " + fields(
        "dim", one_of(rng, [[0, -1], [-1], [0, 0, 6], [2, -1, 3], [-1, 1, 0]])
    )
    ends = one_of(rng, ["", "axis: 0", "axis: 1 num_axes: 2", "axis: -2", "axis: -3 num_axes: 1"])
    return Layer("Reshape", f"reshape_param {{ {shape} }} {ends} }}", (x(rng, 2, 6, 2, 3),))


def flatten(rng: Rng) -> Layer:
    rank = int(rng.integers(2, 6))
    first, last = sorted(int(i) for i in rng.integers(0, rank, 2))
    param = {
        "axis": one_of(rng, [first, first - rank]),
        "end_axis": one_of(rng, [last, last - rank]),
    }
    return Layer("Flatten", settings("flatten_param", param), (x(rng, *rng.integers(1, 4, rank)),))


def arg_max(rng: Rng) -> Layer:
    shape = [2, *(int(size) for size in rng.integers(3, 6, 3))]
    param = {
        "out_max_val": flag(rng),
        "top_k": maybe(rng, int(rng.integers(1, 4))),
        "axis": maybe(rng, int(rng.integers(-3, 4)) or None),
    }
    return Layer("ArgMax", settings("argmax_param", param), (x(rng, *shape),))


def reduction(rng: Rng) -> Layer:
    shape = any_shape(rng)
    param = {
        "operation": one_of(rng, ["SUM", "ASUM", "SUMSQ", "MEAN"]),
        "axis": maybe(rng, axis(rng, len(shape))),
        "coeff": maybe(rng, -1.5),
    }
    return Layer("Reduction", settings("reduction_param", param), (x(rng, *shape),))


def tile(rng: Rng) -> Layer:
    shape = any_shape(rng)
    param = {"axis": axis(rng, len(shape)), "tiles": int(rng.integers(1, 4))}
    return Layer("Tile", settings("tile_param", param), (x(rng, *shape),))


def mvn(rng: Rng) -> Layer:
    param = {
        "normalize_variance": flag(rng),
        "across_channels": flag(rng),
        "eps": maybe(rng, 0.01),
    }
    return Layer("MVN", settings("mvn_param", param), (x(rng, *image(rng)),))


def power(rng: Rng) -> Layer:
    param = {
        "power": maybe(rng, one_of(rng, [0, 1, 2, 3, -1, 0.5])),
        "scale": maybe(rng, one_of(rng, [0, 0.5, 2])),
        "shift": maybe(rng, one_of(rng, [0, 1.25])),
    }
    return Layer("Power", settings("power_param", param), (np.abs(x(rng, *any_shape(rng))) + 0.2,))


def exponential(rng: Rng, kind: str = "Exp") -> Layer:
    param = {
        "base": maybe(rng, one_of(rng, [-1, 2, 3.5])),
        "scale": maybe(rng, one_of(rng, [0.5, 2])),
        "shift": maybe(rng, 0.75),
    }
    values = np.abs(x(rng, *any_shape(rng))) + 0.2
    return Layer(kind, settings(f"{kind.lower()}_param", param), (values,))


def logarithm(rng: Rng) -> Layer:
    return exponential(rng, "Log")


def scale(rng: Rng, kind: str = "Scale") -> Layer:
    """With weights of its own, or of a second bottom."""
    shape = any_shape(rng, least=2)
    first = int(rng.integers(0, len(shape)))
    count = int(rng.integers(0, len(shape) - first + 1))
    param: dict[str, object] = {"axis": one_of(rng, [first, first - len(shape)])}
    if kind == "Scale":
        param["bias_term"] = flag(rng)
    bottoms = [x(rng, *shape)]
    if rng.random() < 0.4:
        bottoms.append(x(rng, *shape[first : first + count]))
    else:
        param["num_axes"] = one_of(rng, [count, -1])
    return Layer(kind, settings(f"{kind.lower()}_param", param), tuple(bottoms))


def bias(rng: Rng) -> Layer:
    return scale(rng, "Bias")


def inner_product(rng: Rng) -> Layer:
    shape = any_shape(rng, least=2)
    param = {
        "num_output": int(rng.integers(1, 5)),
        "bias_term": flag(rng),
        "transpose": flag(rng),
        "axis": maybe(rng, one_of(rng, [*range(1, len(shape)), -1])),
    }
    return Layer("InnerProduct", settings("inner_product_param", param), (x(rng, *shape),))


def embed(rng: Rng) -> Layer:
    rows = rng.integers(0, 7, any_shape(rng)).astype(np.float32)
    param = {"num_output": 3, "input_dim": 7, "bias_term": flag(rng)}
    return Layer("Embed", settings("embed_param", param), (rows,))


def spp(rng: Rng) -> Layer:
    param = {"pyramid_height": int(rng.integers(1, 4)), "pool": one_of(rng, ["MAX", "AVE"])}
    return Layer("SPP", settings("spp_param", param), (x(rng, *image(rng, least=7)),))


def im2col(rng: Rng) -> Layer:
    param = window(rng, dilated=True)
    return Layer("Im2col", settings("convolution_param", param), (x(rng, *image(rng, least=6)),))


def batch_norm(rng: Rng) -> Layer:
    param = {"use_global_stats": maybe(rng, True), "eps": maybe(rng, 0.01)}
    shape = any_shape(rng, least=2)
    return Layer("BatchNorm", settings("batch_norm_param", param), (x(rng, *shape),))


def prelu(rng: Rng) -> Layer:
    param = {"channel_shared": flag(rng)}
    return Layer("PReLU", settings("prelu_param", param), (x(rng, *any_shape(rng, least=2)),))


def activation(rng: Rng) -> Layer:
    kind, text = one_of(
        rng,
        [
            ("ReLU", "relu_param { negative_slope: 0.3 }"),
            ("ELU", "elu_param { alpha: 0.7 }"),
            ("Threshold", "threshold_param { threshold: 0.2 }"),
            *((name, "") for name in ("ReLU", "ELU", "Sigmoid", "TanH", "AbsVal", "BNLL")),
        ],
    )
    return Layer(kind, text, (3 * x(rng, *any_shape(rng)),))


def batch_reindex(rng: Rng) -> Layer:
    shape = [4, *any_shape(rng)]
    chosen = rng.integers(0, 4, int(rng.integers(1, 7))).astype(np.float32)
    return Layer("BatchReindex", "", (x(rng, *shape), chosen))


def permute(rng: Rng) -> Layer:
    order = rng.permutation(4)[: int(rng.integers(1, 5))].tolist()
    param = {"order": order}
    return Layer("Permute", settings("permute_param", param), (x(rng, *image(rng)),))


def normalize(rng: Rng) -> Layer:
    param = {"across_spatial": flag(rng), "channel_shared": flag(rng), "eps": maybe(rng, 0.01)}
    return Layer("Normalize", settings("norm_param", param), (x(rng, *image(rng)),))


def prior_box(rng: Rng) -> Layer:
    """`flip` and `clip` are always param: their defaults are not the same in all forks."""
    small = [4.0, 7.5][: int(rng.integers(1, 3))]
    param = {
        "min_size": small,
        "max_size": maybe(rng, [size + 5 for size in small]),
        "aspect_ratio": maybe(rng, one_of(rng, [[2], [2, 3], [1, 2, 0.5]])),
        "flip": bool(rng.integers(2)),
        "clip": bool(rng.integers(2)),
        "variance": maybe(rng, one_of(rng, [[0.2], [0.1, 0.1, 0.2, 0.3]])),
        "step": maybe(rng, 8),
        "offset": maybe(rng, 0.25),
    }
    bottoms = (x(rng, *image(rng)), x(rng, 2, 3, 60, 40))
    return Layer("PriorBox", settings("prior_box_param", param), bottoms)


def detection_output(rng: Rng) -> Layer:
    priors, classes = 24, int(rng.integers(2, 5))
    shared = bool(rng.integers(2))
    param = {
        "num_classes": classes,
        "share_location": shared,
        "background_label_id": one_of(rng, [0, 0, 1] if shared else [0, -1, 1]),
        "code_type": one_of(rng, ["CORNER", "CENTER_SIZE", "CORNER_SIZE"]),
        "variance_encoded_in_target": flag(rng),
        "keep_top_k": one_of(rng, [-1, 5, 20]),
        "confidence_threshold": maybe(rng, 0.3),
    }
    suppression = {"nms_threshold": one_of(rng, [0.3, 0.6]), "top_k": maybe(rng, 10)}
    corners = rng.uniform(0, 0.6, (priors, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.1, 0.4, (priors, 2))], 1)
    variances = np.tile([0.1, 0.1, 0.2, 0.2], priors)
    confidences = rng.uniform(0, 1, (2, priors, classes))
    text = settings("detection_output_param", param)
    text = f"{text[:-1]} {settings('nms_param', suppression)} }}"
    return Layer(
        "DetectionOutput",
        text,
        (
            x(rng, 2, priors * 4 * (1 if shared else classes)),
            (confidences / confidences.sum(-1, keepdims=True)).reshape(2, -1).astype(np.float32),
            np.stack([boxes.reshape(-1), variances])[None].astype(np.float32),
        ),
    )


def recurrent(rng: Rng) -> Layer:
    """The streams go on where `cont` is 1; a third bottom is the same in every step."""
    time, streams, inputs = 4, 2, 3
    cont = (rng.random((time, streams)) < 0.7).astype(np.float32)
    bottoms = [x(rng, time, streams, inputs), cont]
    if rng.random() < 0.4:
        bottoms.append(x(rng, streams, 2))
    param = {"num_output": int(rng.integers(1, 4))}
    kind = one_of(rng, ["LSTM", "RNN"])
    return Layer(kind, settings("recurrent_param", param), tuple(bottoms))


DRAWS: tuple[Callable[[Rng], Layer], ...] = (
    activation,
    arg_max,
    batch_norm,
    batch_reindex,
    bias,
    concat,
    convolution,
    convolution_of_any_rank,
    crop,
    deconvolution,
    detection_output,
    eltwise,
    embed,
    exponential,
    flatten,
    im2col,
    inner_product,
    logarithm,
    lrn,
    mvn,
    normalize,
    permute,
    pooling,
    power,
    prelu,
    prior_box,
    recurrent,
    reduction,
    reshape,
    scale,
    slice_,
    softmax,
    spp,
    tile,
)
