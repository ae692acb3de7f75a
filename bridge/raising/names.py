"""A reversible spelling of Caffe and ONNX names in the characters that Keras allows.

Keras forbids `/`, PyTorch a dot in the name of a weight, and a TensorFlow graph allows only
`A-Za-z0-9_>-` (a letter or digit first, and after each `>`). A path stays readable:
`inception_3a/1x1` becomes `inception_3a>1x1`, and `block.0` becomes `block--0`. Any other forbidden
character becomes its code point, `0-_20-` for a space.

An operation that stands for an output of the graph, whose name another operation has already, has
`0-_output-` after it, or `0-_output2-` and so on; to `decode` that is nothing.

Law: `decode(spelling) == name` for each of the `spellings(name)`, so no two names collide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, count

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_./-]|^[_./-]|/(?![^_./-])|-(?=[.-])|0(?=-_)")
_CODED = re.compile(r"0-_(?:output\d*)?-|0-_([0-9a-f]+)-|--|>")
_EMPTY = "0-_-"
_SERVED = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$")


def encode(name: str) -> str:
    """The Keras spelling of an ONNX or Caffe name."""
    if not name:
        return _EMPTY
    coded = _FORBIDDEN.sub(lambda match: f"0-_{ord(match[0]):x}-", name)
    return coded.replace("/", ">").replace(".", "--")


def spellings(name: str) -> Iterator[str]:
    """The Keras spelling of a name, and those that an output has where others are taken."""
    spelling = encode(name)
    yield spelling
    yield from (f"{spelling}0-_output{number}-" for number in chain([""], count(2)))


def decode(name: str) -> str:
    """The name of which this is one of the `spellings`."""
    return _CODED.sub(_decoded, name)


def serving_names(spelled: Sequence[str]) -> list[str]:
    """The names of inputs in `.tflite` and SavedModels, of which these are the spellings: ONNX's,
    or the spellings themselves if TensorFlow does not take one of those.

    TensorFlow makes names of arguments of them, which have to differ.
    """
    names = [decode(name) for name in spelled]
    arguments = {re.sub("[^a-z0-9]", "_", name.lower()) for name in names}
    return names if all(map(_SERVED.match, names)) and len(arguments) == len(names) else [*spelled]


def _decoded(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else {"--": ".", ">": "/"}.get(match[0], "")
