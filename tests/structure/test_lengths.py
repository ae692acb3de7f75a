"""Functions and files that can be read at one sight."""

from __future__ import annotations

import ast
from pathlib import Path

import bridge

PACKAGE = Path(bridge.__file__).parent
MAX_FUNCTION, MAX_FILE = 40, 400


def lines_of_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Without the signature and the docstring."""
    body = function.body[ast.get_docstring(function) is not None :]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(PACKAGE)}: {node.name}": lines_of_body(node)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and lines_of_body(node) > MAX_FUNCTION
    }
    assert long == {}, f"split what has more than {MAX_FUNCTION} lines"


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(PACKAGE)): count
        for path in PACKAGE.rglob("*.py")
        if (count := path.read_text("utf-8").count("\n")) > MAX_FILE
    }
    assert long == {}, f"split what has more than {MAX_FILE} lines"


def test_a_signature_and_a_docstring_do_not_count() -> None:
    (function,) = ast.parse(
        'def f(\n    a,\n    b,\n):\n    """Says\n    what."""\n    a\n    b'
    ).body
    assert isinstance(function, ast.FunctionDef)
    assert lines_of_body(function) == 2
