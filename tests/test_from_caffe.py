from __future__ import annotations

from pathlib import Path

from bridge.from_caffe import files_of, lowered_net
from bridge.public.options import LoweringOptions
from tests.helpers.golden_cases import case

NET = case("bn_scale_relu_inplace")


def operators(**options: object) -> list[str]:
    lowered = lowered_net(NET.prototxt, NET.caffemodel, LoweringOptions.of(options))
    return [node.op_type for node in lowered.proto.graph.node]


def test_the_options_shape_the_graph() -> None:
    plain = operators()
    assert "BatchNormalization" in plain
    assert "BatchNormalization" not in operators(fold_bn=True)
    assert len(operators(scale=0.5)) > len(plain)


def test_one_output_is_named_without_a_list() -> None:
    first = lowered_net(NET.prototxt, NET.caffemodel, LoweringOptions()).proto.graph.node[0]
    assert operators(outputs=first.output[0]) == operators(outputs=[first.output[0]]) == ["Conv"]


def test_without_a_caffemodel_the_fillers_give_the_weights() -> None:
    lowered = lowered_net(NET.prototxt, NET.caffemodel, LoweringOptions())
    filled = lowered_net(NET.prototxt, None, LoweringOptions())
    assert {name: weight.shape for name, weight in filled.weights.items()} == {
        name: weight.shape for name, weight in lowered.weights.items()
    }


def test_the_files_of_a_net_are_those_that_are_read(tmp_path: Path) -> None:
    mean, plugin = tmp_path / "mean.binaryproto", tmp_path / "rules.py"
    options = LoweringOptions(mean=mean, plugin=plugin)
    files = files_of(NET.prototxt, str(NET.caffemodel), options)
    assert files == [NET.prototxt, NET.caffemodel, mean, plugin]
    assert files_of(NET.prototxt, None, LoweringOptions(mean=(1.0, 2.0))) == [NET.prototxt]
    assert files_of(NET.prototxt, tmp_path, LoweringOptions()) == [NET.prototxt]
