"""How often two models are right, and how often they differ."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

import bridge
from bridge.check import shares
from bridge.check.accuracy import Accuracy
from bridge.errors import UsageError
from tests.folders.cluster import distributed, two_workers
from tests.helpers.small_net import Small

DIGITS = Path(__file__).parent.parent.parent / "models" / "digits-lenet"


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digits") / "net.onnx"
    bridge.caffe_to_onnx(DIGITS / "deploy.prototxt", DIGITS / "weights.caffemodel", path)
    return path


def test_a_trained_net_is_as_right_in_keras(digits: Path) -> None:
    report = bridge.check(digits, bridge.onnx_to_keras(digits), labels=DIGITS / "test.npz")
    assert report.accuracy == Accuracy(360, (356, 356), (360, 360), 0)
    assert report.ok
    assert report.fed == "the first of test.npz"


def test_every_image_on_which_they_differ_counts(digits: Path) -> None:
    """Two digits are swapped: every image of one of them gets the wrong label."""
    model = bridge.onnx_to_keras(digits)
    layer = model.layers[-2]
    swap = np.array([1, 0, *range(2, 10)])
    layer.kernel.assign(np.asarray(layer.kernel)[:, swap])
    layer.bias.assign(np.asarray(layer.bias)[swap])
    accuracy = bridge.check(digits, model, labels=DIGITS / "test.npz").accuracy
    assert accuracy is not None
    with np.load(DIGITS / "test.npz") as test:
        moved = int((test["labels"] < 2).sum())
    assert accuracy.top1[0] == 356
    assert 0.95 * moved < accuracy.disagreements < 1.05 * moved
    assert accuracy.top1[0] - accuracy.top1[1] == pytest.approx(moved, rel=0.05)


def test_a_fixed_batch_is_filled_and_what_fills_it_left_out(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    caffe = (DIGITS / "deploy.prototxt", DIGITS / "weights.caffemodel")
    bridge.caffe_to_onnx(*caffe, path, batch=7)
    free = tmp_path / "free.onnx"
    bridge.caffe_to_onnx(*caffe, free)
    for pair in ((path, bridge.onnx_to_keras(path)), (free, path)):
        report = bridge.check(*pair, labels=DIGITS / "test.npz")
        assert report.accuracy == Accuracy(360, (356, 356), (360, 360), 0)


def test_disagreement_is_no_good_verdict() -> None:
    from bridge.check.report import Report

    assert not Report("this", (), accuracy=Accuracy(9, (8, 8), (9, 9), 1)).ok
    assert str(Accuracy(8, (6, 4), (8, 8), 2)) == (
        "8 images: top-1 75.00% and 50.00%, top-5 100.00% and 100.00%; the two disagree on 2"
    )


@pytest.mark.parametrize("label", [-1, 5])
def test_a_label_that_the_net_does_not_have(label: int, tmp_path: Path, small: Small) -> None:
    np.savez(tmp_path / "test.npz", images=np.zeros((2, 3, 16, 16)), labels=[0, label])
    with pytest.raises(UsageError, match=f"expected: 0 to 4\n  received: {label}"):
        bridge.check(small.onnx, small.onnx, labels=tmp_path / "test.npz")


def test_one_output_must_classify(tmp_path: Path, small: Small) -> None:
    x = keras.Input((8, 8, 1), name="x")
    ends = [keras.layers.Flatten(name="a")(x), keras.layers.ReLU(name="b")(x)]
    model = keras.Model(x, ends)
    np.savez(tmp_path / "test.npz", images=np.zeros((2, 8, 8, 1)), labels=[0, 1])
    with pytest.raises(UsageError, match="it is unclear which output classifies"):
        bridge.check(model, model, labels=tmp_path / "test.npz")


# ---- on a cluster: share by share


def folder_of_digits(folder: Path) -> Path:
    """The images of the test set as files, in a folder for each label."""
    with np.load(DIGITS / "test.npz") as test:
        pairs = [*zip(test["images"], test["labels"], strict=True)]
    for number, (image, label) in enumerate(pairs):
        file = folder / str(label) / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), image[0] * 255 / max(1, image.max()))
    return folder


def test_shares_add_up() -> None:
    parts = [Accuracy(3, (1, 2), (3, 3), 1), Accuracy(4, (4, 0), (4, 2), 4)]
    assert Accuracy.of_all(parts) == Accuracy(7, (5, 2), (7, 5), 5)


def test_each_image_is_in_one_share(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run here, one after the other."""
    monkeypatch.setattr(shares, "SHARE", 50)
    monkeypatch.setattr(shares, "on_cluster", lambda _, run, tasks: ((t, run(t)) for t in tasks))
    said = list[str]()
    for labels in (DIGITS / "test.npz", folder_of_digits(tmp_path)):
        alone = bridge.check(digits, digits, labels=labels)
        together = bridge.check(
            digits, digits, labels=labels, scheduler="tcp://here:1", progress=said.append
        )
        assert together.accuracy == alone.accuracy
        assert together.accuracy.count == 360
    assert "classifying images on the cluster: 150 of 360" in said


def test_what_no_cluster_can_do(digits: Path) -> None:
    with pytest.raises(UsageError, match="a cluster classifies images, and there are none"):
        bridge.check(digits, digits, scheduler="tcp://here:1")
    model = bridge.onnx_to_keras(digits, check=False)
    with pytest.raises(UsageError, match="a model in memory is on no machine of a cluster"):
        bridge.check(digits, model, labels=DIGITS / "test.npz", scheduler="tcp://here:1")


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
def test_two_workers_of_which_one_dies(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images in a folder, a Keras model, and relative paths."""
    monkeypatch.setattr(shares, "SHARE", 60)
    monkeypatch.chdir(tmp_path)
    folder_of_digits(Path("images"))
    bridge.onnx_to_keras(digits, "net.keras", check=False)
    here = bridge.check(digits, "net.keras", labels="images").accuracy
    killed = list[int]()
    with two_workers() as address, distributed().Client(address, set_as_default=False) as client:

        def kill_one(stage: str) -> None:
            """The process of a worker that has a task, after the first share."""
            busy = [worker for worker, tasks in client.processing().items() if tasks]
            if "60 of 360" in stage and busy and not killed:
                killed.extend(client.run(os.getpid, workers=busy[:1]).values())
                os.kill(killed[0], signal.SIGKILL)

        there = bridge.check(
            digits, "net.keras", labels="images", scheduler=address, progress=kill_one
        ).accuracy
    assert killed
    assert there == here
