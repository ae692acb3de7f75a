"""Fields that no schema has, read as the rule's annotations and defaults say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pytest

from bridge.caffe.files.textformat import parse
from bridge.caffe.files.untyped import Untyped
from bridge.errors import PrototxtError
from bridge.lower.settings import Setting, read, settings

if TYPE_CHECKING:
    from nowhere import Unseen  # type: ignore[import-not-found]


def rule(
    e: Unseen,
    *,
    limit: float,
    count: int | None = None,
    on: bool = False,
    sizes: Sequence[int] = (),
    scales=(1.0,),  # type: ignore[no-untyped-def]
    mode: Literal["NEAR", "FAR"] = "NEAR",
    title: str = "",
    slope=0.5,
    step=2,
    inner: Mapping[str, Any] = {},
    unseen: Unseen = 1.5,
    anything=None,
) -> None: ...


def value(name: str, text: str) -> Any:
    tree = parse(text, "net.prototxt")
    return read(Untyped(tree.fields, tree.source), name, settings(rule)[name])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("limit: 6", 6.0),
        ("count: 3", 3),
        ("on: 1", True),
        ("on: true", True),
        ("sizes: 3", [3]),
        ("sizes: [3, 4]", [3, 4]),
        ("scales: 3", [3.0]),
        ("mode: FAR", "FAR"),
        ("mode: 'FAR'", "FAR"),
        ("title: WORD", "WORD"),
        ("title: '3'", "3"),
        ("slope: 1", 1.0),
        ("slope: 1 slope: 1", 1.0),
        ("step: 3", 3),
        ("step: 2.5", 2.5),
        ("inner { size: 3 }", {"size": 3}),
        ("unseen: 1", 1.0),
        ("anything: 3", 3),
        ("anything: 3 anything: 4", [3, 4]),
        ("anything { a: 1 }", {"a": 1}),
    ],
)
def test_values_have_the_type_of_the_argument(text: str, expected: Any) -> None:
    name = text.replace("{", ":").partition(":")[0].strip()
    result = value(name, text)
    assert result == expected
    assert type(result) is type(expected) or isinstance(result, dict)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("limit: true", "a number"),
        ("count: 2.5", "an integer"),
        ("on: 2", "true or false"),
        ("sizes: [1, 2.5]", "an integer"),
        ("mode: MIDDLE", "one of NEAR, FAR"),
        ("title: 3", "a string"),
        ("slope { a: 1 }", "a number"),
        ("step: WORD", "a number"),
        ("inner: 3", "a message"),
        ("slope: 1 slope: 2", "one value"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_line(text: str, expected: str) -> None:
    name = text.replace("{", ":").partition(":")[0].strip()
    with pytest.raises(PrototxtError, match=r"net\.prototxt:2.*" + name) as refused:
        value(name, f"\n{text}")
    assert expected in str(refused.value.expected)


def test_without_annotation_and_default_a_value_is_what_it_looks_like() -> None:
    assert settings(lambda e, x: None)["x"] == Setting()
