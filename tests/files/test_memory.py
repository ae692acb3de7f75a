"""What a file asks for is refused by its size."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bridge.errors import UsageError
from bridge.files import memory


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("1000", 1000), ("2K", 2048), ("3m", 3 << 20), ("8GB", 8 << 30), (" 1T ", 1 << 40)],
)
def test_the_environment_names_the_amount(
    text: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(memory.VARIABLE, text)
    assert memory.most() == size
    memory.refuse_large(size, "it")
    with pytest.raises(UsageError, match=f"net: it would take too much.*\n.*{size:,} bytes"):
        memory.refuse_large(size + 1, "it", "net")


@pytest.mark.parametrize("text", ["", "much", "8X", "-1", "1.5G", "9" * 5000])
def test_what_is_no_amount(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, text)
    with pytest.raises(UsageError, match="no amount of memory"):
        memory.most()


def test_by_itself_it_is_at_most_half_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < memory.most() <= machine // 2


def test_within_a_limit_it_holds_for_processes_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, "3M")
    program = "from bridge.files.memory import most; print(most())"
    with memory.limited("2M"):
        started = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert (memory.most(), int(started.stdout)) == (2 << 20, 2 << 20)
    assert memory.most() == 3 << 20
    with memory.limited(None):
        assert memory.most() == 3 << 20
    with pytest.raises(UsageError, match="--max-memory: no amount"), memory.limited("much"):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what a process may write")
def test_a_process_is_refused_more_than_its_share() -> None:
    program = """
import numpy, resource
from bridge.files.memory import limited
before = resource.getrlimit(resource.RLIMIT_DATA)
with limited("1M"):
    try:
        numpy.ones(3 << 30, "uint8")
    except MemoryError:
        print("refused")
assert resource.getrlimit(resource.RLIMIT_DATA) == before
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "refused\n", done.stderr
