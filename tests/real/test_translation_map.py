"""The translation map of trained nets: what it says, done with plain numpy, is the Keras model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bridge.caffe import read
from bridge.check.inputs import fixed
from bridge.convert import raise_caffe
from bridge.errors import UnsupportedError
from bridge.results import Raising
from bridge.translation import MappedTensor
from tests.helpers.golden_cases import assert_close
from tests.helpers.map_evaluation import evaluated, rearranged
from tests.real.nets import ALL, Net


@pytest.fixture(scope="module", params=ALL)
def net(real_models: Path, request: pytest.FixtureRequest) -> Net:
    return Net(real_models / request.param)


@pytest.fixture(scope="module")
def done(net: Net) -> Raising:
    try:
        return raise_caffe(net.prototxt, net.caffemodel, check=False)
    except UnsupportedError as refusal:
        pytest.skip(f"not raised: {refusal}")


def tensor_of(model: keras.Model, tensor: MappedTensor) -> Any:
    (operation,) = (item for item in model.operations if item.name == tensor.keras)
    return keras.tree.flatten(operation.output)[tensor.output]


def test_the_expressions_make_the_weights_of_caffes_blobs(net: Net, done: Raising) -> None:
    blobs = read(net.prototxt, net.caffemodel)
    recorded: Mapping[int, Any] = {
        id(getattr(done.model.get_layer(weight.layer), weight.role)): weight
        for weight in done.map.weights
        if not weight.role.startswith("argument")
    }
    variables = [x for x in done.model.weights if "seed_generator" not in x.path]
    assert len(recorded) == len(variables)
    for variable in variables:
        weight = recorded[id(variable)]
        if all(source.layer is None for source in weight.sources):
            continue  # no blob's: the prior boxes, say, which come of the net's text alone
        array = evaluated(weight, blobs, {})
        np.testing.assert_array_equal(variable.numpy(), array, err_msg=str(weight))


def test_every_blob_of_caffe_is_where_the_map_says_and_as_it_says(net: Net, done: Raising) -> None:
    blobs = net.blobs()
    if len(done.plan.outputs) == 1:  # which one record calls by its layer's name
        blobs |= dict(zip(done.plan.outputs, net.arrays("out").values(), strict=True))
    tensors = [
        tensor
        for tensor in done.map.tensors
        # The order within a concatenation is told, but not in einops' notation.
        if tensor.value in blobs and ";" not in tensor.order
    ]
    assert {tensor.value for tensor in tensors} >= {*done.plan.outputs}
    outputs = [tensor_of(done.model, tensor) for tensor in tensors]
    feeds = [
        rearranged(blobs[tensor.value], tensor.order, tensor.sizes)
        for entry in done.plan.inputs
        for tensor in tensors
        if tensor.value == entry.value
    ]
    results = keras.Model(done.model.inputs, outputs)(feeds)
    for tensor, result in zip(tensors, results, strict=True):
        expected = rearranged(blobs[tensor.value], tensor.order, tensor.sizes)
        assert_close(np.asarray(result), expected, tensor.value)


def test_the_texts_carry_inputs_and_outputs_as_the_layouts_do(done: Raising) -> None:
    tensors = {tensor.value: tensor for tensor in done.map.tensors}
    for value in (*(entry.value for entry in done.plan.inputs), *done.plan.outputs):
        layout, tensor = done.plan.values[value].layout, tensors[value]
        assert (tensor.shape, tensor.stored) == (layout.logical_shape, layout.stored_shape)
        shape = fixed(tensor.shape)
        x = np.arange(np.prod(shape)).reshape(shape)
        np.testing.assert_array_equal(
            rearranged(x, tensor.order, tensor.sizes), layout.apply(x), err_msg=value
        )
