"""Messages that the schema lacks, such as those of plug-ins: values as written."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bridge.caffe.files import scalars
from bridge.caffe.files.textformat import Field, Scalar, Source
from bridge.errors import Location


class Untyped(dict[str, Any]):
    """The fields of such a message, typed by how they look: `3` is an int, `BIG` a str.

    A field that is set more than once is a list. `written` holds the fields as in the text, for a
    rule that knows their types.
    """

    def __init__(self, written: tuple[Field, ...], source: Source) -> None:
        self.written, self.source = written, source
        values: dict[str, list[Any]] = {}
        for field in written:
            values.setdefault(field.name, []).append(_as_it_looks(field, source))
        super().__init__(
            {name: items if len(items) > 1 else items[0] for name, items in values.items()}
        )

    def fields(self, name: str) -> tuple[Field, ...]:
        """The field of this name, once for each time it is set."""
        return tuple(field for field in self.written if field.name == name)

    def location(self, name: str) -> Location:
        return self.source.at(self.fields(name)[0].offset)

    def without(self, names: Collection[str]) -> Untyped:
        return Untyped(tuple(f for f in self.written if f.name not in names), self.source)


def _as_it_looks(field: Field, source: Source) -> Any:
    if isinstance(field.value, Scalar):
        return scalars.as_it_looks(field.value)
    return Untyped(field.value, source)
