"""Small nets as text, lowered and run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from bridge.caffe import Blob, Net, read
from bridge.graph.io import to_proto
from bridge.lower import LoweredModel, lower

Arrays = Mapping[str, NDArray[np.float32]]
NetOf = Callable[..., Net]


@pytest.fixture
def net_of(tmp_path: Path) -> NetOf:
    """A net of prototxt text; weights are arrays by layer name, inputs shapes by blob name."""

    def make(text: str, weights: Mapping[str, Sequence[Any]] = {}, **inputs: Sequence[int]) -> Net:
        header = "".join(
            f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ '
            + " ".join(f"dim: {size}" for size in shape)
            + " } } }\n"
            for name, shape in inputs.items()
        )
        path = tmp_path / "net.prototxt"
        path.write_text(header + text, encoding="utf-8")
        net = read(path)
        layers = (replace(x, blobs=_blobs(weights.get(x.name, ()))) for x in net.layers)
        return replace(net, layers=tuple(layers))

    return make


def _blobs(arrays: Sequence[Any]) -> tuple[Blob, ...]:
    floats = [np.asarray(array, np.float32) for array in arrays]
    return tuple(Blob(array.shape, partial(np.asarray, array)) for array in floats)


@pytest.fixture
def run() -> Callable[..., dict[str, NDArray[Any]]]:
    """What onnxruntime makes of a lowered model; the file holds to ONNX's own checks first."""

    def outputs(model: LoweredModel, **inputs: Any) -> dict[str, NDArray[Any]]:
        proto = to_proto(model)
        onnx.checker.check_model(proto, full_check=True)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
        feeds = {name: np.asarray(array, np.float32) for name, array in inputs.items()}
        return dict(zip(model.outputs, session.run(list(model.outputs), feeds), strict=True))

    return outputs


@pytest.fixture
def one_layer(net_of: NetOf, run: Callable[..., Any]) -> Callable[..., Any]:
    """One layer `l` on the inputs given, bottoms in their order: the value of its top `y`."""

    def apply(
        type_: str, settings: str = "", *, weights: Sequence[Any] = (), **inputs: Any
    ) -> NDArray[Any]:
        bottoms = " ".join(f'bottom: "{name}"' for name in inputs)
        text = f'layer {{ name: "l" type: "{type_}" {bottoms} top: "y" {settings} }}'
        shapes = {name: np.shape(array) for name, array in inputs.items()}
        return run(lower(net_of(text, {"l": weights}, **shapes)), **inputs)["y"]

    return apply
