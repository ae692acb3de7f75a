"""Folders are the pipeline: imports go down the list only, and the entry points open at once."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bridge
from tests.helpers.golden_cases import case

PACKAGE = Path(bridge.__file__).parent
ORDER = (
    "types",
    "errors",
    "public",
    "files",
    "suppress_output",
    "cluster",
    "registry",
    "plugins",
    "layout",
    "ir",
    "graph",
    "raising",
    "archive",
    "tflite",
    "script",
    "keras",
    "caffe",
    "lower",
    "translation",
    "drawing",
    "check",
    "results",
    "from_caffe",
    "from_onnx",
    "to_keras",
    "to_onnx",
    "explanation",
    "training",
    "convert",
    "inspection",
    "support",
    "prediction",
    "folders",
)
ENTRY_POINTS = ("__init__", "__main__", "cli")


def part_of(module: str) -> str:
    """The folder, or the file beside the folders, that holds a module: bridge.caffe.net → caffe."""
    inside = module.split(".")[1:]
    return inside[0] if inside and inside[0] in ORDER + ENTRY_POINTS else "__init__"


def imports(node: ast.AST, when: str = "at once") -> Iterator[tuple[str, str]]:
    """Every module of the package that is imported below `node`, and when: at once or lazily.

    Inside a function, or for the type checker alone, is lazily.
    """
    for child in ast.iter_child_nodes(node):
        later = isinstance(child, ast.FunctionDef) or (
            isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        )
        if isinstance(child, ast.Import):
            names = [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            names = [f"{child.module}.{alias.name}" for alias in child.names]
        else:
            names = []
            yield from imports(child, "lazily" if later else when)
        yield from ((name, when) for name in names if name.split(".")[0] == "bridge")


def upward_imports(module: str, source: str) -> list[str]:
    """The imports that a module may not make.

    A part imports itself and what stands before it in ORDER. An entry point imports errors and
    other entry points at once, and whatever else it needs lazily.
    """
    own = part_of(module)
    return [
        f"{module} imports {name} {when}"
        for name, when in imports(ast.parse(source))
        if not _may_import(own, part_of(name), lazily=when == "lazily")
    ]


def _may_import(own: str, other: str, *, lazily: bool) -> bool:
    if own in ENTRY_POINTS:
        return lazily or other == "errors" or other in ENTRY_POINTS
    return other in ORDER[: ORDER.index(own) + 1]


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(parts), path


def test_imports_go_down_the_list() -> None:
    assert [
        line
        for module, path in modules()
        for line in upward_imports(module, path.read_text("utf-8"))
    ] == []


ONNX_TO_KERAS = ("layout", "graph", "raising", "archive", "tflite", "script", "keras")


def test_onnx_to_keras_stands_without_caffe() -> None:
    """So these folders could be a package of their own, with what stands before them."""
    known = ORDER[: max(map(ORDER.index, ONNX_TO_KERAS)) + 1]
    assert {"caffe", "lower"}.isdisjoint(known)
    assert [
        f"{module} imports {name} {when}"
        for module, path in modules()
        if part_of(module) in known
        for name, when in imports(ast.parse(path.read_text("utf-8")))
        if part_of(name) not in known
    ] == []


def test_every_folder_is_in_the_list() -> None:
    parts = {module.split(".")[1] for module, _ in modules()}
    assert parts == {*ORDER, *ENTRY_POINTS}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bridge.caffe.net", "from bridge.lower.emitter import Emitter"),
        ("bridge.caffe.net", "from bridge import lower"),
        ("bridge.caffe.net", "import bridge.cli"),
        ("bridge.caffe.net", "import bridge"),
        ("bridge.raising.conv", "def build():\n    from bridge.keras import layers"),
        ("bridge.graph.io", "if TYPE_CHECKING:\n    from bridge.raising.plan import Plan"),
        ("bridge.cli", "from bridge.convert import caffe_to_onnx"),
        ("bridge.__init__", "try:\n    import bridge.caffe.net\nexcept ImportError:\n    pass"),
    ],
)
def test_an_import_upward_imports_is_found(module: str, source: str) -> None:
    assert len(upward_imports(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bridge.lower.rules.spatial.conv", "from bridge.lower.emitter import Emitter"),
        ("bridge.lower.rules.spatial.conv", "from bridge import caffe, errors"),
        ("bridge.cli", "from bridge.errors import BridgeError"),
        ("bridge.cli", "def command():\n    from bridge.convert import caffe_to_onnx"),
        ("bridge.__init__", "if TYPE_CHECKING:\n    from bridge.convert import caffe_to_onnx"),
        ("bridge.__main__", "from bridge.cli import main"),
    ],
)
def test_a_downward_import_is_let_through(module: str, source: str) -> None:
    assert upward_imports(module, source) == []


SLOW = ("bridge.ir", "keras", "numpy", "onnx", "onnxruntime", "rich", "sympy", "tensorflow")


def imported_by(*statements: str) -> set[str]:
    """Which of the SLOW packages a fresh interpreter has loaded after these statements."""
    report = f"print('loaded', *(name for name in {SLOW} if name in sys.modules))"
    code = "\n".join(["import atexit, sys", f"atexit.register(lambda: {report})", *statements])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    marker, *names = done.stdout.splitlines()[-1].split()
    assert marker == "loaded"
    return set(names)


def command(*arguments: object) -> tuple[str, ...]:
    """Statements that run `python -m bridge` with these arguments."""
    argv = ["bridge", *map(str, arguments)]
    return (f"sys.argv = {argv}", "import runpy", "runpy.run_module('bridge', run_name='__main__')")


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        (("import bridge",), set()),
        (("import bridge.cli",), set()),
        (command("--help"), {"rich"}),
        (command("caffe-to-onnx", "--help"), {"rich"}),
    ],
    ids=["bridge", "bridge.cli", "--help", "caffe-to-onnx --help"],
)
def test_the_entry_points_load_nothing_slow(statements: tuple[str, ...], allowed: set[str]) -> None:
    """rich draws the help, and costs little; the others cost seconds."""
    assert imported_by(*statements) <= allowed


def test_caffe_to_onnx_does_without_keras(tmp_path: Path) -> None:
    net = case("conv_basic_k3")
    output = tmp_path / "net.onnx"
    loaded = imported_by(*command("caffe-to-onnx", net.prototxt, net.caffemodel, "-o", output))
    assert output.is_file()
    assert loaded.isdisjoint({"bridge.ir", "keras", "sympy", "tensorflow"})


def test_explain_does_without_keras() -> None:
    net = case("conv_basic_k3")
    loaded = imported_by(*command("explain", net.prototxt, net.caffemodel))
    assert loaded.isdisjoint({"keras", "onnxruntime", "sympy", "tensorflow"})


def test_a_command_looks_rarely_for_garbage() -> None:
    """Each look takes as long as there are objects, and TensorFlow has a million."""
    net = case("conv_basic_k3")
    looks = "sum(part['collections'] for part in gc.get_stats())"
    code = [
        "import atexit, gc, sys, bridge.cli",
        f"before = {looks}",
        f"atexit.register(lambda: print('looks', {looks} - before))",
        *command("explain", net.prototxt, net.caffemodel),
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout.split("looks ")[1]) <= 5
