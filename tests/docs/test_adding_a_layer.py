"""docs/adding-a-layer.md: its blocks are the code as it is; and what a new layer is to have.

Fields of the schema are held in tests/lower/test_table.py, shape rules in
tests/lower/test_derived_shapes.py, what is generated in tests/scripts/test_generate.py, and the
strategies of operators in tests/laws/test_raising_law.py.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

import bridge
from bridge.caffe.origins import origin
from bridge.lower import TABLE

ROOT = Path(bridge.__file__).parent.parent
PAGE = (ROOT / "docs" / "adding-a-layer.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```\w+\n(.*?)```", re.DOTALL)
FILE = re.compile(r"`((?:bridge|docs|scripts|tests)/[\w./-]+|[A-Z]+\.md)`")
TYPES = [type_ for type_ in TABLE if type_.isidentifier()]


def test_each_block_is_in_the_file_that_is_named_above_it() -> None:
    blocks = list(BLOCK.finditer(PAGE))
    assert len(blocks) == 7
    for block in blocks:
        file = FILE.findall(PAGE[: block.start()])[-1]
        assert block[1] in (ROOT / file).read_text(encoding="utf-8"), (
            f"{file} has other code: copy it here\n{block[1]}"
        )


def test_every_file_that_is_named_is_there() -> None:
    named = {*FILE.findall(PAGE), *re.findall(r"\b(?:scripts|tests)/[\w./]+", PAGE)}
    assert {"scripts/generate", "bridge/caffe/schema/caffe.proto", "CHANGELOG.md"} <= named
    assert [name for name in named if not (ROOT / name).exists()] == []


@cache
def types_in_tests() -> frozenset[str]:
    """The layer types in tests of rules, in draws for Caffe itself, and in golden nets."""
    rules = [*ROOT.glob("tests/lower/**/*.py"), *ROOT.glob("tests/caffe_itself/*.py")]
    words = (re.findall(r'"(\w+) *"', path.read_text("utf-8")) for path in rules)
    golden = ROOT.glob("tests/golden/*/*.prototxt")
    types = (re.findall(r'type: *"(\w+)"', path.read_text("utf-8")) for path in golden)
    return frozenset(word for line in (*words, *types) for word in line)


@pytest.mark.parametrize("type_", TYPES)
def test_every_layer_type_has_a_test(type_: str) -> None:
    module = TABLE[type_].rule.__module__.removeprefix("bridge.lower.rules.")
    *folders, name = module.split(".")
    file = "/".join(("tests/lower/rules", *folders, f"test_{name}.py"))
    assert type_ in types_in_tests(), f"no test has a {type_} layer: write one in {file}"


@pytest.mark.parametrize("type_", [type_ for type_ in TYPES if origin(type_) == "fork"])
def test_every_layer_type_of_a_fork_is_in_the_changelog(type_: str) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"\b{type_}\b", changelog), (
        f"CHANGELOG.md does not name {type_}: write it under Added (a type of BVLC's or of the SSD "
        "branch is listed in bridge/caffe/origins.py instead)"
    )
