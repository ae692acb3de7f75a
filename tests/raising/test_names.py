"""Names: spelled so that Keras and TensorFlow take them, and back again."""

from __future__ import annotations

from itertools import islice

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from bridge.raising.names import decode, encode, spellings

ODD = (
    *("", ".", "..", "...", "-", "--", "---", "/", "//", "///", "0", "0-_", "0-_-", "0-_2f-", "0/"),
    *("_a", "-a", ".a", "/a", "a_", "a-", "a.", "a/", "a.-b", "a-.b", "a--b", "a..b", "a//b"),
    *("a/_b", "a/.b", "a/-b", "a/é", "a>b", "é", "a b", "a -b", "conv:0", "0-_20-"),
)


@given(st.text())
def test_decode_gives_back_what_encode_was_given(name: str) -> None:
    assert decode(encode(name)) == name


@pytest.mark.parametrize("name", ODD)
def test_odd_names_come_back(name: str) -> None:
    assert decode(encode(name)) == name


@given(st.text(), st.integers(0, 3))
def test_an_output_has_further_spellings_of_which_none_is_another_name(
    name: str, number: int
) -> None:
    spelling = [*islice(spellings(name), 4)][number]
    assert decode(spelling) == name
    assert (encode(name) == spelling) == (number == 0)


@given(st.text(alphabet="./>_-a20"), st.text(alphabet="./>_-a20"))
def test_no_two_names_meet(one: str, other: str) -> None:
    assert (encode(one) == encode(other)) == (one == other)


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("conv5_3", "conv5_3"),
        ("inception_3a/1x1", "inception_3a>1x1"),
        ("layer1.0.conv1", "layer1--0--conv1"),
        ("a b", "a0-_20-b"),
        ("_hidden", "0-_5f-hidden"),
        ("", "0-_-"),
    ],
)
def test_spelling(name: str, spelled: str) -> None:
    assert encode(name) == spelled


@pytest.mark.parametrize("name", ODD)
def test_a_keras_model_with_such_names_runs_as_a_tensorflow_graph(name: str) -> None:
    x = keras.Input((2,), name="x")
    model = keras.Model(x, keras.layers.Dense(1, name=encode(name))(x), name=encode(name))
    graph = tf.function(model).get_concrete_function(tf.TensorSpec((None, 2)))
    assert graph(tf.ones((3, 2))).shape == (3, 1)


@given(st.text(max_size=20))
def test_pytorch_takes_every_spelling(name: str) -> None:
    """It holds a layer's weights by their paths, which begin with the layer's name."""
    assert "." not in encode(name)


@given(st.text(max_size=20))
def test_a_tensorflow_graph_takes_every_spelling(name: str) -> None:
    with tf.Graph().as_default():
        assert tf.constant(np.float32(0), name=encode(name)).op.name == encode(name)
