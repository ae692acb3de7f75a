"""Resize where sizes are free, held to onnxruntime at several of them."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import (
    Raised,
    graph,
    in_onnxruntime,
    plan_of,
    raise_and_compare,
    seeded,
)

MODES = (
    'mode="linear"',
    'mode="cubic"',
    'mode="cubic", cubic_coeff_a=-0.5',
    *(
        f'mode="nearest", nearest_mode="{rounding}"'
        for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    ),
)
SIZES = ((1, 5, 4, 3, 7), (2, 3, 6, 9, 2), (1, 1, 1, 2, 3), (1, 4, 4, 1, 1))


def hold(text: str, sizes: tuple[tuple[int, ...], ...] = SIZES) -> Raised:
    """A graph of x: n 2 h w, and perhaps y: n 2 a b, right at several sizes."""
    model = graph(text)
    raised: Raised | None = None
    for n, h, w, a, b in sizes:
        feeds = {"x": seeded((n, 2, h, w)), "y": seeded((n, 2, a, b))}
        feeds = {value.name: feeds[value.name] for value in model.graph.input}
        if raised is None:
            raised = raise_and_compare(model, feeds)
        received, expected = raised.run(feeds), in_onnxruntime(model, feeds)
        for name, array in expected.items():
            np.testing.assert_allclose(received[name], array, rtol=1e-4, atol=2e-5, err_msg=name)
    assert raised is not None
    return raised


@pytest.mark.parametrize(
    "coordinates",
    ["half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "align_corners", "asymmetric"],
)
def test_to_the_sizes_of_another_map(coordinates: str) -> None:
    outputs = ", ".join(f"float[n,2,a,b] z{index}" for index in range(len(MODES)))
    nodes = " ".join(
        f'z{i} = Resize<{mode}, coordinate_transformation_mode="{coordinates}">(x, , , sizes)'
        for i, mode in enumerate(MODES)
    )
    raised = hold(
        f"g (float[n,2,h,w] x, float[n,2,a,b] y) => ({outputs}) {{ sizes = Shape(y) {nodes} }}"
    )
    assert not raised.plan.permutations


@pytest.mark.parametrize("coordinates", ["half_pixel", "asymmetric", "half_pixel_symmetric"])
@pytest.mark.parametrize("scales", [(2.0, 1.5), (0.5, 1.4)])
def test_by_scales(coordinates: str, scales: tuple[float, float]) -> None:
    outputs = ", ".join(f"float[n,2,p,q] z{index}" for index in range(len(MODES)))
    nodes = " ".join(
        f'z{i} = Resize<{mode}, coordinate_transformation_mode="{coordinates}">(x, , scales)'
        for i, mode in enumerate(MODES)
    )
    text = f"""g (float[n,2,h,w] x) => ({outputs})
        <float[4] scales = {{1.0, 1.0, {scales[0]}, {scales[1]}}}> {{ {nodes} }}"""
    hold(text, ((1, 5, 4, 0, 0), (2, 3, 7, 0, 0), (1, 4, 2, 0, 0)))


@pytest.mark.parametrize(
    ("attributes", "scale"),
    [
        ('mode="nearest"', 2),
        ('mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"', 3),
        ('mode="linear"', 2),
    ],
)
def test_whole_scales_are_an_up_sampling_layer(attributes: str, scale: int) -> None:
    raised = hold(
        f"""g (float[n,2,h,w] x) => (float[n,2,p,q] z)
        <float[4] scales = {{1.0, 1.0, {scale}.0, {scale}.0}}> {{
            z = Resize<{attributes}>(x, , scales)
        }}""",
        ((1, 5, 4, 0, 0), (2, 3, 6, 0, 0)),
    )
    assert [call.target for call in raised.plan.calls] == ["layers.UpSampling2D"]


def test_a_size_that_is_twice_the_own_is_an_up_sampling_layer() -> None:
    raised = hold(
        """g (float[n,2,h,w] x) => (float[n,2,p,q] z) <int64[4] by = {1, 1, 2, 2}> {
            shape = Shape(x)  sizes = Mul(shape, by)  z = Resize<mode="nearest">(x, , , sizes)
        }""",
        ((1, 5, 4, 0, 0), (2, 3, 6, 0, 0)),
    )
    assert "layers.UpSampling2D" in [call.target for call in raised.plan.calls]


@pytest.mark.parametrize(
    "attributes",
    [
        'mode="linear", antialias=1',
        'mode="cubic", exclude_outside=1',
        'keep_aspect_ratio_policy="not_larger"',
    ],
)
def test_what_is_refused(attributes: str) -> None:
    text = f"""g (float[n,2,h,w] x, float[n,2,a,b] y) => (float[n,2,p,q] z) {{
        sizes = Shape(y)  z = Resize<{attributes}>(x, , , sizes)
    }}"""
    with pytest.raises(UnsupportedOperatorError, match="fix the sizes of the inputs"):
        plan_of(graph(text, opset=19))
