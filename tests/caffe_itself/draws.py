"""What is drawn of each layer type: settings that Caffe's proto allows, at shapes that they fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.caffe_itself.drawn import Array, Drawn, Rng, fields, flag, maybe, one_of, settings


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
        windows = {"kernel": kernel, "stride": stride, "pad": pad}
        options = {
            f"{k}_{side}": v for k, vs in windows.items() for side, v in zip("hw", vs, strict=True)
        }
    else:
        options = {"kernel_size": kernel[0], "stride": stride[0], "pad": pad[0]}
    return {**options, "dilation": dilation} if dilated and dilation > 1 else options


def convolution(rng: Rng, kind: str = "Convolution") -> Drawn:
    shape = image(rng, least=6)
    group = one_of(rng, [g for g in (1, 1, 2, shape[1]) if shape[1] % g == 0])
    values = {
        "num_output": group * int(rng.integers(1, 4)),
        "group": maybe(rng, group) if group == 1 else group,
        "bias_term": flag(rng),
        **window(rng, dilated=True),
    }
    return Drawn(kind, settings("convolution_param", values), (x(rng, *shape),))


def deconvolution(rng: Rng) -> Drawn:
    return convolution(rng, "Deconvolution")


def convolution_of_any_rank(rng: Rng) -> Drawn:
    """The axes behind `axis` are space, those before it all batch."""
    rank, first = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    shape = [*rng.integers(1, 3, first), 2, *rng.integers(4, 7, rank)]
    per_axis = {k: rng.integers(1, 3, rank).tolist() for k in ("kernel_size", "stride")}
    values = {"num_output": 2, "axis": one_of(rng, [first, first - len(shape)]), **per_axis}
    return Drawn("Convolution", settings("convolution_param", values), (x(rng, *shape),))


def pooling(rng: Rng) -> Drawn:
    values: dict[str, object] = {"pool": one_of(rng, ["MAX", "AVE"])}
    values |= {"global_pooling": True} if rng.random() < 0.15 else window(rng, dilated=False)
    shape = image(rng)
    mask = values["pool"] == "MAX" and rng.random() < 0.2
    return Drawn("Pooling", settings("pooling_param", values), (x(rng, *shape),), 1 + mask)


def lrn(rng: Rng) -> Drawn:
    values = {
        "local_size": one_of(rng, [1, 3, 5]),
        "alpha": maybe(rng, 0.3),
        "beta": maybe(rng, 0.6),
        "norm_region": maybe(rng, one_of(rng, ["ACROSS_CHANNELS", "WITHIN_CHANNEL"])),
    }
    across = values["norm_region"] != "WITHIN_CHANNEL"
    values["k"] = maybe(rng, 2.5) if across else None
    return Drawn("LRN", settings("lrn_param", values), (x(rng, *image(rng)),))


def softmax(rng: Rng) -> Drawn:
    shape = any_shape(rng, least=2)
    values = {"axis": maybe(rng, axis(rng, len(shape)))}
    return Drawn("Softmax", settings("softmax_param", values), (x(rng, *shape),))


def eltwise(rng: Rng) -> Drawn:
    count, operation = int(rng.integers(2, 4)), one_of(rng, ["SUM", "PROD", "MAX"])
    shape = any_shape(rng)
    values = {"operation": operation}
    if operation == "SUM" and rng.random() < 0.5:
        values["coeff"] = [1.5, -2, 0.5][:count]
    bottoms = tuple(x(rng, *shape) for _ in range(count))
    return Drawn("Eltwise", settings("eltwise_param", values), bottoms)


def concat(rng: Rng) -> Drawn:
    shape = any_shape(rng, least=2)
    at = axis(rng, len(shape)) if rng.random() < 0.7 else 1
    bottoms = []
    for _ in range(int(rng.integers(1, 4))):
        shape[at] = int(rng.integers(1, 4))
        bottoms.append(x(rng, *shape))
    return Drawn("Concat", settings("concat_param", {"axis": at}), tuple(bottoms))


def slice_(rng: Rng) -> Drawn:
    shape = any_shape(rng, least=2)
    at = axis(rng, len(shape))
    shape[at] = 6
    points = one_of(rng, [[], [1], [2, 3], [4]])
    values = {"axis": at, "slice_point": points}
    tops = len(points) + 1 if points else one_of(rng, [2, 3])
    return Drawn("Slice", settings("slice_param", values), (x(rng, *shape),), tops)


def crop(rng: Rng) -> Drawn:
    rank = int(rng.integers(2, 5))
    at = int(rng.integers(0, rank))
    large = [int(size) for size in rng.integers(3, 7, rank)]
    offsets = [int(o) for o in rng.integers(0, 3, rank - at)]
    small = [*large[:at], *(size - max(offsets) for size in large[at:])]
    values = {
        "axis": one_of(rng, [at, at - rank]),
        "offset": one_of(rng, [offsets, offsets[:1], []]),
    }
    return Drawn("Crop", settings("crop_param", values), (x(rng, *large), x(rng, *small)))


def reshape(rng: Rng) -> Drawn:
    shape = "shape { " + fields(
        "dim", one_of(rng, [[0, -1], [-1], [0, 0, 6], [2, -1, 3], [-1, 1, 0]])
    )
    ends = one_of(rng, ["", "axis: 0", "axis: 1 num_axes: 2", "axis: -2", "axis: -3 num_axes: 1"])
    return Drawn("Reshape", f"reshape_param {{ {shape} }} {ends} }}", (x(rng, 2, 6, 2, 3),))


def flatten(rng: Rng) -> Drawn:
    rank = int(rng.integers(2, 6))
    first, last = sorted(int(i) for i in rng.integers(0, rank, 2))
    values = {
        "axis": one_of(rng, [first, first - rank]),
        "end_axis": one_of(rng, [last, last - rank]),
    }
    return Drawn("Flatten", settings("flatten_param", values), (x(rng, *rng.integers(1, 4, rank)),))


def arg_max(rng: Rng) -> Drawn:
    shape = [2, *(int(size) for size in rng.integers(3, 6, 3))]
    values = {
        "out_max_val": flag(rng),
        "top_k": maybe(rng, int(rng.integers(1, 4))),
        "axis": maybe(rng, int(rng.integers(-3, 4)) or None),
    }
    return Drawn("ArgMax", settings("argmax_param", values), (x(rng, *shape),))


def reduction(rng: Rng) -> Drawn:
    shape = any_shape(rng)
    values = {
        "operation": one_of(rng, ["SUM", "ASUM", "SUMSQ", "MEAN"]),
        "axis": maybe(rng, axis(rng, len(shape))),
        "coeff": maybe(rng, -1.5),
    }
    return Drawn("Reduction", settings("reduction_param", values), (x(rng, *shape),))


def tile(rng: Rng) -> Drawn:
    shape = any_shape(rng)
    values = {"axis": axis(rng, len(shape)), "tiles": int(rng.integers(1, 4))}
    return Drawn("Tile", settings("tile_param", values), (x(rng, *shape),))


def mvn(rng: Rng) -> Drawn:
    values = {
        "normalize_variance": flag(rng),
        "across_channels": flag(rng),
        "eps": maybe(rng, 0.01),
    }
    return Drawn("MVN", settings("mvn_param", values), (x(rng, *image(rng)),))


def power(rng: Rng) -> Drawn:
    values = {
        "power": maybe(rng, one_of(rng, [0, 1, 2, 3, -1, 0.5])),
        "scale": maybe(rng, one_of(rng, [0, 0.5, 2])),
        "shift": maybe(rng, one_of(rng, [0, 1.25])),
    }
    return Drawn("Power", settings("power_param", values), (np.abs(x(rng, *any_shape(rng))) + 0.2,))


def exponential(rng: Rng, kind: str = "Exp") -> Drawn:
    values = {
        "base": maybe(rng, one_of(rng, [-1, 2, 3.5])),
        "scale": maybe(rng, one_of(rng, [0.5, 2])),
        "shift": maybe(rng, 0.75),
    }
    values = np.abs(x(rng, *any_shape(rng))) + 0.2
    return Drawn(kind, settings(f"{kind.lower()}_param", values), (values,))


def logarithm(rng: Rng) -> Drawn:
    return exponential(rng, "Log")


def scale(rng: Rng, kind: str = "Scale") -> Drawn:
    """With weights of its own, or of a second bottom."""
    shape = any_shape(rng, least=2)
    first = int(rng.integers(0, len(shape)))
    count = int(rng.integers(0, len(shape) - first + 1))
    values: dict[str, object] = {"axis": one_of(rng, [first, first - len(shape)])}
    if kind == "Scale":
        values["bias_term"] = flag(rng)
    bottoms = [x(rng, *shape)]
    if rng.random() < 0.4:
        bottoms.append(x(rng, *shape[first : first + count]))
    else:
        values["num_axes"] = one_of(rng, [count, -1])
    return Drawn(kind, settings(f"{kind.lower()}_param", values), tuple(bottoms))


def bias(rng: Rng) -> Drawn:
    return scale(rng, "Bias")


def inner_product(rng: Rng) -> Drawn:
    shape = any_shape(rng, least=2)
    values = {
        "num_output": int(rng.integers(1, 5)),
        "bias_term": flag(rng),
        "transpose": flag(rng),
        "axis": maybe(rng, one_of(rng, [*range(1, len(shape)), -1])),
    }
    return Drawn("InnerProduct", settings("inner_product_param", values), (x(rng, *shape),))


def embed(rng: Rng) -> Drawn:
    rows = rng.integers(0, 7, any_shape(rng)).astype(np.float32)
    values = {"num_output": 3, "input_dim": 7, "bias_term": flag(rng)}
    return Drawn("Embed", settings("embed_param", values), (rows,))


def spp(rng: Rng) -> Drawn:
    values = {"pyramid_height": int(rng.integers(1, 4)), "pool": one_of(rng, ["MAX", "AVE"])}
    return Drawn("SPP", settings("spp_param", values), (x(rng, *image(rng, least=7)),))


def im2col(rng: Rng) -> Drawn:
    values = window(rng, dilated=True)
    return Drawn("Im2col", settings("convolution_param", values), (x(rng, *image(rng, least=6)),))


def batch_norm(rng: Rng) -> Drawn:
    values = {"use_global_stats": maybe(rng, True), "eps": maybe(rng, 0.01)}
    shape = any_shape(rng, least=2)
    return Drawn("BatchNorm", settings("batch_norm_param", values), (x(rng, *shape),))


def prelu(rng: Rng) -> Drawn:
    values = {"channel_shared": flag(rng)}
    return Drawn("PReLU", settings("prelu_param", values), (x(rng, *any_shape(rng, least=2)),))


def activation(rng: Rng) -> Drawn:
    kind, text = one_of(
        rng,
        [
            ("ReLU", "relu_param { negative_slope: 0.3 }"),
            ("ELU", "elu_param { alpha: 0.7 }"),
            ("Threshold", "threshold_param { threshold: 0.2 }"),
            *((name, "") for name in ("ReLU", "ELU", "Sigmoid", "TanH", "AbsVal", "BNLL")),
        ],
    )
    return Drawn(kind, text, (3 * x(rng, *any_shape(rng)),))


def batch_reindex(rng: Rng) -> Drawn:
    shape = [4, *any_shape(rng)]
    indices = rng.integers(0, 4, int(rng.integers(1, 7))).astype(np.float32)
    return Drawn("BatchReindex", "", (x(rng, *shape), indices))


def permute(rng: Rng) -> Drawn:
    order = rng.permutation(4)[: int(rng.integers(1, 5))].tolist()
    values = {"order": order}
    return Drawn("Permute", settings("permute_param", values), (x(rng, *image(rng)),))


def normalize(rng: Rng) -> Drawn:
    values = {"across_spatial": flag(rng), "channel_shared": flag(rng), "eps": maybe(rng, 0.01)}
    return Drawn("Normalize", settings("norm_param", values), (x(rng, *image(rng)),))


def prior_box(rng: Rng) -> Drawn:
    """`flip` and `clip` are always values: their defaults are not the same in all forks."""
    small = [4.0, 7.5][: int(rng.integers(1, 3))]
    values = {
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
    return Drawn("PriorBox", settings("prior_box_param", values), bottoms)


def detection_output(rng: Rng) -> Drawn:
    priors, classes = 24, int(rng.integers(2, 5))
    shared = bool(rng.integers(2))
    values = {
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
    text = settings("detection_output_param", values)
    text = f"{text[:-1]} {settings('nms_param', suppression)} }}"
    return Drawn(
        "DetectionOutput",
        text,
        (
            x(rng, 2, priors * 4 * (1 if shared else classes)),
            (confidences / confidences.sum(-1, keepdims=True)).reshape(2, -1).astype(np.float32),
            np.stack([boxes.reshape(-1), variances])[None].astype(np.float32),
        ),
    )


def recurrent(rng: Rng) -> Drawn:
    """The streams go on where `cont` is 1; a third bottom is the same in every step."""
    time, streams, inputs = 4, 2, 3
    cont = (rng.random((time, streams)) < 0.7).astype(np.float32)
    bottoms = [x(rng, time, streams, inputs), cont]
    if rng.random() < 0.4:
        bottoms.append(x(rng, streams, 2))
    values = {"num_output": int(rng.integers(1, 4))}
    kind = one_of(rng, ["LSTM", "RNN"])
    return Drawn(kind, settings("recurrent_param", values), tuple(bottoms))


DRAWS: tuple[Callable[[Rng], Drawn], ...] = (
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
