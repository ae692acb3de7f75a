#!/usr/bin/env bash
# tinygrad: Attention gives queries the wrong heads of k and v, and lets masked positions in.
#
# Expected (onnx.ai/onnx/operators/onnx__Attention.html): of 4 heads of q and 2 of k and v, the first two
# share head 0; softcap comes before the mask; with past_key, query i sees keys up to i + the past.
# Seen 2026-12-01 with tinygrad 0.14.0, onnx 1.23.2: heads 0 and 2 share head 0, as if k and v were laid
# one after another; with softcap a masked score is -softcap, and not -inf; with a past of 4, query 0 sees
# key 0 alone. Shapes are right, and there is no word. onnxruntime 1.32.0 is right in all three.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 tinygrad==0.14.0
cd "$work"
cat >attention.py <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, save
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner

rng = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


def by_hand(q, k, v, allowed, capped=None, blocked=-np.inf):
    """Each head of q with the same one of k and v."""
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    scores = np.tanh(scores / capped) * capped if capped else scores
    scores = np.exp(np.where(allowed, scores, blocked))
    return scores / scores.sum(-1, keepdims=True) @ v


def run(inputs, outputs=("y",), **attributes):
    """Of onnxruntime and of tinygrad."""
    kinds = {np.dtype("float32"): TensorProto.FLOAT, np.dtype(bool): TensorProto.BOOL}
    entries = [helper.make_tensor_value_info(name, kinds[a.dtype], a.shape) for name, a in inputs.items() if name]
    names = list(inputs)
    q, k = inputs["q"], inputs["k"]
    ends = [helper.make_tensor_value_info("y", TensorProto.FLOAT, q.shape)]
    node = helper.make_node("Attention", names, list(outputs), **attributes)
    graph = helper.make_graph([node], "g", entries, ends)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)
    checker.check_model(model, full_check=True)
    save(model, "net.onnx")
    feeds = {name: a for name, a in inputs.items() if name}
    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    (first,) = session.run(["y"], feeds)
    return first, OnnxRunner("net.onnx")({name: Tensor(a) for name, a in feeds.items()})["y"].numpy()


def report(what, right, other, results):
    print(what, "off by", [float(np.abs(y - right).max()) for y in results])
    assert np.allclose(results[0], right, atol=1e-5)
    assert not np.allclose(other, right, atol=1e-2)
    assert np.allclose(results[1], other, atol=1e-5), "it changed"


q, k, v = normal(1, 4, 3, 8), normal(1, 2, 5, 8), normal(1, 2, 5, 8)
shared, laid = [0, 0, 1, 1], [0, 1, 0, 1]
right, other = (by_hand(q, k[:, at], v[:, at], True) for at in (shared, laid))
report("grouped heads", right, other, run({"q": q, "k": k, "v": v}))

q = normal(1, 2, 3, 8)
mask = np.tri(3, 5, 1, dtype=bool)
right, other = (by_hand(q, k, v, mask, 0.5, blocked) for blocked in (-np.inf, -0.5))
report("softcap and mask", right, other, run({"q": q, "k": k, "v": v, "mask": mask}, softcap=0.5))

past = {"past_key": normal(1, 2, 4, 8), "past_value": normal(1, 2, 4, 8)}
k, v = normal(1, 2, 3, 8), normal(1, 2, 3, 8)
keys, values = np.concatenate([past["past_key"], k], 2), np.concatenate([past["past_value"], v], 2)
right, other = (by_hand(q, keys, values, np.tri(3, 7, seen, dtype=bool)) for seen in (4, 0))
inputs = {"q": q, "k": k, "v": v, "": q, **past}
report("causal with a past", right, other, run(inputs, ("y", "present_key", "present_value"), is_causal=1))
PY
DEV=PYTHON env/bin/python attention.py
echo "as seen"
