"""The inputs of a check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import bridge
from bridge.check.inputs import fixed, seeded_inputs
from bridge.check.runners import OnnxRunner
from bridge.errors import UsageError
from tests.helpers.keras_against_onnx import graph
from tests.helpers.small_net import PROTOTXT, Small


def test_seeded_numbers_are_the_same_each_time_and_others_for_another_seed() -> None:
    inputs = {"data": (("batch", 3), "float32")}
    one, two, other = (seeded_inputs(inputs, seed)["data"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)
    assert one.min() >= -1
    assert one.max() < 1


def test_free_sizes_are_decided() -> None:
    assert fixed(("batch", 3, "h", 8)) == (2, 3, 64, 8)
    assert fixed(("n", 3), batch=5) == (5, 3)
    assert fixed(("time", "batch", 4)) == (2, 2, 4)


def test_an_input_of_whole_numbers_gets_some() -> None:
    inputs = seeded_inputs({"id": ((50,), "int64"), "mask": ((50,), "bool")})
    assert set(inputs["id"].tolist()) == {0, 1}
    assert inputs["mask"].dtype == bool


def test_an_image_of_bytes_gets_all_of_them() -> None:
    inputs = seeded_inputs({"image": ((2, 3, 40, 40), "uint8"), "signed": ((3, 40, 40), "int8")})
    for name, ends in (("image", (0, 255)), ("signed", (-128, 127))):
        assert (inputs[name].min(), inputs[name].max()) == ends


def test_the_report_says_what_was_fed(small: Small) -> None:
    report = bridge.check(small.onnx, small.onnx, seed=3, batches=2, batch=3)
    assert report.fed == "seeded numbers, seed 3; seeded numbers, seed 4"
    assert report.rows[0].expected_shape[0] == 3
    assert report.ok


def test_of_several_batches_the_worst_counts(small: Small, tmp_path: Path) -> None:
    wrong = small.rewritten(tmp_path, PROTOTXT.replace("k: 2", "k: 1"))

    def error(**options: int) -> float:
        rows = bridge.check(small.onnx, wrong, **options).rows
        return next(row.error for row in rows if row.name == "conv2")

    single = [error(batches=1, seed=seed) for seed in (0, 1)]
    assert single[0] != pytest.approx(single[1], rel=1e-3)
    assert error(batches=2) == pytest.approx(max(single), rel=1e-4)


def test_inputs_may_be_given(small: Small, tmp_path: Path) -> None:
    data = np.ones((1, 3, 16, 16), np.float64)
    np.savez(tmp_path / "inputs.npz", **{"in/data": data, "unread": data})
    for inputs in (tmp_path / "inputs.npz", str(tmp_path / "inputs.npz"), {"data": data}):
        report = bridge.check(small.onnx, small.keras, inputs=inputs)
        assert report.ok
        assert report.fed == "the inputs given"
        assert report.rows[0].expected_shape[0] == 1


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"image": np.zeros(3)}, "an input is missing"),
        ({"data": np.zeros((1, 3, 15, 16))}, "the input 'data' has the wrong shape"),
        ({"data": np.zeros((0, 3, 16, 16))}, "the input 'data' is empty"),
        ({"data": [1, 2]}, "the input 'data' has the wrong shape"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(
    small: Small, inputs: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        bridge.check(small.onnx, small.keras, inputs=inputs)


@pytest.mark.parametrize("numbers", [[-1.0], [0.5], [256.0], [float("nan")]])
def test_numbers_are_not_made_fit(numbers: list[float], tmp_path: Path) -> None:
    """What NumPy would wrap or round was never asked for."""
    onnx.save(graph("g (uint8[1] x) => (uint8[1] y) { y = Identity(x) }"), tmp_path / "n.onnx")
    assert bridge.check(tmp_path / "n.onnx", tmp_path / "n.onnx", inputs={"x": [255.0]}).ok
    with pytest.raises(
        UsageError, match="the input 'x' does not take these numbers\n  expected: uint8"
    ):
        bridge.check(tmp_path / "n.onnx", tmp_path / "n.onnx", inputs={"x": numbers})


def test_nets_that_take_other_inputs_are_not_run(small: Small, tmp_path: Path) -> None:
    other = small.rewritten(tmp_path, PROTOTXT.replace("dim: 16 dim: 16", "dim: 16 dim: 24"))
    with pytest.raises(
        UsageError, match="the two models take different shapes for the input 'data'"
    ):
        bridge.check(small.onnx, other)


def test_what_is_free_on_one_side_is_as_the_other_has_it(small: Small, tmp_path: Path) -> None:
    fixed = tmp_path / "fixed.onnx"
    bridge.caffe_to_onnx(small.prototxt, small.caffemodel, fixed, batch=3)
    for pair in ((small.onnx, fixed), (fixed, small.onnx)):
        report = bridge.check(*pair)
        assert report.ok
        assert report.rows[0].expected_shape[0] == 3


def test_a_recording_is_not_compared_with_what_comes_of_other_inputs(
    small: Small, tmp_path: Path
) -> None:
    data = np.ones((2, 3, 16, 16), np.float32)
    path = tmp_path / "blobs.npz"
    prob = OnnxRunner(small.onnx).run({"data": data})["prob"]
    np.savez(path, **{"in/data": data, "out/prob": prob})
    assert bridge.check(path, small.onnx, inputs={"data": data}).ok
    with pytest.raises(UsageError, match=r"'data' is not the input of blobs\.npz, recorded"):
        bridge.check(path, small.onnx, inputs={"data": 2 * data})
    np.savez(path, prob=prob)  # which does not say what came in
    assert bridge.check(path, small.onnx, inputs={"data": data}).ok


def test_two_recordings_need_nothing(tmp_path: Path) -> None:
    for name, value in (("a", 1.0), ("b", 2.0)):
        np.savez(tmp_path / f"{name}.npz", conv1=np.full((2, 2), value))
    report = bridge.check(tmp_path / "a.npz", tmp_path / "b.npz")
    assert (report.ok, report.fed) == (False, "nothing, both are recorded")


def test_an_input_that_is_no_image_gets_numbers_of_its_range() -> None:
    """The image's number and two corners; a table's index; the same in floating point."""
    corners = ((0, 0), (0, 15), (0, 7), (16, 31), (8, 15))
    inputs = {"rois": ((50, 5), "float32"), "word": (("batch", 30), "float32")}
    arrays = seeded_inputs(inputs, ranges={"rois": corners, "word": ((0, 9),)})
    rois = arrays["rois"]
    assert rois.dtype == np.float32
    assert (rois.min(axis=0) >= [low for low, _ in corners]).all()
    assert (rois.max(axis=0) <= [high for _, high in corners]).all()
    assert set(np.unique(arrays["word"])) == set(range(10))


def test_of_a_graph_from_elsewhere_all_rows_of_a_table_are_read(tmp_path: Path) -> None:
    for name, last in (("one", 5.0), ("other", 6.0)):
        table = np.array([[0.0], [1], [2], [last]], np.float32)
        text = "g (int64[50] ids) => (float[50,1] y) { y = Gather(table, ids) }"
        onnx.save(graph(text, {"table": table}), tmp_path / f"{name}.onnx")
    assert not bridge.check(tmp_path / "one.onnx", tmp_path / "other.onnx").ok


def test_an_index_past_its_table_is_never_fed(tmp_path: Path) -> None:
    text = """
    layer { name: "word" type: "Input" top: "word" input_param { shape { dim: 40 } } }
    layer { name: "e" type: "Embed" bottom: "word" top: "e"
            embed_param { num_output: 3 input_dim: 6 bias_term: false } }
    """
    table = np.arange(18, dtype=np.float32).reshape(6, 3)
    net = Small(tmp_path).write(text, {"e": (table,)})
    for one in ((net.prototxt, net.caffemodel), net.onnx):
        assert bridge.check(one, net.onnx, batches=3).ok
