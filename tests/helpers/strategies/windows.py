"""Strategies for the windows of convolutions and poolings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.strategies.nodes import Draw, Shape


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
    equal = one.map(lambda axis: [axis] * rank)
    axes = draw(st.one_of(equal, st.lists(one, min_size=rank, max_size=rank)))
    spatial, kernel, strides, dilations, begins, ends = zip(*axes, strict=True)
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
