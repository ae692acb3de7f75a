"""What is looked at in the message of an ONNX file before anything else reads it."""

from __future__ import annotations

from pathlib import Path

import onnx

from bridge.graph.io.functions import refuse_too_many_nodes
from bridge.graph.io.linked import refuse_changed
from bridge.graph.io.tensors import refuse_unreadable_tensors
from bridge.graph.io.texts import refuse_other_encodings


def refuse_unsound(
    model: onnx.ModelProto, path: Path, *, allow_external_path: bool = False
) -> None:
    """Raises GraphError for names that are no text, for tensors without their numbers, for weights
    that have changed or, unless that is allowed, lie outside the file's folder, and for functions
    that are more nodes than anybody can put in."""
    refuse_other_encodings(model, path)
    refuse_unreadable_tensors(model, path, allow_external_path=allow_external_path)
    refuse_changed(model, path)
    if model.functions:
        refuse_too_many_nodes(model, path)
