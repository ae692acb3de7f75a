"""A net in Caffe's two files, with random weights, and what it is lowered to."""

from __future__ import annotations

from pathlib import Path

import bridge
from tests.helpers.public_nets import write_even_weights

Pair = tuple[Path, Path]


def lowered_pair(folder: Path, prototxt: str, *, dynamic: bool = False) -> tuple[Pair, Path]:
    """The prototxt and the caffemodel, and the ONNX file."""
    text, weights, lowered = (folder / f"net.{end}" for end in ("prototxt", "caffemodel", "onnx"))
    text.write_text(prototxt)
    write_even_weights(text, weights)
    bridge.caffe_to_onnx(text, weights, lowered, check=False, dynamic=dynamic)
    return (text, weights), lowered
