#!/usr/bin/env bash
# A model whose files are links, as a cache of downloads keeps them, opens by its path alone.
#
# Expected: model.onnx and model.onnx.data are links to two files in one folder, as Hugging Face's hub
# caches them (huggingface.co/docs/huggingface_hub, Understand caching). What opens the model
# by its path opens it with weights that are read by the caller, or given as a folder, as well.
# Seen 2026-11-30 with onnx 1.23.2, onnxruntime 1.32.0: onnxruntime opens the path, and refuses the same
# model from memory with its folder in session.model_external_initializers_file_folder_path, as
# "escapes model directory"; onnx.load refuses the path as "a symbolic link". Copies open in all three.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$work"
cat > links.py <<'PY'
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

w = np.arange(4096, dtype=np.float32).reshape(64, 64)
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["y"])],
    "g",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 64])],
    [numpy_helper.from_array(w, "w")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
for folder in ("blobs", "snapshot", "copy"):
    Path(folder).mkdir()
options = {"save_as_external_data": True, "location": "model.onnx.data", "size_threshold": 0}
onnx.save_model(model, "blobs/model.onnx", **options)
for number, name in enumerate(("model.onnx", "model.onnx.data")):
    shutil.move(f"blobs/{name}", f"blobs/{number}")
    Path("snapshot", name).symlink_to(f"../blobs/{number}")
    shutil.copy(Path("snapshot", name), Path("copy", name))


def by_path(path):
    return onnxruntime.InferenceSession(str(path))


def from_memory(path):
    settings = onnxruntime.SessionOptions()
    key = "session.model_external_initializers_file_folder_path"
    settings.add_session_config_entry(key, str(path.parent.resolve()))
    return onnxruntime.InferenceSession(path.read_bytes(), settings)


def outcome(read, folder):
    try:
        read(Path(folder, "model.onnx"))
    except Exception as error:
        known = ("escapes model directory", "is a symbolic link", "symbolic link")
        return next(text for text in known if text in str(error))
    return "opens"


found = {
    folder: [outcome(read, folder) for read in (by_path, from_memory, onnx.load)]
    for folder in ("snapshot", "copy")
}
print("by path, from memory, onnx.load:", found)
assert found["copy"] == ["opens"] * 3
assert found["snapshot"][:2] == ["opens", "escapes model directory"], "it changed"
assert "symbolic link" in found["snapshot"][2], "it changed"
PY
env/bin/python links.py
echo "as seen"
