"""Python layers: each module and class is a layer type of its own.

The layer that Caffe runs is `module.Class`, so that is its type here; a plug-in may register a rule
under this name. Its parameters are those in `param_str`, written as YAML or Python.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from bridge.caffe.files.prototxt import Message

# Settings that these layers read from their program's configuration for testing
# (lib/fast_rcnn/config.py of py-faster-rcnn, SSH/configs/default_config.yml of SSH), under the
# names that the C++ layers use.
CONFIGURED: Mapping[str, Mapping[str, float]] = {
    "rpn.proposal_layer.ProposalLayer": {
        "pre_nms_topn": 6000,
        "post_nms_topn": 300,
        "nms_thresh": 0.7,
        "min_size": 16,
    },
    "SSH.layers.proposal_layer.ProposalLayer": {"pre_nms_topn": 1000, "min_size": 0},
}

# A key of YAML without quotes.
_BARE_KEY = re.compile(r"""(?<![\w'"])([A-Za-z_]\w*)(?=\s*:)""")


def with_class(layer: Message, warnings: list[str]) -> Message:
    """A `Python` layer as one of type `module.Class`, any other layer unchanged.

    Its `python_param` holds the settings of `param_str` by name; or, if that is neither a mapping
    nor empty, the text itself as "param_str". A warning names settings that are stored elsewhere.
    """
    if layer.get("type") != "Python":
        return layer
    params = layer.get("python_param", {})
    type_ = f"{params.get('module', '')}.{params.get('layer', '')}"
    settings = _settings(params.get("param_str", ""))
    configured = {k: v for k, v in CONFIGURED.get(type_, {}).items() if k not in settings}
    if configured:
        values = ", ".join(f"{name} {value}" for name, value in configured.items())
        warnings.append(
            f"{layer.where}: layer '{layer.get('name', '')}' ({type_}) has settings outside the "
            f"prototxt; assumed: {values}. Write other values into its param_str"
        )
    return layer.with_values({**layer, "type": type_, "python_param": {**settings, **configured}})


def _settings(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    quoted = _BARE_KEY.sub(r"'\1'", text)
    lines = ",".join(line.rstrip(", ") for line in quoted.splitlines() if line.strip())
    for candidate in (text, quoted, f"{{{lines}}}"):
        try:
            value = ast.literal_eval(candidate.strip())
        except (ValueError, SyntaxError):
            continue
        if isinstance(value, dict):
            return value
    return {"param_str": text}
