"""Pages of the docs whose Python is run."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO

STEP = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


def assert_prints_what_it_says(page: str, blocks: int) -> None:
    """Runs each block of Python in turn: what it prints is the block of text behind it. A page has
    so many blocks, each with its text."""
    steps = STEP.findall(page)
    assert len(steps) == page.count("```python") == blocks
    names: dict[str, object] = {}
    for code, expected in steps:
        printed = StringIO()
        with redirect_stdout(printed):
            exec(code, names)
        assert printed.getvalue() == expected
