"""Forks' fields, all the way to Keras: each conversion compares what it made, and the map says how
every weight came about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.caffe import read
from bridge.caffe.write import write_caffemodel
from bridge.convert import raise_caffe
from tests.helpers.golden_cases import assert_close
from tests.helpers.map_evaluation import evaluated

NET = """
input: "data" input_shape { dim: 2 dim: 4 dim: 17 dim: 17 }
layer { name: "hole" type: "Convolution" bottom: "data" top: "hole"
  convolution_param { num_output: 6 kernel_size: 3 pad: 2 hole: 2 relu: true
    negative_slope: 0.25 } }
layer { name: "nvidia" type: "BatchNorm" bottom: "hole" top: "nvidia"
  batch_norm_param { scale_bias: true } }
layer { name: "intel" type: "BatchNorm" bottom: "nvidia" top: "intel"
  batch_norm_param { use_weight_bias: true relu: true } }
layer { name: "exported" type: "BatchNorm" bottom: "intel" top: "exported" }
layer { name: "scale" type: "Scale" bottom: "exported" top: "scale" }
layer { name: "instance" type: "BatchNorm" bottom: "scale" top: "instance"
  batch_norm_param { instance_norm: true eps: 0.01 } }
layer { name: "up" type: "Deconvolution" bottom: "instance" top: "up"
  convolution_param { num_output: 4 kernel_size: 2 hole: 2 bias_term: false } }
layer { name: "selu" type: "ELU" bottom: "up" top: "selu" elu_param { alpha: 1.67 lambda: 1.05 } }
layer { name: "cut" type: "ReLU" bottom: "selu" top: "cut"
  relu_param { negative_slope: 0.5 upper_limit: 2 } }
layer { name: "mean" type: "Pooling" bottom: "cut" top: "mean"
  pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 avg_include_pad: false } }
layer { name: "most" type: "Pooling" bottom: "mean" top: "most"
  pooling_param { kernel_size: 3 kernel_size: 2 stride: 1 stride: 2 torch_pooling: true } }
layer { name: "rrelu" type: "RReLU" bottom: "most" top: "rrelu" rrelu_param { lb: 3 ub: 8 } }
layer { name: "flip" type: "Flip" bottom: "rrelu" top: "flip"
  flip_param { flip_width: true flip_height: false } }
layer { name: "gradient" type: "GradientScaler" bottom: "flip" top: "gradient" }
layer { name: "dilated" type: "Pooling" bottom: "gradient" top: "dilated"
  pooling_param { kernel_size: 2 dilation: 2 } }
layer { name: "apart" type: "Pooling" bottom: "gradient" top: "apart"
  pooling_param { pool: AVE kernel_size: 2 dilation: 2 } }
layer { name: "sum" type: "Eltwise" bottom: "dilated" bottom: "apart" top: "sum" }
layer { name: "depthwise" type: "ConvolutionDepthwise" bottom: "sum" top: "depthwise"
  convolution_param { kernel_size: 2 bias_term: false } }
layer { name: "unit" type: "FcRistretto" bottom: "depthwise" top: "unit"
  inner_product_param { num_output: 5 normalize: true relu: true negative_slope: 0.1 }
  quantization_param { bw_params: 8 } }
layer { name: "prob" type: "Softmax" bottom: "unit" top: "prob"
  softmax_param { scaling_temperature: 0.25 } }
"""

rng = np.random.default_rng(0)


def drawn(*shape: int) -> NDArray[np.float32]:
    return rng.standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> NDArray[np.float32]:
    return rng.uniform(0.5, 2, shape).astype(np.float32)


BLOBS = {
    "hole": [drawn(6, 4, 3, 3), drawn(6)],
    "nvidia": [drawn(6), positive(6), positive(1), positive(6), drawn(6)],
    "intel": [drawn(6), positive(6), positive(1), positive(6), drawn(6)],
    "exported": [drawn(1, 6, 1, 1), positive(1, 6, 1, 1)],
    "scale": [positive(1, 6, 1, 1)],
    "instance": [drawn(6), positive(6), positive(1)],
    "up": [drawn(6, 4, 2, 2)],
    "depthwise": [drawn(4, 1, 2, 2)],
    "unit": [3 * drawn(5, 4 * 5 * 2), drawn(5)],
}


def test_forks_fields_reach_keras(tmp_path: Path) -> None:
    prototxt, caffemodel = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    prototxt.write_text(NET)
    write_caffemodel(caffemodel, "forks", [(name, "", blobs) for name, blobs in BLOBS.items()])
    done = raise_caffe(prototxt, caffemodel)
    net = read(prototxt, caffemodel)
    of_blobs = [
        weight for weight in done.map.weights if any(source.layer for source in weight.sources)
    ]
    assert {source.layer for weight in of_blobs for source in weight.sources} == {
        *BLOBS.keys() - {"instance"}
    }
    for weight in of_blobs:
        if not weight.role.startswith("argument"):
            variable = getattr(done.model.get_layer(weight.layer), weight.role)
            assert_close(variable.numpy(), evaluated(weight, net, {}), str(weight))
