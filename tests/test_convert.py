from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridge.convert import raise_caffe, raise_onnx
from tests.helpers.keras_against_onnx import graph

# Layers of forks that are written out in several operators, so that all of these are to be raised.
FORKS = {
    "resizing": """
        layer { name: "a" type: "Upsample" bottom: "x" top: "a"
          upsample_param { height: 7 width: 20 mode: NEAREST } }
        layer { name: "b" type: "Interp" bottom: "x" top: "b"
          interp_param { height: 9 width: 3 interp_type: "nearest_neighbor" } }
        layer { name: "c" type: "Resample" bottom: "x" top: "c"
          resample_param { type: NEAREST factor: 2 } }""",
    "sampling": """
        layer { name: "s" type: "SpatialTransformer" bottom: "x" bottom: "theta" top: "s" }
        layer { name: "d" type: "DeformableConvolution" bottom: "s" bottom: "offset" top: "d"
          deformable_convolution_param { num_output: 4 kernel_size: 3 pad: 1
            weight_filler { type: "xavier" } } }
        layer { name: "m" type: "Eltwise" bottom: "d" bottom: "x" top: "m"
          eltwise_param { operation: MIN } }""",
    "detecting": """
        layer { name: "p" type: "PriorBox" bottom: "x" bottom: "x" top: "p"
          prior_box_param { fixed_size: 4 density: 1 } }
        layer { name: "d" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "p"
          bottom: "is_object" bottom: "refining" top: "d" detection_output_param {
            num_classes: 2 code_type: CENTER_SIZE keep_top_k: 7 confidence_threshold: 0.01
            nms_param { nms_threshold: 0.6 eta: 0.9 top_k: 20 } } }""",
}
INPUTS = {
    "resizing": {"x": (1, 4, 5, 7)},
    "sampling": {"x": (1, 4, 5, 7), "theta": (1, 6), "offset": (1, 18, 5, 7)},
    "detecting": {
        "x": (1, 4, 5, 7),
        "loc": (1, 140),
        "conf": (1, 70),
        "is_object": (1, 70),
        "refining": (1, 140),
    },
}


@pytest.mark.parametrize("family", FORKS)
def test_layers_of_forks_reach_keras(tmp_path: Path, family: str) -> None:
    """Both checks hold them to onnxruntime; what they compute is held to numpy in tests/lower."""
    path = tmp_path / "net.prototxt"
    inputs = "".join(
        f'input: "{name}" input_shape {{ {" ".join(f"dim: {size}" for size in shape)} }}\n'
        for name, shape in INPUTS[family].items()
    )
    path.write_text(inputs + FORKS[family], encoding="utf-8")
    done = raise_caffe(path)
    assert done.report is not None
    assert done.report.ok, str(done.report)


def test_weights_are_looked_at_for_nan_with_the_check_alone() -> None:
    """Without it nothing is read that has only to be moved."""
    constants = {"k": np.array([[np.nan, 1], [2, 3]], np.float32)}
    model = graph("g (float[n,2] x) => (float[n,2] y) { y = MatMul(x, k) }", constants)
    said = "weight 'k': 1 of its 4 numbers are NaN or infinite"
    assert said in raise_onnx(model).warnings
    assert said not in raise_onnx(model, check=False).warnings
