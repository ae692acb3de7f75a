"""Damaged files of every kind, seeded: done or refused, and never a fault of bridge itself.

A number that was changed may make another net, which is right as that. So results are not looked
at here, only what comes out beside them.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

import bridge
from bridge.errors import BridgeError, InternalError
from bridge.inspection import inspect
from bridge.lower import TABLE
from tests.helpers.golden_cases import CASES, Case, case

ODD = "0 -1 2 65 2147483647 4294967295 -2147483648 1e38 1e400 nan inf 0x10 1.5 true MAX".split()
ODD += ["9" * 5000, '"x"', '""']


@contextmanager
def no_fault(what: object) -> Iterator[None]:
    """Within it nothing but a refusal may be raised, and no InternalError."""
    try:
        yield
    except InternalError as error:
        pytest.fail(f"{what}: {error}")
    except BridgeError:
        pass


def damaged_text(data: bytes, random: Random) -> bytes:
    """A character, a line, a number or a type is another, is gone, or is there twice."""
    text = data.decode()
    lines, at = text.split("\n"), random.randrange(len(text))
    line = random.randrange(len(lines))
    match random.randrange(7):
        case 0:
            text = text[:at] + chr(random.randrange(256)) + text[at + 1 :]
        case 1:
            text = text[:at]
        case 2:
            text = "\n".join(lines[:line] + lines[line + 1 :])
        case 3:
            text = "\n".join([*lines[:line], lines[line], *lines[line:]])
        case 4:
            text = swapped(text, r'type: "\w+"', f'type: "{random.choice(sorted(TABLE))}"', random)
        case _:
            text = swapped(text, r"(?<=[: ])-?\d[\d.e-]*", random.choice(ODD), random)
    return text.encode("latin-1", "replace")


def swapped(text: str, pattern: str, new: str, random: Random) -> str:
    matches = list(re.finditer(pattern, text))
    one = random.choice(matches) if matches else re.match("", text)
    assert one is not None
    return text[: one.start()] + new + text[one.end() :]


def damaged_bytes(data: bytes, random: Random) -> bytes:
    """Bits are turned, mostly near the beginning; bytes are gone, or the end is."""
    damaged = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 4])):
        at = random.randrange(min(len(damaged), 200 if random.random() < 0.6 else len(damaged)))
        match random.randrange(4):
            case 0 | 1:
                damaged[at] ^= 1 << random.randrange(8)
            case 2:
                del damaged[at : at + random.randrange(1, 9)]
            case _ if at > 20:
                del damaged[at:]
    return bytes(damaged)


FEW, MANY = range(1), pytest.param(range(1, 100), marks=pytest.mark.nightly)
CHANGES = 40


@pytest.mark.parametrize("seeds", [FEW, MANY], ids=["few", "many"])
def test_nets_of_caffe(seeds: Sequence[int], tmp_path: Path) -> None:
    for seed in seeds:
        for damage in ("text", "weights"):
            random = Random(f"{seed} {damage}")
            for net in random.sample(CASES, CHANGES):
                files = copied(net, tmp_path)
                file = files[0] if damage == "text" else files[-1]
                how = damaged_text if file.suffix == ".prototxt" else damaged_bytes
                file.write_bytes(how(file.read_bytes(), random))
                with no_fault(f"{net}, seed {seed}"):
                    random.choice(VERBS)(files)


def copied(net: Case, folder: Path) -> list[Path]:
    sources = [path for path in (net.prototxt, net.caffemodel) if path.is_file()]
    for source in sources:
        (folder / source.name).write_bytes(source.read_bytes())
    return [folder / source.name for source in sources]


VERBS: Sequence[Callable[[list[Path]], object]] = (
    inspect,
    lambda files: bridge.explain(*files),
    lambda files: bridge.caffe_to_onnx(*files, check=False).proto,
    lambda files: bridge.caffe_to_onnx(*files),
    lambda files: bridge.caffe_to_onnx(files[-1], check=False),
)


@pytest.mark.parametrize("seeds", [FEW, MANY], ids=["few", "many"])
def test_recordings(seeds: Sequence[int], tmp_path: Path) -> None:
    net = case("conv_basic_k3")
    graph, record = tmp_path / "net.onnx", net.folder / "io.npz"
    bridge.caffe_to_onnx(net.prototxt, net.caffemodel, graph)
    for seed in seeds:
        random = Random(seed)
        for _ in range(CHANGES):
            broken = tmp_path / "io.npz"
            broken.write_bytes(damaged_bytes(record.read_bytes(), random))
            with no_fault(f"seed {seed}"):
                bridge.check(broken, random.choice([graph, record]))
            with no_fault(f"seed {seed}"):
                bridge.check(graph, graph, inputs=broken)


def test_entries_of_an_npz_that_are_no_arrays(tmp_path: Path) -> None:
    net = case("conv_basic_k3")
    for name, content in (("out/out", b""), ("out/out", b"text"), ("note.txt", b"text")):
        path = tmp_path / "io.npz"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(name, content)
        with pytest.raises(BridgeError, match=r"is not an array|in common"):
            bridge.check(path, path if name != "note.txt" else net.folder / "io.npz")


@pytest.mark.parametrize("seeds", [FEW, MANY], ids=["few", "many"])
def test_graphs(seeds: Sequence[int], tmp_path: Path) -> None:
    for seed in seeds:
        random = Random(seed)
        for net in random.sample(CASES, CHANGES // 4):
            path = tmp_path / "net.onnx"
            with no_fault(net):
                bridge.caffe_to_onnx(net.prototxt, net.caffemodel, path, check=False)
            if path.is_file():
                path.write_bytes(damaged_bytes(path.read_bytes(), random))
                for verb in (lambda p: inspect([p]), lambda p: bridge.check(p, p)):
                    with no_fault(f"{net}, seed {seed}"):
                        verb(path)
                path.unlink()


@cache
def node_tests() -> Sequence[Any]:
    """ONNX's own tests of operators, made when this is called."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sorted(load_model_tests(kind="node"), key=lambda case: case.name)


SAMPLE = pytest.param(slice(7, None, 400), id="sample")
PARTS = [pytest.param(slice(n, None, 20), marks=pytest.mark.nightly) for n in range(20)]


@pytest.mark.parametrize("part", [SAMPLE, *PARTS])
def test_onnxs_own_node_tests(part: slice, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    for node_test in node_tests()[part]:
        path.write_bytes(node_test.model.SerializeToString())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of NumPy and Keras, over values that tests have odd
            with no_fault(node_test.name):
                inspect([path])
            with no_fault(node_test.name):
                bridge.onnx_to_keras(path, check=False)
