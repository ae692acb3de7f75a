"""The shapes of maps whose sizes are free: of convolutions, poolings, resized maps and blocks.

(onnx.ai/onnx/operators)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bridge.graph.shapes.known import Known, Sizes, product_of
from bridge.layout.size import Size, product, quotient, rounded_quotient, total


@dataclass(frozen=True)
class _Windows:
    """The attributes of a convolution or a pooling along its spatial axes."""

    extents: Sequence[int]
    strides: Sequence[int]
    begins: Sequence[int]
    ends: Sequence[int]
    auto_pad: str


def _windows(known: Known, rank: int) -> _Windows | None:
    of = known.node.attributes
    weight = known.sizes(1)
    default = weight[2:] if weight is not None and "kernel_shape" not in of else (1,) * rank
    kernel = of.get_ints("kernel_shape", default)
    strides, dilations = (of.get_ints(name, (1,) * rank) for name in ("strides", "dilations"))
    pads = of.get_ints("pads", (0,) * 2 * rank)
    if {len(kernel), len(strides), len(dilations), len(pads) / 2} != {rank}:
        return None
    extents = [
        1 + (k - 1) * d for k, d in zip(kernel, dilations, strict=True) if isinstance(k, int)
    ]
    if len(extents) < rank:
        return None
    auto_pad = of.get_string("auto_pad", "NOTSET")
    return _Windows(extents, strides, pads[:rank], pads[rank:], auto_pad)


def _conv(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    windows, weight = _windows(known, len(x) - 2), known.sizes(1)
    if windows is None or weight is None:
        return None
    return [[x[0], weight[0], *_of_windows(windows, x[2:], is_up=False)]]


def _pool(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    windows = _windows(known, len(x) - 2)
    if windows is None:
        return None
    is_up = bool(known.node.attributes.get_int("ceil_mode", 0))
    shape = [*x[:2], *_of_windows(windows, x[2:], is_up)]
    return [shape] * len(known.node.outputs)


def _of_windows(windows: _Windows, spatial: Sizes, is_up: bool) -> list[Size | None]:
    columns = zip(
        spatial, windows.extents, windows.strides, windows.begins, windows.ends, strict=True
    )
    return [_count(*column, windows.auto_pad, is_up) for column in columns]


def _count(
    size: Size | None, extent: int, stride: int, begin: int, end: int, auto_pad: str, is_up: bool
) -> Size | None:
    """How many windows there are along an axis."""
    if size is None or stride < 1:
        return None
    if auto_pad.startswith("SAME"):
        return rounded_quotient(total((size, stride - 1)), stride)
    if auto_pad == "VALID":
        begin = end = 0
    # A window that would begin in the padding is none, if there can be one, see graph/sizes.py.
    if is_up and stride + end > extent:
        return None
    spare = total((size, begin + end - extent + (stride - 1 if is_up else 0)))
    return total((rounded_quotient(spare, stride), 1))


def _conv_transpose(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    windows, weight, rank = _windows(known, len(x) - 2), known.sizes(1), len(x) - 2
    of = known.node.attributes
    if windows is None or weight is None or weight[1] is None:
        return None
    sizes: list[Size | None] = list(of.get_ints("output_shape", ())[-rank:])
    if not sizes:
        extra = of.get_ints("output_padding", (0,) * rank)
        columns = zip(x[2:], windows.extents, windows.strides, strict=True)
        padded = zip(columns, windows.begins, windows.ends, extra, strict=True)
        for (size, extent, stride), begin, end, more in padded:
            by = None if size is None else product((size, stride))
            rest = extent - stride + more - begin - end
            same = windows.auto_pad.startswith("SAME")
            sizes.append(by if by is None or same else total((by, rest)))
    return [[x[0], product((weight[1], of.get_int("group", 1))), *sizes]]


def _resize(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    of = known.node.attributes
    _, _, scales, target = (*known.elements, *[None] * 4)[:4]
    axes = [axis % len(x) for axis in of.get_ints("axes", range(len(x)))]
    crops = of.get_string("coordinate_transformation_mode", "") == "tf_crop_and_resize"
    policy = of.get_string("keep_aspect_ratio_policy", "stretch")
    if crops or policy != "stretch" or not (scales or target):
        return None
    sizes = [*x]
    for axis, number in zip(axes, target or scales or (), strict=False):
        sizes[axis] = number if target else product_of((x[axis], number))
    return [sizes]


def _depth_to_space(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    block = known.node.attributes.get_int("blocksize", 1)
    if len(x) != 4 or block < 1 or x[1] is None:
        return None
    return [[x[0], quotient(x[1], block * block), *(product_of((s, block)) for s in x[2:])]]


def _space_to_depth(known: Known) -> Sequence[Sizes | None] | None:
    x = known.x
    block = known.node.attributes.get_int("blocksize", 1)
    if len(x) != 4 or block < 1:
        return None
    spatial = [None if size is None else rounded_quotient(size, block) for size in x[2:]]
    return [[x[0], product_of((x[1], block * block)), *spatial]]


MAP_RULES: Mapping[str, Callable[[Known], Sequence[Sizes | None] | None]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), _pool),
    "Resize": _resize,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
}
