"""Sides that call their ends otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bridge.check.backends.backend import InputSpec, Origin
from bridge.check.backends.renamed import same_io_names

Array = NDArray[np.float32]


@dataclass
class Fake:
    """x → a → y: a side that gives the sum of its inputs' first numbers for everything."""

    inputs: dict[str, InputSpec]
    outputs: tuple[str, ...]
    values: tuple[str, ...]
    origins: dict[str, Origin] = field(default_factory=dict)
    title: str = "fake"
    dtypes: tuple[str, ...] = ()

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        total = np.float32([feeds[name][0] for name in self.inputs])
        yield from ((name, total) for name in wanted)


def fake(inputs: str, outputs: str, values: str) -> Fake:
    specs: dict[str, InputSpec] = dict.fromkeys(inputs, ((1,), "float32"))
    origins = {name: Origin(name.upper(), "Op", tuple(inputs)) for name in values}
    return Fake(specs, tuple(outputs), tuple(values), origins)


def test_ends_are_named_by_position_where_no_name_is_shared() -> None:
    side = same_io_names(fake("pq", "z", "az"), like=fake("xy", "o", "bo"))
    assert list(side.inputs) == ["x", "y"]
    assert side.outputs == ("o",)
    assert side.values == ("a", "o")
    assert side.origins["o"].inputs == ("x", "y")
    feeds = {"x": np.float32([1]), "y": np.float32([2])}
    ((name, array),) = side.run(feeds, ["o"])
    assert (name, list(array)) == ("o", [1, 2])


def test_a_value_whose_name_is_taken_over_gets_a_mark() -> None:
    """Inside, `o` is another value than what comes out as `o` now."""
    side = same_io_names(fake("p", "z", "oz"), like=fake("p", "o", "bo"))
    assert side.values == ("o'", "o")


def test_a_shared_name_or_another_number_keeps_all() -> None:
    for side in (fake("xq", "o", "o"), fake("xyz", "o", "o")):
        assert same_io_names(side, like=fake("xy", "o", "o")) is side


def test_an_output_that_the_other_side_knows_on_its_way_keeps_its_name() -> None:
    """`z`, of which the other side makes a loss `o`."""
    side = fake("x", "z", "az")
    assert same_io_names(side, like=fake("x", "o", "azo")) is side
