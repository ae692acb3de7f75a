"""What a check has found, and how it reads."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.check.compare import Row
from bridge.errors import CheckError


@dataclass(frozen=True)
class Report:
    """The rows of one comparison, in the order in which the graph computes them."""

    subject: str
    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        return all(row.ok for row in self.rows)

    @property
    def worst(self) -> Row | None:
        """The row that comes nearest to its limit, or is farthest beyond it."""
        return max(self.rows, key=lambda row: row.error / row.limit, default=None)

    def require_ok(self) -> Report:
        """Raises CheckError, naming the first blob that differs, unless every row holds."""
        for row in self.rows:
            if not row.ok:
                raise CheckError(
                    f"{self.subject}: '{row.name}' differs",
                    expected=f"shape {row.expected_shape}, within {row.limit:.3g}",
                    received=f"shape {row.received_shape}, off by {row.error:.3g} at {row.place}",
                    hint="this is a fault of bridge's: please report it with the two files",
                )
        return self

    def __str__(self) -> str:
        verdict = "equal" if self.ok else "NOT EQUAL"
        worst = self.worst
        detail = "" if worst is None else f", worst {worst.error:.2g} of {worst.limit:.2g} allowed"
        return f"{self.subject}: {len(self.rows)} blobs {verdict}{detail}"
