"""Folding BatchNormalization: the same numbers, one node fewer, names kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.caffe import read
from bridge.caffe.write import write_caffemodel
from bridge.check.runners import OnnxRunner
from bridge.graph.io import save
from bridge.lower import lower
from bridge.lower.fold_bn import fold_batch_norms
from bridge.lower.model import LoweredModel
from tests.helpers.golden_cases import assert_close, case


def kinds(model: LoweredModel) -> list[str]:
    return [node.op_type for node in model.proto.graph.node]


@pytest.mark.parametrize("name", ["bn_scale_relu_inplace", "net_mobilenet"])
def test_a_golden_net_says_the_same_without_normalisations(name: str, tmp_path: Path) -> None:
    net = case(name)
    model = fold_batch_norms(lower(read(net.prototxt, net.caffemodel)))
    assert "BatchNormalization" not in kinds(model)
    results = OnnxRunner(save(model, tmp_path / "net.onnx")).run(net.inputs)
    for output, expected in net.outputs.items():
        assert_close(results[output], expected, output)


def test_a_normalisation_before_a_convolution_stays() -> None:
    net = case("net_densenet")
    before = lower(read(net.prototxt, net.caffemodel))
    assert "BatchNormalization" in kinds(fold_batch_norms(before))


LAYERS = {
    "Convolution": "convolution_param { num_output: 4 kernel_size: 3 group: %d %s }",
    "Deconvolution": "convolution_param { num_output: 4 kernel_size: 3 group: %d %s }",
    "InnerProduct": "inner_product_param { num_output: 4 %.0s %s }",
}


@given(
    kind=st.sampled_from(sorted(LAYERS)),
    group=st.sampled_from([1, 2]),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=40)
def test_folded_and_unfolded_agree(
    kind: str, group: int, bias: bool, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fold")
    generator = np.random.default_rng(seed)
    settings_text = LAYERS[kind] % (group, "" if bias else "bias_term: false")
    (folder / "net.prototxt").write_text(
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [2, 4, 5, 5] } } }'
        f'layer {{ name: "l" type: "{kind}" bottom: "x" top: "l" {settings_text} }}'
        'layer { name: "n" type: "BatchNorm" bottom: "l" top: "n" batch_norm_param { eps: 0.1 } }',
        encoding="utf-8",
    )
    shape = {
        "Convolution": (4, 4 // group, 3, 3),
        "Deconvolution": (4, 4 // group, 3, 3),
        "InnerProduct": (4, 100),
    }[kind]
    blobs = [generator.normal(size=shape), generator.normal(size=4)][: 1 + bias]
    statistics = [generator.normal(size=4), generator.uniform(0, 2, 4), [2.0]]
    write_caffemodel(
        folder / "net.caffemodel",
        "net",
        [
            ("l", kind, [np.float32(blob) for blob in blobs]),
            ("n", "BatchNorm", [np.float32(blob) for blob in statistics]),
        ],
    )
    model = lower(read(folder / "net.prototxt", folder / "net.caffemodel"))
    folded = fold_batch_norms(model)
    assert kinds(folded).count("BatchNormalization") == 0
    assert len(folded.weights) == 2
    x = {"x": generator.normal(size=(3, 4, 5, 5)).astype(np.float32)}
    expected = OnnxRunner(save(model, folder / "a.onnx")).run(x)["n"]
    assert_close(OnnxRunner(save(folded, folder / "b.onnx")).run(x)["n"], expected)
