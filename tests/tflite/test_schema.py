"""The tables of the format, against the schema of the TensorFlow that is installed."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from bridge.tflite.schema import BUILTINS, DTYPES, FUSED, MIRROR, PADDING, TABLES

ADDED = re.compile(
    r"^def (\w+?)Add(\w+)\(builder, \w+\):\s+builder\.Prepend(\w+)Slot\((\d+), .*?, ?([^,)]*)\)",
    re.M,
)
KINDS = {"string": "UOffsetTRelative", "table": "UOffsetTRelative", "later": "UOffsetTRelative"}


@cache
def schema() -> ModuleType:
    folder, *_ = find_spec("tensorflow").submodule_search_locations
    path = Path(folder) / "lite/python/schema_py_generated.py"
    spec = spec_from_file_location("schema", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def added() -> dict[tuple[str, str], tuple[int, str, float]]:
    """Of each field its slot, kind and default, as the generated code adds it."""
    text = Path(schema().__file__).read_text(encoding="utf-8")
    return {
        (table, field.lower()): (int(slot), kind, float(default))
        for table, field, kind, slot, default in ADDED.findall(text)
    }


@pytest.mark.parametrize("table", TABLES)
def test_the_fields_of_a_table_have_their_slots(table: str) -> None:
    for name, (slot, kind, default) in TABLES[table].items():
        expected = KINDS.get(kind, "UOffsetTRelative" if kind[0] == "[" else kind.capitalize())
        assert added()[table, name.replace("_", "")] == (slot, expected, default), name


@pytest.mark.parametrize("code", BUILTINS)
def test_an_operator_has_its_number_and_its_options(code: str) -> None:
    number, table, options_number = BUILTINS[code]
    assert getattr(schema().BuiltinOperator, code) == number
    assert options_number == (getattr(schema().BuiltinOptions, table) if table else 0)


def test_numbers_of_dtypes_and_modes() -> None:
    assert {name: getattr(schema().TensorType, name.upper()) for name in DTYPES} == DTYPES
    assert {name: getattr(schema().Padding, name.upper()) for name in PADDING} == PADDING
    activations = schema().ActivationFunctionType
    assert {name: getattr(activations, name) for name in FUSED} == FUSED
    assert [getattr(schema().MirrorPadMode, name.upper()) for name in MIRROR] == [0, 1]
