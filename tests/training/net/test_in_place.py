from __future__ import annotations

from pathlib import Path

import pytest

from bridge.caffe import read
from bridge.errors import UnsupportedLayerError
from bridge.training.net.in_place import Overwritten, overwritten


def of(folder: Path, *types: str):
    lines = ['input: "x" input_shape { dim: 1 dim: 3 dim: 4 dim: 4 }']
    lines.append('layer { name: "first" type: "Power" bottom: "x" top: "a" }')
    lines += [
        f'layer {{ name: "l{i}" type: "{kind}" bottom: "a" top: "a" }}'
        for i, kind in enumerate(types)
    ]
    text = "\n".join(lines).replace('"Power" bottom: "x"', '"Convolution" bottom: "x"', 1)
    (folder / "net.prototxt").write_text(text)
    return overwritten(read(folder / "net.prototxt", phase="TRAIN"))


def test_a_relu_that_another_layer_writes_over_is_found(tmp_path: Path) -> None:
    """Real Caffe's gradients of such a net are in the run `batchnorm`."""
    assert of(tmp_path, "ReLU", "BatchNorm", "Scale") == {
        "l0": Overwritten("l0", "a:l0", "a", 0.0),
    }


@pytest.mark.parametrize(
    "types",
    [("BatchNorm", "Scale", "ReLU"), ("ReLU", "Dropout"), ("PReLU", "BatchNorm"), ("TanH",)],
)
def test_other_layers_keep_what_they_need(tmp_path: Path, types: tuple[str, ...]) -> None:
    assert of(tmp_path, *types) == {}


@pytest.mark.parametrize("types", [("TanH", "Dropout"), ("Sigmoid", "BatchNorm"), ("ELU", "Scale")])
def test_a_gradient_that_is_none_is_refused(tmp_path: Path, types: tuple[str, ...]) -> None:
    with pytest.raises(UnsupportedLayerError, match="written over its result"):
        of(tmp_path, *types)


@pytest.mark.parametrize(
    ("layer", "reads"),
    [
        ('type: "Eltwise" bottom: "a"', False),
        ('type: "Eltwise" bottom: "a" eltwise_param { operation: MAX }', False),
        ('type: "Eltwise" bottom: "a" eltwise_param { operation: PROD }', False),
        (
            'type: "Eltwise" bottom: "a" eltwise_param { operation: PROD stable_prod_grad: false }',
            True,
        ),
        ('type: "Power" power_param { scale: 0.5 shift: 1 }', False),
        ('type: "Power" power_param { power: 2 }', True),
    ],
)
def test_what_a_backward_pass_reads_depends_on_settings(
    layer: str, reads: bool, tmp_path: Path
) -> None:
    """Real Caffe's gradients of all that read nothing are in the run `residual_in_place`."""
    text = f"""
input: "a" input_shape {{ dim: 1 dim: 3 dim: 4 dim: 4 }}
layer {{ name: "b" bottom: "a" top: "b" {layer} }}
layer {{ name: "relu" type: "ReLU" bottom: "b" top: "b" }}"""
    (tmp_path / "net.prototxt").write_text(text)
    net = read(tmp_path / "net.prototxt", phase="TRAIN")
    if reads:
        with pytest.raises(UnsupportedLayerError, match="written over its result"):
            overwritten(net)
    else:
        assert overwritten(net) == {}
