"""What repeats in a net, and what is worth a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from bridge.raising.plan import Call, Ref
from bridge.script.blocks import Block, common_word, repeated

Layer = tuple[str, str, Mapping[str, Any]]


def chain(*layers: Layer) -> list[Call]:
    """Layers one behind the other; the input is 0."""
    return [
        Call(number, name, f"layers.{kind}", (Ref(number - 1),), options)
        for number, (name, kind, options) in enumerate(layers, 1)
    ]


def unit(name: str, filters: int, **more: Any) -> list[Layer]:
    return [
        (f"conv{name}", "Conv2D", {"filters": filters, "kernel_size": 3, **more}),
        (f"bn{name}", "BatchNormalization", {}),
        (f"relu{name}", "ReLU", {}),
    ]


def blocks(calls: Sequence[Call], *also_returned: int) -> list[Block]:
    returned = [Ref(calls[-1].id), *map(Ref, also_returned)]
    return repeated(calls, [call.options for call in calls], returned)


def units(*names: str) -> list[Call]:
    layers = [layer for n, name in enumerate(names, 1) for layer in unit(name, 8 * n)]
    return chain(*layers)


def test_layers_that_repeat_are_one_block_with_what_differs_as_parameters() -> None:
    words = "1 2 3 4 5 6 7 8".split()
    (block,) = blocks(units(*words))
    assert [run.word for run in block.runs] == words
    assert block.runs[0].parts == (("conv", ""), ("bn", ""), ("relu", ""))
    assert block.parameters == [[(0, "filters")]]
    assert [block.arguments(run) for run in block.runs[:2]] == [[8], [16]]
    assert [run.inputs for run in block.runs[:2]] == [[Ref(0)], [Ref(3)]]


def test_an_option_that_only_some_have_is_a_parameter_with_keras_s_default() -> None:
    layers = [layer for word in "345678" for layer in unit(word, 8)]
    (block,) = blocks(chain(*unit("1", 8), *unit("2", 8, strides=2), *layers))
    assert [block.arguments(run) for run in block.runs[:3]] == [[1], [2], [1]]


def test_few_lines_are_no_function() -> None:
    assert blocks(units("1", "2", "3")) == []


def test_names_without_a_common_part_are_no_block() -> None:
    layers = [
        (f"{word}{number}", kind, {})
        for number in range(8)
        for word, kind in (("a", "ReLU"), (f"b{10 - number}c", "Softmax"))
    ]
    assert blocks(chain(*layers)) == []


@pytest.mark.parametrize("inside", [1, 2])
def test_a_result_that_is_read_elsewhere_is_in_no_run(inside: int) -> None:
    (block,) = blocks(units(*"12345678"), inside)
    assert block.runs[0].start == 3


def test_a_layer_that_is_applied_twice_is_in_no_run() -> None:
    calls = units(*"123456789")
    calls[-1] = Call(27, "conv1", "layers.Conv2D", (Ref(26),), {}, again=1)
    (block,) = blocks(calls)
    assert [run.start for run in block.runs] == [3, 6, 9, 12, 15, 18, 21]


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["res2a_branch2b", "bn2a_branch2b", "res2a_branch2b_relu"], "2a_branch2b"),
        (["inception_3a>1x1", "inception_3a>relu_1x1"], "inception_3a"),
        (["fc6", "relu6", "drop6"], "6"),
        (["conv12", "relu1"], "1"),
        (["scale", "relu"], ""),
    ],
)
def test_the_common_part_of_names(names: list[str], word: str) -> None:
    assert common_word(names) == word
