"""Both checks see faults of every kind: `check`, and the one that each conversion runs.

The one compares the right graph with the wrong one, the other with the Keras model that is raised
from the wrong one, as if raising had made the fault.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

import bridge
from bridge.check.verify import check_keras
from bridge.convert import raise_onnx
from bridge.errors import CheckError
from tests.check.faults.seeded_faults import FAULTS, seeded
from tests.helpers.small_net import Small
from tests.real.nets import ALL, Net

# Those that are looked at every time; all others take minutes together.
QUICK = {"lenet_bvlc_iter10000", "mtcnn_det1", "hyperlpr_segmentation"}

faults = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
Fault = Callable[[onnx.ModelProto], None]


def both_see(fault: Fault, right: Path) -> None:
    wrong = seeded(onnx.load(right), fault)
    report = bridge.check(right, wrong)
    assert report.verdict == "differs", report
    raised = raise_onnx(wrong, check=False)
    with pytest.raises(CheckError, match="differs"):
        check_keras(raised.model, raised.plan, right)


@faults
def test_a_fault_in_a_small_net_is_seen(fault: Fault, small: Small) -> None:
    both_see(fault, small.onnx)


@faults
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.nightly]) for n in ALL],
)
def test_a_fault_in_a_trained_net_is_seen(
    name: str, fault: Fault, real_models: Path, tmp_path: Path
) -> None:
    net = Net(real_models / name)
    bridge.caffe_to_onnx(net.prototxt, net.caffemodel, tmp_path / "net.onnx", check=False)
    both_see(fault, tmp_path / "net.onnx")


def vgg16() -> str:
    """The 16 layers of VGG, with weights from fillers, on small images."""
    blob, layers = "data", []

    def add(name: str, kind: str, parameters: str = "", *, in_place: bool = False) -> None:
        nonlocal blob
        top = blob if in_place else name
        ends = f'name: "{name}" type: "{kind}" bottom: "{blob}" top: "{top}"'
        layers.append(f"layer {{ {ends} {parameters} }}")
        blob = top

    filler = 'weight_filler { type: "msra" }'
    for block, (count, outputs) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
        for i in range(1, count + 1):
            window = f"num_output: {outputs} kernel_size: 3 pad: 1 {filler}"
            add(f"conv{block}_{i}", "Convolution", f"convolution_param {{ {window} }}")
            add(f"relu{block}_{i}", "ReLU", in_place=True)
        add(f"pool{block}", "Pooling", "pooling_param { pool: MAX kernel_size: 2 stride: 2 }")
    for name, outputs in (("fc6", 4096), ("fc7", 4096), ("fc8", 1000)):
        add(name, "InnerProduct", f"inner_product_param {{ num_output: {outputs} {filler} }}")
        if name != "fc8":
            add(f"relu_{name}", "ReLU", in_place=True)
    add("prob", "Softmax")
    shape = "input_param { shape { dim: 1 dim: 3 dim: 32 dim: 32 } }"
    return "\n".join([f'layer {{ name: "data" type: "Input" top: "data" {shape} }}', *layers])


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vgg")
    (folder / "net.prototxt").write_text(vgg16())
    bridge.caffe_to_onnx(folder / "net.prototxt", output=folder / "net.onnx", check=False)
    return folder / "net.onnx"


@pytest.mark.nightly
@faults
def test_a_fault_in_vgg_is_seen(fault: Fault, vgg: Path) -> None:
    both_see(fault, vgg)
