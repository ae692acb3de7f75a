from __future__ import annotations

import os

import pytest

from bridge.suppress_output import quiet_libraries


def test_what_is_written_past_python_is_not_seen(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_libraries():
        os.write(2, b"a library's word")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_the_terminal_is_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImportError), quiet_libraries():
        raise ImportError
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
