"""Netron, by its own decoder: every mode of weights shows all nodes and initializers.

It is fetched from PyPI, whose package has the page's JavaScript, and run in node.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import onnx
import pytest

import bridge
from bridge.graph.io import Mode

NETRON = "netron==9.3.3"
LENET = [
    Path(__file__).parents[2] / "models" / "digits-lenet" / name
    for name in ("deploy.prototxt", "weights.caffemodel")
]
DECODE = """
import * as fs from 'node:fs';
const [folder, ...files] = process.argv.slice(2);
const protobuf = await import(`${folder}/protobuf.js`);
const { onnx } = await import(`${folder}/onnx-proto.js`);
const counts = (file) => {
    const reader = protobuf.BinaryReader.open(new Uint8Array(fs.readFileSync(file)));
    const graph = onnx.ModelProto.decode(reader).graph;
    return [graph.node.map((node) => node.op_type), graph.initializer.map((one) => one.name)];
};
console.log(JSON.stringify(files.map(counts)));
"""

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not shutil.which("node"), reason="there is no node here to run Netron in"),
]


@pytest.fixture(scope="module")
def netron(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("netron")
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, NETRON]
    done = subprocess.run([sys.executable, *install], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{NETRON} cannot be installed here: {done.stderr[-200:]}")
    # Its files are modules by their syntax alone.
    (folder / "netron" / "package.json").write_text('{"type": "module"}')
    (folder / "decode.mjs").write_text(DECODE)
    return folder


def test_all_nodes_and_initializers_are_seen(netron: Path, tmp_path: Path) -> None:
    net = [Path(shutil.copy(file, tmp_path)) for file in LENET]
    files = [tmp_path / f"{mode}.onnx" for mode in get_args(Mode)]
    for mode, file in zip(get_args(Mode), files, strict=True):
        bridge.caffe_to_onnx(*net, file, weights=mode, check=False)
    command = ["node", netron / "decode.mjs", netron / "netron", *files]
    seen = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    for file, (nodes, initializers) in zip(files, seen, strict=True):
        graph = onnx.load(file, load_external_data=False).graph
        assert nodes == [node.op_type for node in graph.node]
        assert initializers == [tensor.name for tensor in graph.initializer]
        assert len(nodes) > 5
        assert len(initializers) > 5
