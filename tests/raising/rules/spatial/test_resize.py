"""Resize, beyond what the raising law draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from bridge.errors import UnsupportedOperatorError
from bridge.keras.build import build
from tests.helpers.keras_against_onnx import Raised, graph, plan_of, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Tensor,
    nodes_of,
    shapes,
    sizes,
    tensor,
)

COORDINATES = [
    "half_pixel",
    "align_corners",
    "asymmetric",
    "pytorch_half_pixel",
    "half_pixel_symmetric",
    "tf_crop_and_resize",
]
SCALES = [1, 2, 3, 0.5, 1.4, 1.1, 0.7]
ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


@nodes_of("Resize", since=11)
@st.composite
def resize(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(3, 5))
    mode = draw(st.sampled_from(["nearest", "linear", "cubic"]))
    # onnxruntime's other modes know maps, and volumes with their batch and channels at 1 only.
    assume(mode == "nearest" or len(shape) == 4)
    x = draw(tensor(shape))
    coordinates = draw(st.sampled_from(COORDINATES))
    attributes: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": coordinates}
    if mode == "nearest":
        attributes["nearest_mode"] = draw(st.sampled_from(ROUNDINGS))
    if mode == "cubic":
        attributes["exclude_outside"] = draw(st.integers(0, 1))
        attributes["cubic_coeff_a"] = draw(st.sampled_from([-0.75, -0.5]))
    if coordinates == "tf_crop_and_resize" or draw(st.booleans()):
        return _to_sizes(draw, x, attributes)
    scales = np.array([1, 1, *(draw(st.sampled_from(SCALES)) for _ in shape[2:])], np.float32)
    new_sizes = np.float32(shape) * scales
    assume(min(new_sizes) >= 1)
    assume(coordinates != "align_corners" or np.allclose(new_sizes, new_sizes.astype(int), 0, 1e-4))
    return NodeExample(("Resize",), (x, None, scales), attributes, opset=19)


def _to_sizes(draw: Draw, x: Tensor, attributes: dict[str, Any]) -> NodeExample:
    shape, roi = x.values.shape, None
    lengths = np.array([draw(sizes(6)) for _ in shape[2:]], np.int64)
    policy = draw(st.sampled_from(["stretch", "not_larger", "not_smaller"]))
    if attributes["coordinate_transformation_mode"] == "tf_crop_and_resize":
        rest = len(lengths)
        starts, ends = (
            draw(st.lists(st.sampled_from(at), min_size=rest, max_size=rest))
            for at in ([0.0, 0.25, -0.3], [1.0, 0.6, 1.2])
        )
        kept = lengths == shape[2:]  # there onnxruntime does not crop
        starts, ends = np.where(kept, 0, starts), np.where(kept, 1, ends)
        roi = np.array([0, 0, *starts, 1, 1, *ends], np.float32)
        attributes["extrapolation_value"] = draw(st.sampled_from([0.0, 2.5]))
        policy = "stretch"
    elif attributes["mode"] != "nearest":
        attributes["antialias"] = draw(st.integers(0, 1))
    if policy == "stretch" and (roi is not None or draw(st.booleans())):
        target = np.array([*shape[:2], *lengths])
        return NodeExample(("Resize",), (Tensor(x.values), roi, None, target), attributes, opset=19)
    attributes |= {"axes": [*range(2, len(shape))], "keep_aspect_ratio_policy": policy}
    scale = min(lengths / shape[2:]) if policy == "not_larger" else max(lengths / shape[2:])
    assume(policy == "stretch" or 1 <= min(shape[2:]) * scale <= max(shape[2:]) * scale <= 20)
    return NodeExample(("Resize",), (Tensor(x.values), None, None, lengths), attributes, opset=19)


# Examples


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
    ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric"],
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


def test_aligned_corners_of_a_rounded_size_are_refused() -> None:
    """onnxruntime and ONNX's reference align different points then."""
    attributes = "scales, mode='linear', coordinate_transformation_mode='align_corners'"
    with pytest.raises(UnsupportedOperatorError, match="that gives no whole size"):
        plan_of(resized("1,2,5,14", attributes, [1, 1, 0.7, 0.8]))
    larger = resized("1,2,5,14", attributes, [1, 1, 1.5, 1.2])
    raise_and_compare(larger, {"x": seeded((1, 2, 5, 14))})


def test_sizes_for_a_free_axis() -> None:
    model = resized("1,2,h,7", "mode='linear'", [1, 2, 10, 14])
    for height in (5, 13):
        raise_and_compare(model, {"x": seeded((1, 2, height, 7))})


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_a_filter_against_aliasing_is_wider(mode: str) -> None:
    attributes = f"axes=[2,3], mode='{mode}', antialias=1"
    raise_and_compare(resized("n,2,9,14", attributes, [4, 5]), {"x": seeded((2, 2, 9, 14))})


@pytest.mark.parametrize("coordinates", ["half_pixel", "pytorch_half_pixel"])
def test_whole_factors_are_an_up_sampling_layer(coordinates: str) -> None:
    attributes = f"scales, mode='linear', coordinate_transformation_mode='{coordinates}'"
    model = resized("n,2,5,7", attributes, [1, 1, 2, 3])
    raised = raise_and_compare(model, {"x": seeded((2, 2, 5, 7))})
    assert [call.target for call in raised.plan.calls] == ["layers.UpSampling2D"]


def test_batch_and_channels_can_be_resized() -> None:
    attributes = "mode='linear', coordinate_transformation_mode='asymmetric'"
    model = resized("3,2,5,7", f"{attributes}, axes=[0,1]", [5, 4])
    x = seeded((3, 2, 5, 7))
    (expected,) = ReferenceEvaluator(model).run(None, {"x": x})
    plan = plan_of(model)
    np.testing.assert_allclose(Raised(plan, build(plan)).run({"x": x})["y"], expected, atol=1e-5)


def test_half_pixels_of_old_tensorflow_are_for_the_nearest() -> None:
    text = """g (float[n,2,5,8] x) => (y) {
        y = Resize<coordinate_transformation_mode="tf_half_pixel_for_nn">(x, roi, by)
    }"""
    constants = {"roi": np.zeros(0, np.float32), "by": np.array([1, 1, 1.4, 2], np.float32)}
    raise_and_compare(graph(text, constants, opset=11), {"x": seeded((2, 2, 5, 8))})


def test_interpolated_integers_are_refused() -> None:
    text = "g (int32[1,1,2,2] x) => (y) { y = Resize<mode='linear'>(x, , by) }".replace("'", '"')
    with pytest.raises(UnsupportedOperatorError, match="an interpolation of integers"):
        plan_of(graph(text, {"by": np.array([1, 1, 2, 2], np.float32)}))


@pytest.mark.parametrize("to", [[1, 1, 4, 4], [1, 1, 4, 6]], ids=["both", "one"])
def test_a_crop_of_an_axis_that_keeps_its_size_is_refused(to: list[int]) -> None:
    text = """g (float[1,1,4,4] x) => (y) {
        y = Resize<coordinate_transformation_mode="tf_crop_and_resize">(x, roi, , by)
    }"""
    roi = np.array([0, 0, 0.2, 0.3, 1, 1, 0.8, 0.7], np.float32)
    with pytest.raises(UnsupportedOperatorError, match="onnxruntime only copies"):
        plan_of(graph(text, {"roi": roi, "by": np.array(to)}, opset=13))
