"""A real browser, for pages. Tests that need it are skipped where there is none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def chromium() -> str:
    """The program. Skips the test where there is none."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no chromium here to open the page in")
    return browser


def opened(browser: str, page: Path, do: str = "--dump-dom") -> str:
    """What the browser says after it laid the page out: the document, as it has it."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={page.parent}/user"]
    done = subprocess.run(
        [browser, *options, do, page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout
