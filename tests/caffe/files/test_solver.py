from __future__ import annotations

from pathlib import Path

import pytest

from bridge.caffe import read
from bridge.errors import PrototxtError

NET = """name: "inside"
input: "x" input_shape { dim: 1 dim: 2 }
layer { name: "r" type: "ReLU" bottom: "x" top: "y" }
"""


@pytest.mark.parametrize("field", ["net_param", "test_net_param", "train_net_param"])
def test_the_net_inside_a_solver_is_read(tmp_path: Path, field: str) -> None:
    path = tmp_path / "solver.prototxt"
    path.write_text(f"base_lr: 0.1\n{field} {{ {NET} }}")
    net = read(path)
    assert (net.name, net.outputs) == ("inside", ("y",))
    assert net.warnings == (f"{path}:2:1: this is a solver; the net in its {field} is read",)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('net: "models/train_val.prototxt"', "{}/train_val.prototxt"),
        ('net: "elsewhere/other.prototxt"', "elsewhere/other.prototxt"),
        ('test_net: "t.prototxt" train_net: "train_val.prototxt"', "{}/train_val.prototxt"),
        ("base_lr: 0.1 max_iter: 10", "pass the net that it trains"),
    ],
)
def test_a_solver_that_names_its_net_says_where_it_is(tmp_path: Path, text: str, hint: str) -> None:
    (tmp_path / "train_val.prototxt").write_text(NET)
    path = tmp_path / "solver.prototxt"
    path.write_text(text)
    with pytest.raises(PrototxtError, match="this is a solver, not a net") as refusal:
        read(path)
    assert hint.format(tmp_path) in str(refusal.value.hint)
