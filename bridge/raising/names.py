"""Keras spells names in fewer characters than Caffe and ONNX do; this spelling loses nothing.

Keras forbids `/`, PyTorch a dot in what names a weight, and a TensorFlow graph takes only
`A-Za-z0-9_>-` besides (a letter or digit first, and behind each `>`). A path keeps its look,
`inception_3a/1x1` is `inception_3a>1x1` and `block.0` is `block--0`; any other character that is
not allowed becomes its code point, `0-_20-` for a space.

Law: `decode(encode(name)) == name`, so no two names meet.
"""

from __future__ import annotations

import re

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_./-]|^[_./-]|/(?![^_./-])|-(?=[.-])|0(?=-_)")
_CODED = re.compile(r"0-_([0-9a-f]+)-|--|>")
_EMPTY = "0-_-"


def encode(name: str) -> str:
    """The Keras spelling of an ONNX or Caffe name."""
    if not name:
        return _EMPTY
    coded = _FORBIDDEN.sub(lambda found: f"0-_{ord(found[0]):x}-", name)
    return coded.replace("/", ">").replace(".", "--")


def decode(name: str) -> str:
    """The name that `encode` was given."""
    if name == _EMPTY:
        return ""
    return _CODED.sub(_decoded, name)


def _decoded(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else {"--": ".", ">": "/"}[found[0]]
