from __future__ import annotations

import pytest

from bridge.caffe.files.prototxt import Message, interpret
from bridge.caffe.files.textformat import parse
from bridge.caffe.state import State, including_options, is_included
from bridge.errors import PrototxtError


def layer(rules: str) -> Message:
    return interpret(parse(rules, "net.prototxt"), "LayerParameter")[0]


@pytest.mark.parametrize(
    ("rules", "state", "included"),
    [
        ("", State(), True),
        ("include { phase: TEST }", State(), True),
        ("include { phase: TRAIN }", State(), False),
        ("include { phase: TRAIN }", State("TRAIN"), True),
        ("exclude { phase: TEST }", State(), False),
        ("exclude { phase: TRAIN }", State(), True),
        ("include { phase: TRAIN } include { min_level: 0 }", State(), True),
        ("include { phase: TEST min_level: 1 }", State(), False),
        ("include { max_level: 0 }", State(), True),
        ("include { max_level: 0 }", State(level=1), False),
        ("include { max_level: -1 }", State(), False),
        ('include { stage: "a" }', State(), False),
        ('include { stage: "a" }', State(stages=frozenset("ab")), True),
        ('include { stage: "a" stage: "c" }', State(stages=frozenset("ab")), False),
        ('include { not_stage: "a" }', State(), True),
        ('exclude { stage: "b" } exclude { stage: "c" }', State(stages=frozenset("b")), False),
    ],
)
def test_rules_of_phase_level_and_stage(rules: str, state: State, included: bool) -> None:
    assert is_included(layer(rules), state) is included


def test_include_beside_exclude_is_refused() -> None:
    rules = "include { phase: TEST } exclude { phase: TRAIN }"
    with pytest.raises(PrototxtError, match="include and exclude"):
        is_included(layer(rules), State())


@pytest.mark.parametrize(
    ("rules", "options"),
    [
        ("include { phase: TRAIN }", "--phase TRAIN"),
        ("exclude { phase: TEST }", "--phase TRAIN"),
        ('include { stage: "b" stage: "a" }', "--stage a --stage b"),
        ('include { phase: TRAIN stage: "a" min_level: 3 }', "--phase TRAIN --stage a --level 3"),
        ("include { max_level: -2 }", "--level -2"),
        ('exclude { not_stage: "deploy" }', "--stage deploy"),
        ('include { not_stage: "here" }', ""),
    ],
)
def test_options_that_bring_a_layer_in(rules: str, options: str) -> None:
    state = State(stages=frozenset({"here"}))
    left_out = layer(rules)
    assert not is_included(left_out, state)
    assert list(including_options([left_out], state)) == ([options] if options else [])


def test_a_state_is_written_out() -> None:
    assert str(State()) == "phase TEST"
    assert str(State("TRAIN", 2, frozenset("ba"))) == "phase TRAIN, stage a, stage b, level 2"
