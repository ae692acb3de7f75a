"""The result of a check, as data and as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from bridge.check.accuracy import Accuracy
from bridge.check.compare import Row, Verdict
from bridge.check.report.where import DifferenceMap
from bridge.check.tolerance import NARROW
from bridge.drawing.diagram import Diagram
from bridge.errors import CheckError, plain
from bridge.files.html import dims, table

SHOWN = 12


@dataclass(frozen=True)
class Report:
    """The rows of one comparison, in the order in which the graph computes them.

    `expected` and `received` name the two models, `fed` their inputs. `unmatched` has the values
    that only one model has, those of the expected one first. `layouts` has the einops text of
    every value that is not stored as in ONNX, `permutations` the transposes of the Keras model,
    each with its reason; `seconds` is the time that each model took, `versions` is by package.
    `accuracy` is on labelled images: both models must agree on each. `dtypes` are those in which
    the two compute. `maps` and `diagram` are for a page: where values differ, and the graph.
    """

    subject: str
    rows: tuple[Row, ...]
    expected: str = ""
    received: str = ""
    fed: str = ""
    unmatched: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    warnings: tuple[str, ...] = ()
    layouts: Mapping[str, str] = field(default_factory=dict)
    permutations: tuple[str, ...] | None = None
    seconds: tuple[float, float] = (0.0, 0.0)
    versions: Mapping[str, str] = field(default_factory=dict)
    accuracy: Accuracy | None = None
    dtypes: tuple[str, ...] = ()
    maps: tuple[DifferenceMap, ...] = ()
    diagram: Diagram | None = field(default=None, repr=False)

    @property
    def verdict(self) -> Verdict:
        """`cannot tell` if nothing differs, but an output would not show it if it did."""
        agree = self.accuracy is None or self.accuracy.disagreements == 0
        if self.first is not None or not agree:
            return "differs"
        return "cannot tell" if self.doubts else "equal"

    @property
    def ok(self) -> bool:
        """Whether the comparison shows that both are equal."""
        return self.verdict == "equal"

    @property
    def doubts(self) -> tuple[Row, ...]:
        """The outputs that cannot tell right from wrong; of all rows, if no output is known.

        A value within the net need not: the values computed from it show whether it is right.
        """
        deciding = [row for row in self.rows if row.is_output] or self.rows
        return tuple(row for row in deciding if row.verdict == "cannot tell")

    def doubted(self) -> str:
        """The doubts in words."""
        lines = [f"'{row.name}': {row.doubt}" for row in self.doubts[:SHOWN]]
        return "\n".join(map(plain, lines + ["…"] * (len(self.doubts) > SHOWN)))

    @property
    def worst(self) -> Row | None:
        """The row that comes nearest to its limit, or is farthest beyond it."""
        return max(self.rows, key=lambda row: row.share, default=None)

    @property
    def first(self) -> Row | None:
        """The first row, in the order of the graph, that differs."""
        return next((row for row in self.rows if row.verdict == "differs"), None)

    @property
    def faults(self) -> tuple[Row, ...]:
        """The rows that differ although none of their inputs does."""
        differing = [row for row in self.rows if row.verdict == "differs"]
        names = {row.name for row in differing}
        return tuple(row for row in differing if names.isdisjoint(row.inputs))

    @cached_property
    def by_name(self) -> Mapping[str, Row]:
        return {row.name: row for row in self.rows}

    def row(self, name: str) -> Row | None:
        """The row of a blob; None if it was not compared (inputs are not)."""
        return self.by_name.get(name)

    def require_no_difference(self) -> Report:
        """Raises CheckError, naming the first blob that differs, if one does."""
        if self.first is not None:
            row = self.first
            narrow = NARROW.keys() & {*self.dtypes, *row.dtypes}
            raise CheckError(
                f"{self.subject}: '{row.name}' differs",
                expected=f"shape {row.expected_shape}, within {row.limit:.3g}",
                received=f"shape {row.received_shape}, off by {row.error:.3g} at {row.place}",
                hint=_NARROW_HINT.format(*narrow) if narrow else _HINT,
            )
        return self

    def located(self) -> str:
        """The first diverging layer in words: its output, and whether its inputs agree."""
        row = self.first
        if row is None:
            return "no layer diverges"
        made_by = row.computed_by or "it"
        lines = [f"'{row.name}' is the first to differ: {_difference(row)}"]
        lines.append(f"  made by {made_by}")
        lines += [f"  from {self._agreement(name)}" for name in row.inputs]
        lines += [
            f"and by itself '{other.name}', made by {other.computed_by}: {_difference(other)}"
            for other in self.faults[1:SHOWN]
        ]
        return "\n".join(map(plain, lines))

    def _agreement(self, name: str) -> str:
        row = self.row(name)
        if row is None:
            return f"'{name}', which both were fed"
        return f"'{name}', which {_AGREEMENT[row.verdict]}: {_difference(row)}"

    def as_dict(self) -> dict[str, Any]:
        """Everything but pictures, for JSON, which has no numbers for inf and nan: they are
        strings."""
        entries = asdict(replace(self, maps=(), diagram=None))
        del entries["maps"], entries["diagram"]
        entries["ok"], entries["verdict"] = self.ok, self.verdict
        entries["first"] = self.first.name if self.first else None
        entries["faults"] = [row.name for row in self.faults]
        for row, entry in zip(self.rows, entries["rows"], strict=True):
            entry["ok"], entry["verdict"] = row.ok, row.verdict
        plain: dict[str, Any] = _plain(entries)
        return plain

    def __repr__(self) -> str:
        return plain(f"<Report {self}>")

    def _repr_html_(self) -> str:
        """The values, as a table for a notebook: those that differ first."""
        rows = sorted(self.rows, key=lambda row: _ORDER[row.verdict])
        cells = [
            (
                row.name,
                dims(row.received_shape),
                f"{row.error:.1e}",
                f"{row.limit:.1e}",
                row.verdict,
            )
            for row in rows
        ]
        return table(self, ("blob", "shape", "max abs", "allowed", ""), cells)

    def __str__(self) -> str:
        worst, count = self.worst, len(self.rows)
        off = "" if worst is None else f", worst {worst.error:.2g} of {worst.limit:.2g} allowed"
        detail = off if worst is not None and worst.error else ""
        blobs = f"{count} {'blob' if count == 1 else 'blobs'}"
        if self.verdict == "cannot tell":
            return f"{self.subject}: CANNOT TELL whether {blobs} {_be(count)} equal{detail}"
        return f"{self.subject}: {blobs} {'equal' if self.ok else 'NOT EQUAL'}{detail}"


_ORDER: Mapping[Verdict, int] = {"differs": 0, "cannot tell": 1, "equal": 2}
_AGREEMENT: Mapping[Verdict, str] = {
    "equal": "agrees",
    "differs": "differs",
    "cannot tell": "cannot tell",
}
_HINT = "this is a fault of bridge: please report it with the two files"
_NARROW_HINT = (
    "the graph computes in {0}, and this is more than its rounding explains: compare it in "
    "float32, and if it differs there as well, please report it with the two files"
)


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _difference(row: Row) -> str:
    if row.expected_shape != row.received_shape:
        return f"shape {_shape(row.received_shape)} instead of {_shape(row.expected_shape)}"
    at = f" at {row.place}" if row.error and row.place else ""
    return f"off by {row.error:.2g}{at}, {row.limit:.2g} allowed{_count(row)}"


def _count(row: Row) -> str:
    """How many numbers differ, if they were counted."""
    if not row.differing:
        return ""
    verb = "differs" if row.differing == 1 else "differ"
    return f"; {row.differing:,} of {row.count:,} values {verb} by more"


def _shape(shape: tuple[int, ...]) -> str:
    return " ".join(map(str, shape)) or "()"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return str(value)
    return value
