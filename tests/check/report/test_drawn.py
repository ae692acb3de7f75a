"""The graph of a comparison."""

from __future__ import annotations

from pathlib import Path

import bridge
from bridge.check.backends.backend import Origin
from bridge.check.report.drawn import steps_of
from bridge.drawing.diagram import INPUT, Step
from tests.helpers.golden_cases import case


def test_inputs_come_first_and_weights_are_left_out() -> None:
    split = Origin("split", "Split", ("y",))
    origins = {"y": Origin("conv", "Conv", ("x", "conv.weight")), "a": split, "b": split}
    assert steps_of(origins, ["x"]) == [
        Step("x", INPUT, (), ("x",)),
        Step("conv", "Conv", ("x",), ("y",)),
        Step("split", "Split", ("y",), ("a", "b")),
    ]


def test_a_page_has_the_graph_with_what_was_found_of_each_value(tmp_path: Path) -> None:
    net = case("bn_scale_relu_inplace")
    bridge.caffe_to_onnx(net.prototxt, net.caffemodel, tmp_path / "net.onnx", check=False)
    report = bridge.check(
        tmp_path / "net.onnx", (net.prototxt, net.caffemodel), report=tmp_path / "page.html"
    )
    assert report.diagram is not None
    forms = {node.name: [*node.forms] for node in report.diagram.nodes}
    assert forms == {"data": [], **{name: ["Caffe", "ONNX"] for name in ("conv", "bn", "relu")}}
    assert report.diagram.notes["conv"].text == "equal"
    assert [name for name, value in report.diagram.values.items() if value.is_output] == ["conv"]
    assert report.diagram.values["conv"].shape == (2, 5, 5, 4)
    assert report.diagram.values["data"].shape == ("batch", 3, 7, 6)


def test_two_recordings_have_no_graph(tmp_path: Path) -> None:
    io = case("conv_basic_k3").folder / "io.npz"
    assert bridge.check(io, io, report=tmp_path / "page.html").diagram is None
