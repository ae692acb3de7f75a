"""Where each weight is in Keras's file."""

from __future__ import annotations

import io
from collections.abc import Iterator

import h5py
import numpy as np
import pytest

from bridge.archive.graph import Graph
from bridge.archive.weights import WeightsFile, entries, snake_case
from bridge.errors import BridgeError
from bridge.layout import Layout, Weight
from bridge.raising.plan import Call, Plan, PlanInput, Ref, Stored


def weight(*shape: int, layout: Layout | None = None) -> Weight:
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return Weight(shape, lambda: values, layout=layout)


def chain(*calls: tuple[str, dict[str, Weight]]) -> Graph:
    """Layers one after another."""
    entry = PlanInput(0, "x", "x", ("b", 4), "float32")
    calls_made = tuple(
        Call(n, f"l{n}", f"layers.{kind}", (Ref(n - 1),), {}, weights)
        for n, (kind, weights) in enumerate(calls, 1)
    )
    return Graph.of_plan(
        Plan(
            "net",
            (entry,),
            calls_made,
            ("y",),
            {"y": Stored(Ref(len(calls_made)), Layout.identity(()))},
        ),
        "net",
    )


def paths(graph: Graph) -> Iterator[str]:
    return (entry.dataset.path.removeprefix("layers/") for entry in entries(graph))


def test_layers_of_a_class_are_numbered_with_those_that_have_no_weights() -> None:
    dense = ("Dense", {"kernel": weight(4, 4), "bias": weight(4)})
    assert [*paths(chain(dense, ("ReLU", {}), dense, ("Dense", {}), dense))] == [
        "dense/vars/0",
        "dense/vars/1",
        "dense_1/vars/0",
        "dense_1/vars/1",
        "dense_3/vars/0",
        "dense_3/vars/1",
    ]


def test_a_weight_that_is_missing_leaves_its_number_to_the_next() -> None:
    roles = {"beta": weight(4), "moving_variance": weight(4), "moving_mean": weight(4)}
    arrays = [*entries(chain(("BatchNormalization", roles)))]
    assert [entry.dataset.path[-1] for entry in arrays] == ["0", "1", "2"]
    assert [entry.weight for entry in arrays] == [
        roles[role] for role in ("beta", "moving_mean", "moving_variance")
    ]


def test_a_cell_has_a_group_of_its_own_and_a_count_is_zero() -> None:
    assert [*paths(chain(("GRU", {"kernel": weight(4, 6), "recurrent": weight(2, 6)})))] == [
        "gru/cell/vars/0",
        "gru/cell/vars/1",
    ]
    values = {"adapt_mean": weight(4), "adapt_variance": weight(4)}
    *_, count = entries(chain(("Normalization", values)))
    assert [(*piece, piece.dtype) for piece in count.pieces()] == [(0, np.int64)]


def test_weights_are_written_as_they_are_stored() -> None:
    kernel = weight(2, 4, layout=Layout.ordered((2, 4), (1, 0)))
    file = WeightsFile.of(chain(("Dense", {"kernel": kernel, "bias": weight(2)})))
    content = b"".join(file.pieces())
    assert len(content) == file.nbytes
    with h5py.File(io.BytesIO(content)) as read:
        np.testing.assert_array_equal(read["layers/dense/vars/0"], kernel.array())
        assert read["layers/dense/vars/0"].shape == (4, 2)
        np.testing.assert_array_equal(read["layers/dense/vars/1"], [0, 1])


def test_a_weight_that_the_layer_lacks_is_a_fault_of_a_rule() -> None:
    with pytest.raises(BridgeError, match="gamma"):
        WeightsFile.of(chain(("Dense", {"gamma": weight(4)})))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Conv2D", "conv2d"),
        ("Conv2DTranspose", "conv2d_transpose"),
        ("DepthwiseConv1D", "depthwise_conv1d"),
        ("ReLU", "re_lu"),
        ("PReLU", "p_re_lu"),
        ("ELU", "elu"),
        ("LSTM", "lstm"),
        ("GRU", "gru"),
        ("SimpleRNN", "simple_rnn"),
        ("RMSNormalization", "rms_normalization"),
        ("BatchNormalization", "batch_normalization"),
        ("EinsumDense", "einsum_dense"),
    ],
)
def test_classes_are_spelled_as_keras_spells_them(kind: str, name: str) -> None:
    assert snake_case(kind) == name


def test_bytes_are_told_while_they_are_written() -> None:
    dense = ("Dense", {"kernel": weight(4, 4), "bias": weight(4)})
    file, said = WeightsFile.of(chain(dense)), list[tuple[int, int]]()
    sizes = [len(piece) for piece in file.pieces(lambda *part: said.append(part))]
    assert [done for done, _ in said] == [sum(sizes[: n + 1]) for n in range(len(sizes))]
    assert said[-1] == (file.nbytes, file.nbytes)
