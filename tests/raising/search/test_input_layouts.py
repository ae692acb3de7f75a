"""In which order inputs are taken."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.keras_against_onnx import graph, plan_of, seeded


@pytest.mark.parametrize(
    ("shape", "node", "stored"),
    [
        ("n,3,8,8", "Relu(x)", ("n", 8, 8, 3)),
        ("n,3,4,8,8", "Relu(x)", ("n", 4, 8, 8, 3)),
        ("n,3,8", "MaxPool<kernel_shape=[2]>(x)", ("n", 8, 3)),
        ("n,3,8", "GlobalAveragePool(x)", ("n", 3, 8)),
        ("n,3,8", "Relu(x)", ("n", 3, 8)),
        ("n,8", "Relu(x)", ("n", 8)),
        ("8", "Relu(x)", (8,)),
    ],
)
def test_images_and_signals_come_channels_last(
    shape: str, node: str, stored: tuple[object, ...]
) -> None:
    rank = shape.count(",") + 1
    result = ",".join("abcde"[:rank])
    model = graph(f"g (float[{shape}] x) => (float[{result}] y) {{ y = {node} }}")
    assert plan_of(model).inputs[0].shape == stored
    assert plan_of(model, "onnx").inputs[0].shape == tuple(
        int(size) if size.isdigit() else size for size in shape.split(",")
    )


def test_a_signal_is_known_through_pointwise_operators() -> None:
    text = """g (float[n,3,8] x) => (float[n,4,6] y) {
        a = Relu(x)
        b = Sigmoid(a)
        y = Conv<kernel_shape=[3]>(b, w)
    }"""
    plan = plan_of(graph(text, {"w": seeded((4, 3, 3))}))
    assert plan.inputs[0].shape == ("n", 8, 3)


def test_a_sequence_keeps_its_order_before_a_matrix_product() -> None:
    text = "g (float[n,3,8] x) => (float[n,3,4] y) { a = Relu(x)  y = MatMul(a, w) }"
    assert plan_of(graph(text, {"w": seeded((8, 4))})).inputs[0].shape == ("n", 3, 8)


@pytest.mark.parametrize(
    ("shape", "node", "result"),
    [
        ("n,8,8,3", "Transpose<perm=[0,3,1,2]>(x)", "n,3,8,8"),
        ("n,4,8,8,3", "Transpose<perm=[0,4,1,2,3]>(x)", "n,3,4,8,8"),
        ("n,8,8,1", "Reshape(x, one)", "m,1,8,8"),
    ],
)
def test_what_the_graph_brings_to_channels_first_is_last(
    shape: str, node: str, result: str
) -> None:
    text = f"g (float[{shape}] x) => (float[{result}] y) {{ t = {node}  y = Relu(t) }}"
    plan = plan_of(graph(text, {"one": np.array([-1, 1, 8, 8])}))
    assert plan.inputs[0].shape == tuple(int(s) if s.isdigit() else s for s in shape.split(","))
    assert not plan.permutations


def test_another_transpose_says_nothing_of_the_order() -> None:
    text = "g (float[n,3,8,9] x) => (float[n,3,9,8] y) { y = Transpose<perm=[0,1,3,2]>(x) }"
    assert plan_of(graph(text)).inputs[0].shape == ("n", 8, 9, 3)


@pytest.mark.parametrize(("layout", "stored"), [(0, ("n", "t", 3)), (1, ("t", "n", 3))])
def test_a_sequence_that_a_recurrent_layer_reads_comes_batch_first(
    layout: int, stored: tuple[object, ...]
) -> None:
    text = f"""g (float[t,n,3] x) => (float[a,b,c,d] y) {{
        a = Relu(x)
        y = GRU<hidden_size=2, layout={layout}>(a, w, r)
    }}"""
    model = graph(text, {"w": seeded((1, 6, 3)), "r": seeded((1, 6, 2))})
    assert plan_of(model).inputs[0].shape == stored
    assert plan_of(model, "onnx").inputs[0].shape == ("t", "n", 3)


@pytest.mark.parametrize(
    "nodes",
    [
        "f = Cast<to=1>(x)  t = Transpose<perm=[0,3,1,2]>(f)  y = Relu(t)",
        "f = Cast<to=1>(x) s = Sub(f, m) t = Transpose<perm=[0,3,1,2]>(s) y = Relu(t)",
    ],
)
def test_what_is_transposed_behind_elementwise_nodes_is_channels_last(nodes: str) -> None:
    text = f"g (uint8[n,8,9,3] x) => (float[n,3,8,9] y) {{ {nodes} }}"
    plan = plan_of(graph(text, {"m": seeded((3,))}))
    assert plan.inputs[0].shape == ("n", 8, 9, 3)
    assert not plan.permutations


def test_an_input_that_is_read_before_its_transpose_too_is_an_image() -> None:
    text = """g (float[n,3,8,9] x) => (float[n,9,3,8] y, float[n,3,8,9] z) {
        y = Transpose<perm=[0,3,1,2]>(x)
        z = LRN<size=3>(x)
    }"""
    assert plan_of(graph(text)).inputs[0].shape == ("n", 8, 9, 3)


@pytest.mark.parametrize(
    ("node", "stored"),
    [
        ("MatMul(x, w)", ("n", 2, 3, 4)),
        ("Softmax<axis=-1>(x)", ("n", 2, 3, 4)),
        ("Softmax<axis=1>(x)", ("n", 3, 4, 2)),
    ],
)
def test_four_axes_of_attention_keep_their_order(node: str, stored: tuple[object, ...]) -> None:
    text = f"g (float[n,2,3,4] x) => (float[n,2,3,4] y) {{ y = {node} }}"
    assert plan_of(graph(text, {"w": seeded((4, 4))})).inputs[0].shape == stored
