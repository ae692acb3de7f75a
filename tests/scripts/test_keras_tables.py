"""The tables of Keras's layers and operations are those of the Keras that is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import bridge.archive

FOLDER = Path(bridge.archive.__file__).parent


@pytest.mark.parametrize("name", ["layers", "operations"])
def test_a_table_is_up_to_date(script: Callable[[str], ModuleType], name: str) -> None:
    content = getattr(script("_keras_tables.py"), name)()
    assert (FOLDER / f"{name}.json").read_bytes() == content, "run scripts/generate"
