"""Which sizes of inputs are open, and which hold the conversion up."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.parser
import pytest

import bridge
from bridge.raising.open_sizes import OpenSizes, open_sizes
from tests.helpers.golden_cases import case
from tests.helpers.keras_against_onnx import seeded

POOLED = "y = MaxPool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1>(x)"
REFUSED = (
    "these nodes cannot become Keras layers: node 'y' (MaxPool): ceil_mode over an axis of "
    "unknown size"
)


def sizes_of(folder: Path, text: str, **constants: tuple[int, ...]) -> OpenSizes | None:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["":17]>\n{text}')
    for name, shape in constants.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(seeded(shape), name))
    for value in model.graph.input:
        if value.name == "shapeless":
            value.type.tensor_type.ClearField("shape")
    for node in model.graph.node:
        node.name = node.output[0]
    onnx.save(model, folder / "net.onnx")
    return open_sizes(folder / "net.onnx")


def test_a_graph_with_numbers_for_all_sizes_has_none_open(tmp_path: Path) -> None:
    assert sizes_of(tmp_path, "g (float[1,3] x) => (float[1,3] y) { y = Relu(x) }") is None


def test_a_free_batch_is_open_and_holds_nothing_up(tmp_path: Path) -> None:
    sizes = sizes_of(tmp_path, "g (float[N,3] x) => (float[N,3] y) { y = Relu(x) }")
    assert sizes == OpenSizes({"x": ("N", 3)}, (), "", ("--batch", "1"))


def test_the_input_without_whose_sizes_a_graph_is_refused_is_named(tmp_path: Path) -> None:
    text = f"""g (float[?,4] v, float[n,3,h,?] x) => (float[a,4] z, float[n,3,c,d] y) {{
        z = Relu(v)
        {POOLED}
    }}"""
    inputs = {"v": ("?", 4), "x": ("n", 3, "h", "?")}
    options = ("--input-shape", "x:1,3,224,224")
    sizes = sizes_of(tmp_path, text)
    assert sizes == OpenSizes(inputs, ("x",), REFUSED, options)
    path = tmp_path / "net.onnx"
    with pytest.raises(bridge.BridgeError, match="ceil_mode over an axis of unknown size"):
        bridge.onnx_to_keras(path)
    bridge.onnx_to_keras(path, input_shape={"x": (1, 3, 224, 224)}, check=False)


def test_the_batch_alone_is_fixed_where_that_is_enough(tmp_path: Path) -> None:
    text = """g (float[n,3,h,9] x) => (float[n,3,c,d] y) {
        t = Transpose<perm=[2,1,0,3]>(x)
        y = MaxPool<kernel_shape=[1,3], strides=[2,2], ceil_mode=1>(t)
    }"""
    sizes = sizes_of(tmp_path, text)
    assert sizes is not None
    assert (sizes.needed, sizes.options) == (("x",), ("--batch", "1"))


def test_what_no_size_helps_is_told_with_its_reason(tmp_path: Path) -> None:
    text = "g (float[n,3] x) => (float[n,3] y) { y = RandomNormalLike(x) }"
    sizes = sizes_of(tmp_path, text)
    assert sizes is not None
    assert sizes.refused.startswith("no Keras rule for these nodes: node")
    assert (sizes.needed, sizes.options) == ((), ())


def test_a_kernel_says_how_many_axes_and_channels_there_are(tmp_path: Path) -> None:
    text = f"""g (float shapeless) => (float[n,c,h,w] y) {{
        x = Conv(shapeless, k)
        {POOLED}
    }}"""
    sizes = sizes_of(tmp_path, text, k=(4, 5, 3, 3))
    assert sizes is not None
    assert (sizes.inputs, sizes.needed) == ({"shapeless": None}, ("shapeless",))
    assert sizes.options == ("--input-shape", "shapeless:1,5,224,224")


def test_the_sizes_for_which_a_net_was_made_are_those_that_are_proposed(tmp_path: Path) -> None:
    net, path = case("net_lenet"), tmp_path / "net.onnx"
    bridge.caffe_to_onnx(
        net.prototxt, net.caffemodel, path, outputs=["pool1"], dynamic=True, check=False
    )
    sizes = open_sizes(path)
    assert sizes is not None
    assert sizes.options == ("--input-shape", "data:1,1,20,20")
