"""Outputs that cannot be written, and many conversions at once."""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import bridge
from _reliability.children import in_child, outcome
from _reliability.kills import (
    convert,
    converted,
    output_of,
    prepare,
    two_nets,
    whole,
)
from _reliability.subjects import Net
from bridge.convert import raise_onnx
from bridge.errors import BridgeError

Hinder = Callable[[Path, Random], None]


def unwritten(mode: str, tries: int, hinder: Hinder) -> dict[str, int]:
    """Conversions over an existing output in processes of which `hinder` keeps it from being
    written: what each says, and whether the old file is whole and nothing is beside it."""
    prepare(mode)
    counts = Counter(tries=tries)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # for a process that gives its rights away
        pairs = two_nets(folder)
        output = output_of(mode, folder)
        converted(pairs[:1], output, mode)
        before = {path: path.read_bytes() for path in folder.iterdir()}
        for number in range(tries):
            counts[in_child(partial(written, pairs[1], output, mode, hinder, Random(number)))] += 1
            folder.chmod(0o755)
            counts["whole"] += before == {path: path.read_bytes() for path in folder.iterdir()}
    return dict(counts)


def written(
    pair: tuple[Path, Path], output: Path, mode: str, hinder: Hinder, random: Random
) -> str:
    hinder(output, random)
    return outcome(lambda path: convert(pair, path, mode), output)


def full(output: Path, random: Random) -> None:
    """As on a full disk, files may have so many bytes, fewer than the output needs."""
    size = random.randrange(output.stat().st_size)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def read_only(output: Path, _: Random) -> None:
    output.parent.chmod(0o555)
    if not os.geteuid():  # to whom no folder is read-only
        _give_up_capabilities()


def _give_up_capabilities() -> None:
    """Leaves root what an owner may do. (As another user it could not read Python's own modules
    where these are root's alone; structures: linux/capability.h, version 3)"""
    header, none = struct.pack("Ii", 0x20080522, 0), bytes(24)
    if ctypes.CDLL(None).capset(header, none):
        raise OSError("capabilities cannot be given up")


def crowd(mode: str, processes: int, times: int) -> dict[str, int]:
    """Processes that convert two nets by turns to one output: whether it is one of them, whole."""
    prepare(mode)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs, output = two_nets(folder), output_of(mode, folder)
        files = converted(pairs, output, mode)
        count, children = len([*folder.iterdir()]), []
        for process in range(processes):
            children.append(os.fork())
            if not children[-1]:
                for turn in range(times):
                    convert(pairs[(process + turn) % 2], output, mode)
                os._exit(0)
        failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
        is_whole, left = whole(output, files), len([*folder.iterdir()]) - count
    return {"conversions": processes * times, "failed": failed, "whole": is_whole, "left": left}


def memory_of(nets: Sequence[Net], times: int) -> list[int]:
    """Resident MB after a fifth of so many conversions in one process, and after all."""
    sizes = []
    for number in range(times):
        prototxt, weights = nets[number % len(nets)]
        with tempfile.TemporaryDirectory() as folder, suppress(BridgeError):
            graph = Path(folder) / "net.onnx"
            trained = weights if weights.is_file() else None
            bridge.caffe_to_onnx(prototxt, trained, graph, check=False)
            raise_onnx(graph, Path(folder) / "net.keras", check=False)
        if number + 1 in (times // 5, times):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            sizes.append(pages * resource.getpagesize() // 2**20)
    return sizes
