"""What a conversion has made: a table of its inputs and outputs, its check, and one last line.

All of it is one JSON object with --json, and nothing with --quiet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bridge.cli.show import show_json, show_table, show_verdict, show_warnings, words

if TYPE_CHECKING:
    from bridge.check.report import Report
    from bridge.cli.options import Printing
    from bridge.layout import Layout
    from bridge.results import Conversion, Raising
    from bridge.to_onnx import Export

_UNITS = ("bytes", "kB", "MB", "GB")

Dims = Sequence[int | str]


@dataclass(frozen=True)
class Tensor:
    """An input or an output; `layout` is how Keras stores it, empty for an ONNX graph."""

    kind: str
    name: str
    shape: Dims
    layout: str = ""


@dataclass(frozen=True)
class Summary:
    """A file, or the folder of a SavedModel, and what is in it.

    `counts` has the number of `layers` or `nodes`, of `parameters`, and of `transposes` in Keras.
    """

    path: Path
    heads: Sequence[str]
    tensors: Sequence[Tensor]
    counts: Mapping[str, int]
    report: Report | None
    warnings: Sequence[str] = ()
    details: Sequence[str] = field(default_factory=tuple)

    @classmethod
    def of_conversion(cls, conversion: Conversion, path: Path, choices: Sequence[str]) -> Self:
        counts = {
            "nodes": len(conversion.model.proto.graph.node),
            "parameters": _parameters(w.shape for w in conversion.model.weights.values()),
        }
        tensors = _tensors(conversion.inputs, conversion.outputs)
        report, warnings = conversion.report, conversion.warnings
        return cls(path, ("", "blob", "shape"), tensors, counts, report, warnings, choices)

    @classmethod
    def of_raising(cls, raising: Raising, path: Path) -> Self:
        plan = raising.plan
        names = [("input", planned.value) for planned in plan.inputs]
        names += [("output", name) for name in plan.outputs]
        tensors = [_in_keras(kind, name, plan.values[name].layout) for kind, name in names]
        own = [call for call in plan.calls if call.again is None]
        counts = {
            "layers": len(own),
            "parameters": _parameters(w.shape for call in own for w in call.weights.values()),
            "transposes": len(plan.permutations),
        }
        heads = ("", "blob", "shape in Keras", "layout")
        return cls(path, heads, tensors, counts, raising.report, raising.warnings)

    @classmethod
    def of_export(cls, export: Export, path: Path) -> Self:
        counts = {
            "nodes": len(export.proto.graph.node),
            "parameters": _parameters(x.dims for x in export.proto.graph.initializer),
        }
        tensors = _tensors(export.inputs, export.outputs)
        return cls(path, ("", "name", "shape"), tensors, counts, export.report)

    def show(self, seconds: float, printing: Printing) -> None:
        """Prints it to standard output, and its warnings to standard error."""
        show_warnings(self.warnings)
        if printing.as_json:
            show_json(self.as_dict(seconds))
        elif printing.prose:
            rows = [
                (x.kind, x.name, words(x.shape), x.layout)[: len(self.heads)] for x in self.tensors
            ]
            show_table(self.heads, rows)
            for detail in self.details:
                print(detail)
            if self.report is not None:
                show_verdict(str(self.report), self.report.verdict)
            print(self.line(seconds))

    def line(self, seconds: float) -> str:
        """The file, and in one line all that is in it."""
        facts = [_in_units(_bytes(self.path))]
        facts += [
            f"{count:,} {name[: -1 if count == 1 else None]}" for name, count in self.counts.items()
        ]
        if self.difference is not None:
            facts.append(f"largest difference {self.difference:.2g}")
        return f"{self.path}: {', '.join(facts)}, {seconds:.1f} s"

    @property
    def difference(self) -> float | None:
        """The largest of the check, None if there was none or if it compares no numbers."""
        worst = None if self.report is None else self.report.worst
        return None if worst is None or not worst.error else worst.error

    def as_dict(self, seconds: float) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "bytes": _bytes(self.path),
            **{f"{kind}s": self._of_kind(kind) for kind in ("input", "output")},
            **self.counts,
            "verdict": None if self.report is None else self.report.verdict,
            "largest_difference": self.difference,
            "warnings": list(self.warnings),
            "seconds": round(seconds, 3),
        }

    def _of_kind(self, kind: str) -> dict[str, Any]:
        layout = {x.name: {"layout": x.layout} for x in self.tensors if x.layout}
        return {
            x.name: {"shape": list(x.shape), **layout.get(x.name, {})}
            for x in self.tensors
            if x.kind == kind
        }


def _tensors(inputs: Mapping[str, Dims], outputs: Mapping[str, Dims]) -> list[Tensor]:
    of_both = (("input", inputs), ("output", outputs))
    return [Tensor(kind, name, dims) for kind, all_ in of_both for name, dims in all_.items()]


def _in_keras(kind: str, name: str, layout: Layout) -> Tensor:
    shape = [size if isinstance(size, int) else str(size) for size in layout.stored_shape]
    return Tensor(kind, name, shape, str(layout))


def _parameters(shapes: Iterable[Sequence[int]]) -> int:
    return sum(map(prod, shapes))


def _bytes(path: Path) -> int:
    """Of a file and the weights beside it, or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else chain((path,), _beside(path))
    return sum(file.stat().st_size for file in files if file.is_file())


def _beside(path: Path) -> Iterable[Path]:
    if path.suffix == ".py":
        from bridge.script.write import weights_beside

        return weights_beside(path)
    return path.parent.glob(f"{path.name}.*data") if path.suffix == ".onnx" else ()


def _in_units(count: float) -> str:
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} {_UNITS[-1]}"
