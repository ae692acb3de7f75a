"""Fields of a prototxt that the schema does not know, or that are set twice: kept and judged later.

Whether they matter depends on which layers lead to an output, and on what plug-ins accept, so
reading only records them, and lowering refuses them or warns about them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum

from bridge.caffe.files.textformat import Scalar
from bridge.caffe.files.untyped import Untyped
from bridge.errors import Location


class Kind(Enum):
    """What is wrong with a field."""

    FIELD = "unknown field"
    VALUE = "unknown value"
    TWICE = "set twice"
    SETTING = "not supported"
    UNREAD = "not read by layers of this type"


@dataclass(frozen=True)
class Complaint:
    """One field of a layer, or of the net, that is not understood.

    `path` leads from the layer down to the field, `("convolution_param", "hole")`; `message` is the
    schema's message that contains it. `suggestion` asks whether another name was meant.
    `written` is the field as it stands in the text, for a plug-in that knows it.
    """

    where: Location
    path: tuple[str, ...]
    message: str
    kind: Kind
    problem: str
    suggestion: str = ""
    written: Untyped | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.path[-1]

    @property
    def is_scalar(self) -> bool:
        return self.written is not None and isinstance(self.written.written[0].value, Scalar)

    def is_named(self, names: Collection[str]) -> bool:
        """Whether one of these names it: `field`, `message.field` by the message's type or by its
        field name, or a message around it."""
        return not self.names.isdisjoint(names)

    @property
    def names(self) -> frozenset[str]:
        holder = self.path[-2:-1] or ("net" if self.message == "NetParameter" else "layer",)
        of_holder = (f"{name}.{self.name}" for name in (*holder, self.message))
        return frozenset((*self.path, *of_holder))

    def __str__(self) -> str:
        return self.describe()

    def describe(self, verdict: str = "") -> str:
        """What is wrong, what becomes of it, and what may have been meant."""
        meant = f"; {self.suggestion}" if self.suggestion else ""
        return f"{self.problem}{f' ({verdict})' if verdict else ''}{meant}"

    def line(self, layer: object = None, verdict: str = "") -> str:
        """The same with file and line, and the layer that contains it, if any."""
        location = f"{self.where.file}:{self.where.line}" if self.where.line else self.where.file
        return f"{location}: {f'{layer}: ' if layer else ''}{self.describe(verdict)}"
