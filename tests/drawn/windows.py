"""Nodes to draw from: windows that go over maps, and normalisations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.node_strategies import (
    _LARGEST,
    Draw,
    Drawn,
    Shape,
    Tensor,
    image,
    row,
    shapes,
    sizes,
    values,
    vector,
)


@dataclass(frozen=True)
class Windows:
    """The spatial sizes of a tensor, and a window that fits them."""

    sizes: Shape
    kernel: Shape
    attributes: Mapping[str, Any]


@st.composite
def windows(draw: Draw, rank: int, dilated: bool, pooling: bool) -> Windows:
    one = st.tuples(
        st.sampled_from((1, 2, 3, 4, 6, 7)),
        st.integers(1, 3),  # kernel
        st.integers(1, 3),  # stride
        st.integers(1, 2) if dilated else st.just(1),
        st.integers(0, 2),  # pads
        st.integers(0, 2),
    )
    equal = one.map(lambda each: [each] * rank)
    drawn = draw(st.one_of(equal, st.lists(one, min_size=rank, max_size=rank)))
    spatial, kernel, strides, dilations, begins, ends = zip(*drawn, strict=True)
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": strides}
    attributes |= {"dilations": dilations} if max(dilations) > 1 else {}
    auto_pad = draw(st.sampled_from(["NOTSET"] * 4 + ["VALID", "SAME_UPPER", "SAME_LOWER"]))
    if auto_pad.startswith("SAME"):
        assume(max(dilations) == 1)
        # onnxruntime refuses a pooling with gaps between its windows under this option.
        assume(not pooling or all(k >= s for k, s in zip(kernel, strides, strict=True)))
        return Windows(spatial, kernel, {**attributes, "auto_pad": auto_pad})
    if auto_pad == "VALID":
        begins = ends = (0,) * rank
        attributes["auto_pad"] = auto_pad
    elif any(begins + ends):
        attributes["pads"] = begins + ends
    for size, width, dilation, begin, end in zip(
        spatial, kernel, dilations, begins, ends, strict=True
    ):
        assume(size + begin + end >= 1 + (width - 1) * dilation)
        assume(not pooling or max(begin, end) < width)
    return Windows(spatial, kernel, attributes)


@row("Conv")
@st.composite
def conv(draw: Draw, operator: str) -> Drawn:
    rank = draw(st.integers(1, 3))
    at = draw(windows(rank, dilated=True, pooling=False))
    group, inner, outer = draw(
        st.one_of(
            st.tuples(st.just(1), sizes(6), sizes(6)),  # dense
            st.tuples(st.sampled_from((4, 6)), st.just(1), st.just(1)),  # depthwise
            st.tuples(st.sampled_from((2, 3, 4, 6)), st.just(1), st.integers(1, 3)),
            st.tuples(st.integers(2, 3), st.integers(1, 3), st.integers(1, 3)),  # grouped
        )
    )
    batch = draw(st.integers(1, 3))
    assume(batch * group * inner * prod(at.sizes) <= _LARGEST)
    x = draw(image((batch, group * inner, *at.sizes)))
    w = draw(values((group * outer, inner, *at.kernel)))
    b = draw(st.sampled_from([None, draw(vector(group * outer))]))
    attributes = {**at.attributes, **({"group": group} if group > 1 else {})}
    return Drawn((operator,), (x, w) if b is None else (x, w, b), attributes)


@st.composite
def pooled(draw: Draw, rank: int, dilated: bool = False) -> tuple[Tensor, dict[str, Any]]:
    at = draw(windows(rank, dilated, pooling=True))
    lead = draw(shapes(2, 2))
    assume(prod(lead + at.sizes) <= _LARGEST)
    return draw(image(lead + at.sizes)), dict(at.attributes)


@row("MaxPool")
@st.composite
def max_pool(draw: Draw, operator: str) -> Drawn:
    outputs = draw(st.sampled_from([1, 1, 2]))
    rank = draw(st.integers(1, 3)) if outputs == 1 else 2
    x, attributes = draw(pooled(rank, dilated=outputs == 1 and draw(st.booleans())))
    if not attributes.keys() & {"auto_pad", "dilations"}:
        attributes["ceil_mode"] = draw(st.integers(0, 1))
    return Drawn((operator,), (x,), attributes, outputs)


@row("AveragePool")
@st.composite
def average_pool(draw: Draw, operator: str) -> Drawn:
    x, attributes = draw(pooled(draw(st.integers(1, 3))))
    options: list[dict[str, Any]] = [{}, {"count_include_pad": 1}]
    if "auto_pad" not in attributes:
        options.append({"ceil_mode": 1})
    return Drawn((operator,), (x,), attributes | draw(st.sampled_from(options)))


@row("GlobalMaxPool", "GlobalAveragePool")
@st.composite
def global_pool(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), (draw(image(draw(shapes(3, 5)))),))


@row("BatchNormalization")
@st.composite
def batch_normalization(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(2, 5))
    vectors = [draw(vector(shape[1])) for _ in range(3)]
    variance = draw(vector(shape[1], 0.25))
    attributes = draw(st.sampled_from([{}, {"epsilon": 0.01}]))
    return Drawn((operator,), (draw(image(shape)), *vectors, variance), attributes)


@row("LRN")
@st.composite
def lrn(draw: Draw, operator: str) -> Drawn:
    attributes = {"size": draw(st.sampled_from([1, 3, 5])), "alpha": 0.3}
    attributes |= draw(st.sampled_from([{}, {"beta": 0.5, "bias": 2.0}]))
    return Drawn((operator,), (draw(image(draw(shapes(4, 4)))),), attributes)
