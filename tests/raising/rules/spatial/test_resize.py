"""Resize, beyond what the raising law draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Tensor,
    nodes_of,
    shapes,
    sizes,
    tensor,
)

COORDINATES = ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]


COORDINATES += ["half_pixel_symmetric"]


SCALES = [1, 2, 3, 0.5, 1.4, 1.1, 0.7]


ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


@nodes_of("Resize", since=11)
@st.composite
def resize(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(3, 5))
    mode = draw(st.sampled_from(["nearest", "linear"]))
    # onnxruntime's linear mode knows maps, and volumes with their batch and channels at 1 only.
    assume(mode == "nearest" or len(shape) == 4)
    x = draw(tensor(shape))
    attributes: dict[str, Any] = {
        "mode": mode,
        "coordinate_transformation_mode": draw(st.sampled_from(COORDINATES)),
    }
    if mode == "nearest":
        attributes["nearest_mode"] = draw(st.sampled_from(ROUNDINGS))
    if draw(st.booleans()):
        lengths = np.array([draw(sizes(6)) for _ in shape[2:]], np.int64)
        policy = draw(st.sampled_from(["stretch", "not_larger", "not_smaller"]))
        if policy == "stretch" and draw(st.booleans()):
            target = np.array([*shape[:2], *lengths])
            return NodeExample(
                (operator,), (Tensor(x.values), None, None, target), attributes, opset=19
            )
        attributes |= {"axes": [*range(2, len(shape))], "keep_aspect_ratio_policy": policy}
        scale = min(lengths / shape[2:]) if policy == "not_larger" else max(lengths / shape[2:])
        assume(policy == "stretch" or 1 <= min(shape[2:]) * scale <= max(shape[2:]) * scale <= 20)
        return NodeExample(
            (operator,), (Tensor(x.values), None, None, lengths), attributes, opset=19
        )
    scales = np.array([1, 1, *(draw(st.sampled_from(SCALES)) for _ in shape[2:])], np.float32)
    assume(min(np.float32(shape) * scales) >= 1)
    return NodeExample((operator,), (x, None, scales), attributes, opset=19)


# Examples


ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def resized(size: str, attributes: str, numbers: list[float], opset: int = 19) -> onnx.ModelProto:
    by = np.float32 if "scales" in attributes else np.int64
    operands = "x, , by" if "scales" in attributes else "x, , , by"
    attributes = attributes.replace("scales, ", "")
    text = f"""g (float[{size}] x) => (y) {{ y = Resize<{attributes}>({operands}) }}"""
    return graph(text.replace("'", '"'), {"by": np.array(numbers, by)}, opset)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
@pytest.mark.parametrize("axes", ["axes=[2,3], ", ""])
def test_one_scale_keeps_the_aspect_ratio(mode: str, policy: str, axes: str) -> None:
    """Rounded, the sizes have another one: 5 7 becomes 13 18, by a scale of 18/7."""
    sizes = [18, 18] if axes else [1, 2, 18, 18]
    if policy == "not_smaller" and not axes:
        sizes = [1, 2, 3, 4]
    attributes = f"{axes}mode='{mode}', keep_aspect_ratio_policy='{policy}'"
    raise_and_compare(resized("1,2,5,7", attributes, sizes), {"x": seeded((1, 2, 5, 7))})


@pytest.mark.parametrize(
    "coordinates",
    ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"],
)
@pytest.mark.parametrize(
    "mode", ["linear'", *(f"nearest', nearest_mode='{rounding}'" for rounding in ROUNDINGS)]
)
def test_scales_whose_sizes_are_rounded(coordinates: str, mode: str) -> None:
    attributes = f"scales, mode='{mode}, coordinate_transformation_mode='{coordinates}'"
    model = resized("1,2,5,14", attributes, [1, 1, 1.4, 1.2])
    raised = raise_and_compare(model, {"x": seeded((1, 2, 5, 14))})
    assert raised.model.output.shape == (1, 7, 16, 2)


def test_where_no_size_changes_nothing_does() -> None:
    attributes = "scales, mode='linear'"
    raise_and_compare(resized("1,2,4,8", attributes, [1, 1, 1.2, 1.1]), {"x": seeded((1, 2, 4, 8))})


def test_sizes_that_follow_are_known_whatever_a_file_calls_them() -> None:
    model = resized("1,2,5,7", "axes=[2,3], keep_aspect_ratio_policy='not_larger'", [18, 18])
    model.graph.output[0].type.CopyFrom(onnx.helper.make_tensor_type_proto(1, [1, 2, "h", "w"]))
    assert plan_of(model).values["y"].layout.logical_shape == (1, 2, 13, 18)


def test_one_scale_of_a_free_size_is_refused() -> None:
    model = resized("n,2,5,7", "keep_aspect_ratio_policy='not_larger'", [1, 2, 3, 4])
    model.graph.output[0].type.CopyFrom(onnx.helper.make_tensor_type_proto(1, ["n", 2, 3, 4]))
    with pytest.raises(UnsupportedOperatorError, match="of which some have an unknown size"):
        plan_of(model)
