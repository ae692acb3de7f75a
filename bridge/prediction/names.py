"""The names of a net's classes, in a file: a line for each, or a label map of Caffe's SSD."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from bridge.caffe.files.textformat import Scalar, decode, parse
from bridge.caffe.files.untyped import Untyped
from bridge.errors import UsageError
from bridge.files import readable

Names = Mapping[int, str]

_LABEL_MAP = re.compile(r"\A(?:\s|#[^\n]*\n)*item\s*:?\s*\{")


def read_names(path: Path) -> Names:
    """The name of each class, by its index: the first line is that of class 0.

    Raises UsageError if the file is missing or empty, PrototxtError for a damaged label map.
    """
    text = decode(readable(path, "names of the classes").read_bytes())
    names = _in_label_map(text, path) if _LABEL_MAP.match(text) else _in_lines(text)
    if not names or "\0" in text:
        raise UsageError(
            "no names of classes",
            where=path,
            expected="a text with a line for each class, or a label map: item { name: label: }",
        )
    return names


def _in_lines(text: str) -> Names:
    return dict(enumerate(line.strip() for line in text.rstrip().splitlines()))


def _in_label_map(text: str, path: Path) -> Names:
    """As of caffe.proto's LabelMap in the SSD branch: the name to display counts, if there is
    one."""
    tree = parse(text, str(path))
    items = [
        Untyped(field.value, tree.source)
        for field in tree.fields
        if field.name == "item" and not isinstance(field.value, Scalar)
    ]
    return {
        item["label"]: str(item.get("display_name", item.get("name", "")))
        for item in items
        if isinstance(item.get("label"), int)
    }
