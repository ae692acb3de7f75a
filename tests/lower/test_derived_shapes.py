"""Layers without a shape rule: what their lowering emits has their shape, wherever it is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.caffe.net import Blob, Layer, Shape
from bridge.caffe.shapes import DYNAMIC, infer, known, known_weights, layer_shapes, named_by
from bridge.caffe.shapes.table import TABLE as SHAPE_RULES
from bridge.errors import Location, UnsupportedLayerError
from bridge.lower import TABLE, Emitter, Value
from bridge.lower.table import layer as rule_of

NetOf = Callable[..., Net]

RULES = "bridge.lower.rules."
HERE = Location("net.prototxt", 3)
MISH = """layer { name: "m" type: "Mish" bottom: "x" top: "y" }
          layer { name: "fc" type: "InnerProduct" bottom: "y" top: "z"
                  inner_product_param { num_output: 2 } }"""


def layer(type_: str, bottoms: int = 1, blobs: tuple[Blob, ...] = (), **params: object) -> Layer:
    names = tuple(f"x{i}" for i in range(bottoms))
    return Layer("l", type_, names, ("y",), HERE, {f"{type_.lower()}_param": params}, blobs)


@pytest.mark.parametrize(
    ("type_", "x", "top"),
    [
        ("Mish", (2, 3), (2, 3)),
        ("CReLU", (2, 3, 5), (2, 6, 5)),
        ("HSwish", (DYNAMIC, 4), (DYNAMIC, 4)),
    ],
)
def test_tops_have_the_shapes_of_what_is_emitted(type_: str, x: Shape, top: Shape) -> None:
    assert type_ not in SHAPE_RULES
    shapes = layer_shapes(layer(type_), (x,))
    assert (shapes.tops, shapes.weights) == ((top,), ())


def test_a_size_that_the_data_decide_may_be_a_multiple(net_of: NetOf) -> None:
    concatenated = layer("CReLU", concat_axis=0)
    assert layer_shapes(concatenated, ((DYNAMIC, 4),)).tops == ((DYNAMIC, 4),)


def test_weights_behind_are_known(net_of: NetOf) -> None:
    net = net_of(MISH, x=(1, 3))
    assert known(net).values == {"x": (1, 3), "y": (1, 3), "z": (1, 2)}
    assert known_weights(net) == ((), ((2, 3), (2,)))


def test_what_cannot_be_lowered_is_refused_and_not_known(net_of: NetOf) -> None:
    net = net_of(MISH.replace('bottom: "x"', 'bottom: "x" bottom: "x"'), x=(1, 3))
    assert known_weights(net) == (None, None)
    with pytest.raises(UnsupportedLayerError, match="2 bottoms are not supported"):
        infer(net)


def test_names_of_such_types_are_known_in_other_spellings() -> None:
    assert named_by("HARD_SWISH") == "HardSwish"


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(TABLE, "_versions", dict(TABLE._versions))

    @rule_of("Mine")
    def mine(e: Emitter, layer: Layer, x: Value) -> Value:
        return e.Mul(x, e.weight(e.blob(0, (3,)), "factor")) if layer.bottoms[0] == "x0" else x

    return "Mine"


def test_blobs_of_a_plug_in_are_those_that_it_has(plug_in: str) -> None:
    blob = Blob((3,), lambda: np.ones(3, np.float32))
    assert layer_shapes(layer(plug_in, blobs=(blob,)), ((2, 3),)).weights == ((3,),)


def test_nobody_knows_what_blobs_a_plug_in_without_any_needs(plug_in: str, net_of: NetOf) -> None:
    text = f'layer {{ name: "l" type: "{plug_in}" bottom: "x" top: "y" }}'
    assert known(net_of(text, x=(1, 3))).weights == (None,)
    needs_blobs = known(net_of(text.replace('"x"', '"x0"'), x0=(1, 3)))
    assert (needs_blobs.values, needs_blobs.weights) == ({"x0": (1, 3)}, (None,))


def names_in(rule: FunctionType, seen: frozenset[FunctionType] = frozenset()) -> set[str]:
    """The names, those of attributes among them, in a rule and in the functions that it calls."""
    names, codes = set(), [rule.__code__]
    while codes:
        code = codes.pop()
        names |= {*code.co_names}
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    for function in [rule.__globals__.get(name) for name in sorted(names)]:
        is_own = isinstance(function, FunctionType) and function.__module__.startswith(RULES)
        if is_own and function not in seen | {rule}:
            names |= names_in(function, seen | {rule})
    return names


@pytest.mark.parametrize("type_", [type_ for type_ in TABLE if type_.isidentifier()])
def test_a_layer_that_needs_a_shape_rule_has_one(type_: str) -> None:
    rule = TABLE[type_].rule
    assert isinstance(rule, FunctionType)
    read = {"blob", "blobs", "tops", "top_size"} & names_in(rule)
    message = f'the rule of {type_} reads {sorted(read)}: write its @shape("{type_}") beside it'
    assert type_ in SHAPE_RULES or not read, message


def test_inspect_knows_them_without_being_told_of_lowering(tmp_path: Path) -> None:
    """In a process of its own: here the rules are imported already."""
    path = tmp_path / "net.prototxt"
    path.write_text(f'input: "x" input_shape {{ dim: 1 dim: 3 }} {MISH}')
    code = (
        "import json, sys; from bridge.inspection import inspect; (net,) = inspect(sys.argv[1:]); "
    )
    code += "print(json.dumps([[part.shapes, part.weights] for part in net.parts]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [[[[1, 3]], []], [[[1, 2]], [[2, 3], [2]]]]
