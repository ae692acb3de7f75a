"""The harnesses of scripts/fuzz: they take whole files, and report what is no refusal."""

from __future__ import annotations

from itertools import islice
from random import Random

import pytest

from bridge.errors import InternalError
from tests.fuzz.harnesses import HARNESSES, Harness
from tests.fuzz.mutators import of_bytes

FEW, MANY = 2, pytest.param(500, marks=pytest.mark.nightly)


@pytest.mark.parametrize("name", HARNESSES)
@pytest.mark.parametrize("count", [FEW, MANY])
def test_whole_files_are_taken_and_changed_ones_at_most_refused(name: str, count: int) -> None:
    harness, random = HARNESSES[name], Random(name)
    for data in islice(harness.seeds(), count):
        assert harness(data)
        for mutate in (harness.mutate, harness.mutate, of_bytes):
            harness(mutate(data, random))


def test_what_is_no_refusal_comes_out() -> None:
    def fail(_: object) -> None:
        raise InternalError("this is a fault of bridge")

    with pytest.raises(InternalError):
        Harness(".txt", fail, list)(b"")
