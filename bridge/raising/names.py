"""Keras spells names in fewer characters than Caffe and ONNX do; this spelling loses nothing.

Keras forbids `/`, and a TensorFlow graph takes only `A-Za-z0-9_.>-` (a letter, digit or dot
first). A path keeps its look, `inception_3a/1x1` is `inception_3a>1x1`; any other character that
is not allowed becomes its code point, `..20.` for a space.

Law: `decode(encode(name)) == name`, so no two names meet.
"""

from __future__ import annotations

import re

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_./-]|^[_/-]|\.(?=\.)")
_CODED = re.compile(r"\.\.([0-9a-f]+)\.|>")
_EMPTY = "..."


def encode(name: str) -> str:
    """The Keras spelling of an ONNX or Caffe name."""
    if not name:
        return _EMPTY
    return _FORBIDDEN.sub(lambda found: f"..{ord(found[0]):x}.", name).replace("/", ">")


def decode(name: str) -> str:
    """The name that `encode` was given."""
    if name == _EMPTY:
        return ""
    return _CODED.sub(lambda found: chr(int(found[1], 16)) if found[1] else "/", name)
