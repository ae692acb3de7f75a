"""A name that is not UTF-8 is refused, wherever it stands."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from bridge.errors import GraphError
from bridge.graph.io import load

MODEL = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["": 17]>
    NAMEOFGRAPH (float[NAMEOFSIZE] NAMEOFINPUT, bool c) => (y)
    <float NAMEOFWEIGHT = {1}> {
        y = If (c) <then_branch = NAMEOFBRANCH () => (z) { [NAMEOFNODE] z = Add(x, NAMEOFWEIGHT) },
                    else_branch = g () => (w) { w = Identity(x) }>
        x = Relu(NAMEOFINPUT)
    }""").SerializeToString()


@pytest.mark.parametrize("what", ["GRAPH", "SIZE", "INPUT", "WEIGHT", "BRANCH", "NODE"])
def test_a_name_that_is_not_utf8(what: str, tmp_path: Path) -> None:
    path, name = tmp_path / "net.onnx", f"NAMEOF{what}".encode()
    assert name in MODEL
    path.write_bytes(MODEL.replace(name, b"\xff" + name[1:]))
    with pytest.raises(GraphError, match=rf"not UTF-8.*\n.*xffAMEOF{what}"):
        load(path)
