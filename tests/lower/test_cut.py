from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.caffe import Net, read
from bridge.errors import UsageError
from bridge.lower.cut import cut

NetOf = Callable[..., Net]

TRAINED = """
layer { name: "a" type: "ReLU" bottom: "x" top: "a" }
layer { name: "b" type: "Sigmoid" bottom: "a" top: "b" }
layer { name: "prob" type: "Softmax" bottom: "a" top: "prob" }
layer { name: "loss" type: "EuclideanLoss" bottom: "b" bottom: "label" top: "loss" }
layer { name: "acc" type: "Accuracy" bottom: "a" bottom: "label" top: "acc" }
"""


def _names(net: Net) -> list[str]:
    return [layer.name for layer in net.layers]


def test_losses_make_way_for_what_they_alone_read(net_of: NetOf) -> None:
    net = cut(net_of(TRAINED, x=(2, 3), label=(2,)))
    assert _names(net) == ["a", "b", "prob"]
    assert net.outputs == ("prob", "b")
    assert [blob.name for blob in net.inputs] == ["x"]
    assert [warning.rpartition(": ")[2] for warning in net.warnings] == [
        "left out at the end of the net"
    ] * 2


def test_outputs_are_given_in_the_order_asked_for(net_of: NetOf) -> None:
    net = cut(net_of(TRAINED, x=(2, 3), label=(2,)), ["prob", "a", "prob"])
    assert net.outputs == ("prob", "a")
    assert _names(net) == ["a", "prob"]


def test_an_unknown_output_is_refused_with_its_like(net_of: NetOf) -> None:
    net = net_of(TRAINED.replace('top: "prob"', 'top: "probs"'), x=(2, 3), label=(2,))
    for name, hint in (("Probs", "did you mean 'probs'?"), ("prob", "layer 'prob' writes probs")):
        with pytest.raises(UsageError, match=f"no blob '{name}'") as refusal:
            cut(net, [name])
        assert refusal.value.hint == hint
    with pytest.raises(UsageError, match="no blob 'probs, a'") as refusal:
        cut(net, ["probs, a"])
    assert refusal.value.hint == "these are 2 names: --outputs probs a"
    with pytest.raises(UsageError, match="no blob 'q'") as refusal:
        cut(net, ["q"])
    assert refusal.value.expected == "x label a b probs loss acc"
    assert refusal.value.hint is None


def test_layers_of_one_name_have_all_their_tops(net_of: NetOf) -> None:
    net = net_of(TWO.replace('name: "b"', 'name: "a"'), x=(2, 3))
    assert cut(net).outputs == ("a", "b")
    assert cut(net, ["a"]).outputs == ("a",)


TWO = """
layer { name: "a" type: "ReLU" bottom: "x" top: "a" }
layer { name: "b" type: "TanH" bottom: "x" top: "b" }
"""


@pytest.mark.parametrize("type_", ["Silence", "HDF5Output", "MatWrite"])
def test_what_only_a_layer_without_tops_reads_is_an_output(net_of: NetOf, type_: str) -> None:
    net = cut(net_of(TWO + f'layer {{ name: "s" type: "{type_}" bottom: "b" }}', x=(1, 2)))
    assert (_names(net), net.outputs) == (["a", "b"], ("a", "b"))
    (warning,) = net.warnings
    assert warning.endswith(
        f"layer 's' ({type_}): left out; the blobs that it reads are outputs: b"
    )


def test_what_others_read_too_is_none(net_of: NetOf) -> None:
    text = (
        TWO
        + """
    layer { name: "c" type: "ReLU" bottom: "b" top: "c" }
    layer { name: "s" type: "Silence" bottom: "b" bottom: "x" }
    layer { name: "w" type: "MatWrite" bottom: "b" }
    """
    )
    net = cut(net_of(text, x=(1, 2)))
    assert net.outputs == ("a", "c")
    (warning,) = net.warnings
    assert warning.endswith("layer 'w' (MatWrite): left out; it writes no blob")


def test_what_is_written_beside_a_loss_stays(net_of: NetOf) -> None:
    text = (
        TWO
        + """
    layer { name: "ip" type: "InnerProduct" bottom: "a" top: "ip"
      inner_product_param { num_output: 2 } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" }
    layer { name: "w" type: "MatWrite" bottom: "b" }
    """
    )
    assert cut(net_of(text, x=(1, 2), label=(1,))).outputs == ("ip", "b")


# ---- nets for training -----------------------------------------------------------------------

DATA = """
layer { name: "d" type: "Data" top: "data" top: "label"
  data_param { batch_size: 2 } transform_param { crop_size: 5 } }
"""
SCORE = """
layer { name: "score" type: "InnerProduct" bottom: "data" top: "score"
  inner_product_param { num_output: 3 } }
"""
ACCURACY = """layer { name: "a" type: "Accuracy" bottom: "score" bottom: "label"
                     top: "a" top: "accuracies" }"""
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "l" top: "loss" }'


@pytest.mark.parametrize(
    "more",
    [
        'layer { name: "r" type: "Reshape" bottom: "label" top: "l" }' + LOSS,
        'layer { name: "r" type: "Slice" bottom: "label" top: "l" top: "m" }' + LOSS,
        'layer { name: "s" type: "Silence" bottom: "label" }',
        'layer { name: "r" type: "Reshape" bottom: "label" top: "l" }',
        LOSS.replace('"l"', '"label"'),
        LOSS.replace('"l"', '"label"').replace('top: "loss"', ""),
        LOSS.replace('"l"', '"label"').replace('top: "loss"', 'top: "loss" top: "prob"')
        + 'layer { name: "a" type: "Accuracy" bottom: "prob" bottom: "label" top: "a" }',
        LOSS.replace(
            '"SoftmaxWithLoss"', '"Python" python_param { module: "a" layer: "MyLoss" }'
        ).replace('"l"', '"label"'),
        ACCURACY + 'layer { name: "s" type: "Silence" bottom: "accuracies" }',
        'layer { name: "f" type: "Flatten" bottom: "data" top: "l" }'
        + LOSS.replace("SoftmaxWithLoss", "SigmoidCrossEntropyLoss"),
        "",
    ],
    ids=[
        "reshaped labels",
        "sliced labels",
        "silenced labels",
        "labels that nothing reads",
        "a loss",
        "a loss without a top",
        "a measure of a loss",
        "a loss in Python",
        "a measure that is silenced",
        "an autoencoder's target",
        "no loss in this phase",
    ],
)
def test_of_a_net_for_training_the_results_are_left(tmp_path: Path, more: str) -> None:
    path = tmp_path / "train_val.prototxt"
    path.write_text(DATA + SCORE + more)
    net = cut(read(path))
    assert (_names(net), net.outputs) == (["score"], ("score",))
    assert [blob.name for blob in net.inputs] == ["data"]


def test_labels_may_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "train_val.prototxt"
    path.write_text(DATA + SCORE + LOSS.replace('"l"', '"label"'))
    net = cut(read(path), ["score", "label"])
    assert [blob.name for blob in net.inputs] == ["data", "label"]
