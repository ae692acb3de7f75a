"""The environments that scripts make for runtimes: each of its own, with pinned packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".venv" / "bin" / "uv"
RUNTIMES_BUILD = ROOT / "build" / "runtimes"
NUMPY = "numpy==2.4.6"
ONNX = "onnx==1.23.2"


@dataclass(frozen=True)
class Environment:
    """A virtual environment, or with `npm` packages a Node project.

    packages   what is installed, beside bridge if `with_bridge`
    variables  what it runs with
    needs      a file that another script makes, or the name of a program
    """

    folder: Path
    packages: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    needs: Path | str | None = None
    npm: bool = False
    with_bridge: bool = False

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def make(self) -> str:
        """Makes it, where it is not there with these packages; a reason where it cannot be made."""
        missing = self._missing()
        if missing:
            return missing
        done, packages = self.folder / "complete", " ".join(self.packages)
        if done.is_file() and done.read_text(encoding="utf-8") == packages:
            return ""
        print(f"making {self.folder.relative_to(ROOT)}: {packages}", file=sys.stderr, flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        for command in self._commands():
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            if ran.returncode:
                return f"could not be installed: {last_line(ran.stderr)}"
        done.write_text(packages, encoding="utf-8")
        return ""

    def _missing(self) -> str:
        programs = [name for name in (self.needs, "npm" if self.npm else None) if name]
        for name in programs:
            if isinstance(name, Path) and not name.exists():
                return f"there is no {name.relative_to(ROOT)}"
            if isinstance(name, str) and shutil.which(name) is None:
                return f"there is no {name} on PATH"
        return ""

    def _commands(self) -> Sequence[Sequence[str | Path]]:
        if self.npm:
            npm = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
            return [[*npm, "--prefix", self.folder, *self.packages]]
        own = ("--editable", str(ROOT)) if self.with_bridge else ()
        install = (UV, "pip", "install", "--quiet", "--python", self.python)
        return [
            [UV, "venv", "--quiet", "--clear", "--python", sys.executable, self.folder],
            [*install, *own, *self.packages],
        ]


def last_line(text: str) -> str:
    return ([line.strip() for line in text.splitlines() if line.strip()] or [""])[-1]


def _runtime(name: str, *packages: str, needs: str | None = None) -> tuple[str, Environment]:
    return name, Environment(RUNTIMES_BUILD / name, (NUMPY, *packages), needs=needs)


WEB = Environment(RUNTIMES_BUILD / "onnxruntime-web", ("onnxruntime-web@1.30.0",), npm=True)

# By the names that `check --runtime` has for them; those that are quick to install and to run
# come first.
RUNTIME_ENVIRONMENTS: Mapping[str, Environment] = dict(
    [
        ("onnxruntime-web", WEB),
        _runtime("openvino", "openvino==2026.4.1"),
        _runtime("opencv5", "opencv-python-headless==5.0.0.93"),
        _runtime("opencv4", "opencv-python-headless==4.14.0.94"),
        _runtime("tract", "tract==0.23.9"),
        _runtime("mnn", "MNN==3.6.1"),
        _runtime("onnx2torch", "onnx2torch==1.5.15", "torch==2.13.0", "torchvision==0.28.0"),
        _runtime("tinygrad", "tinygrad==0.14.0", needs="clang"),
        _runtime("tvm", "apache-tvm==0.27.0.post1", ONNX),
        _runtime("ncnn", "pnnx==20261020", "ncnn==1.0.20261020", "torch==2.13.0"),
        _runtime("iree", "iree-base-compiler==3.13.0", "iree-base-runtime==3.13.0", ONNX),
    ]
)


def variables(environment: Environment | None = None) -> dict[str, str]:
    """The variables of a process that is to find these environments."""
    own = environment.variables if environment else {}
    return {**os.environ, "BRIDGE_RUNTIMES": str(RUNTIMES_BUILD), **own}


def state() -> str:
    """The state of the package that is measured: git's name for its folder."""
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD:bridge"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout[:12]


def commit() -> str:
    """The commit that is measured, in short."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short=7", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
