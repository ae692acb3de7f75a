"""Other people's nets as Keras models, held to onnxruntime; they lie beside the checkout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from bridge.caffe import read
from bridge.caffe.match import with_unknown_weights
from bridge.graph.io import to_ir, to_proto
from bridge.graph.passes import run_passes
from bridge.lower import lower
from bridge.raising import raise_model
from tests.helpers.public_nets import ZOO, feeds_of, input_shapes, is_refused, with_even_weights
from tests.helpers.stage_runner import Staged, stages


@pytest.mark.nightly
@pytest.mark.parametrize("prototxt", ZOO, ids=lambda path: path.stem if path else "none")
def test_a_public_net_is_right_in_keras(
    prototxt: Path, record_property: Callable[[str, str], None]
) -> None:
    """With numbers of even size for the weights, which are not public."""
    shapes = input_shapes(prototxt)
    if not shapes and is_refused(prototxt):
        pytest.skip("it is refused")
    net = with_even_weights(with_unknown_weights(read(prototxt, input_shape=shapes)))
    model = lower(net, input_shape=shapes)
    graph = run_passes(to_ir(model))
    plan = raise_model(graph)
    record_property("Permutes in public nets", f"{len(plan.permutations)} {prototxt.stem}")
    feeds = {name: array.astype(np.float32) for name, array in feeds_of(model).items()}
    steps = stages(net, graph.graph, plan)
    for row in Staged.of(plan).compared(to_proto(model), feeds, steps):
        assert row.ok, row
        assert row.not_finite == (0, 0), row
    keras.backend.clear_session(free_memory=False)
