"""Constants as initializers, and nodes that nobody needs."""

from __future__ import annotations

import onnx

from bridge import ir


def model(text: str, opset: int = 17) -> ir.Model:
    header = f'<ir_version: 8, opset_import: ["" : {opset}]>'
    return ir.from_proto(onnx.parser.parse_model(f"{header}\ng {text}"))


def test_constants_of_every_kind_are_lifted() -> None:
    lifted = model("""(bool c) => (y) {
        a = Constant<value = float[2] {1, 2}>()
        b = Constant<value_int = 3>()
        d = Constant<value_ints = [3, 4]>()
        e = Constant<value_float = 1.5>()
        f = Constant<value_floats = [1.5, 2.5]>()
        h = Constant<value_string = "s">()
        y = Constant<value_int = 5>()
    }""")
    ir.lift_constants(lifted)
    tensors = {n: v.const_value for n, v in lifted.graph.initializers.items()}
    constants = {n: (t.dtype.name, t.numpy().tolist()) for n, t in tensors.items() if t is not None}
    assert constants == {
        "a": ("FLOAT", [1, 2]),
        "b": ("INT64", 3),
        "d": ("INT64", [3, 4]),
        "e": ("FLOAT", 1.5),
        "f": ("FLOAT", [1.5, 2.5]),
        "h": ("STRING", "s"),
    }
    assert [node.outputs[0].name for node in lifted.graph] == ["y"]  # the graph gives it


def test_constants_within_branches_become_those_of_the_branch() -> None:
    lifted = model("""(bool c, float x) => (float y) {
        y = If (c) <then_branch = t () => (float p) {
                        k = Constant<value_float = 1.0>()
                        p = Add(x, k)
                    },
                    else_branch = e () => (float q) { q = Neg(x) }>
    }""")
    ir.lift_constants(lifted)
    branch = next(lifted.graph[0].subgraphs())
    assert [*branch.initializers] == ["k"]
    assert [node.op_type for node in branch] == ["Add"]


def test_what_leads_to_no_output_goes() -> None:
    cleaned = model("""(float[2] x, float[2] unread) => (float[2] y)
        <float[2] w = {1, 2}, float[2] v = {1, 2}> {
        a = Mul(x, v)
        b = Abs(a)
        y = Add(x, w)
    }""")
    ir.remove_unused(cleaned)
    assert [node.op_type for node in cleaned.graph] == ["Add"]
    assert [*cleaned.graph.initializers] == ["w"]
    assert [value.name for value in cleaned.graph.inputs] == ["x", "unread"]


def test_outputs_that_nobody_reads_are_omitted_where_onnx_lets_them() -> None:
    cleaned = model("""(float[4] x, int64[1] k) => (float[n] y) {
        d, mask = Dropout(x, )
        v, i = TopK(d, k)
        y = Identity(v)
    }""")
    ir.remove_unused(cleaned)
    dropout, top, _ = cleaned.graph
    assert [value.name for value in dropout.outputs] == ["d"]
    assert len(dropout.inputs) == 1  # none is given behind it
    assert [value.name for value in top.outputs] == ["v", "i"]


def test_a_batch_normalization_that_trains_keeps_its_outputs() -> None:
    for training, count in ((1, 3), (0, 1)):
        cleaned = model(f"""(float[1,2] x, float[2] s) => (float[1,2] y) {{
            y, m, v = BatchNormalization<training_mode = {training}>(x, s, s, s, s)
        }}""")
        ir.remove_unused(cleaned)
        (norm,) = cleaned.graph
        assert len(norm.outputs) == count
        assert ("training_mode" in norm.attributes) == bool(training)
