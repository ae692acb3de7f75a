from __future__ import annotations

import shutil
from pathlib import Path

from bridge.folders.pairs import QUESTIONS, Pair, answer, find_pairs, links_out
from tests.helpers.golden_cases import case

CONV, NORM = case("conv_basic_k3"), case("bn_scale_relu_inplace")


def copied(source: Path, *target: str | Path) -> Path:
    path = Path(*target)
    path.parent.mkdir(parents=True, exist_ok=True)
    return shutil.copy(source, path)


def test_a_caffemodel_belongs_to_the_net_that_it_fits(tmp_path: Path) -> None:
    one = copied(CONV.prototxt, tmp_path, "nets", "one.prototxt")
    other = copied(NORM.prototxt, tmp_path, "nets", "other.prototxt")
    of_other = copied(NORM.caffemodel, tmp_path, "nets", "one.caffemodel")
    of_one = copied(CONV.caffemodel, tmp_path, "weights", "iter_1000.caffemodel")
    (tmp_path / "weights" / "cut.caffemodel").write_bytes(of_one.read_bytes()[:40])
    assert find_pairs(tmp_path) == [Pair(one, of_one), Pair(other, of_other)]


def test_of_several_the_nearest_is_chosen_and_then_the_most_alike(tmp_path: Path) -> None:
    net = copied(CONV.prototxt, tmp_path, "a", "net_small.prototxt")
    far = copied(CONV.caffemodel, tmp_path, "b", "net_small.caffemodel")
    assert find_pairs(tmp_path) == [Pair(net, far)]
    copied(CONV.caffemodel, tmp_path, "a", "net_large.caffemodel")
    alike = copied(CONV.caffemodel, tmp_path, "a", "net_small_iter_9.caffemodel")
    assert find_pairs(tmp_path) == [Pair(net, alike)]


def test_a_net_without_weights_and_a_solver(tmp_path: Path) -> None:
    net = copied(CONV.prototxt, tmp_path, "net.prototxt")
    copied(NORM.caffemodel, tmp_path, "net.caffemodel")
    (tmp_path / "solver.prototxt").write_text('net: "net.prototxt"\nbase_lr: 0.1\n')
    (tmp_path / "broken.prototxt").write_text("layer {")
    assert find_pairs(tmp_path) == [Pair(tmp_path / "broken.prototxt"), Pair(net)]


def test_a_file_that_cannot_be_read_leaves_the_others_alone(tmp_path: Path) -> None:
    net = copied(CONV.prototxt, tmp_path, "net.prototxt")
    weights = copied(CONV.caffemodel, tmp_path, "net.caffemodel")
    unreadable = copied(CONV.prototxt, tmp_path, "unreadable.prototxt")
    asked: list[tuple[object, ...]] = []

    def ask(question: str, *paths: Path) -> object:
        asked.append((question, *paths))
        return QUESTIONS[question].otherwise if unreadable in paths else answer(question, *paths)

    assert find_pairs(tmp_path, ask) == [Pair(net, weights), Pair(unreadable)]
    assert asked == [
        ("is a net", net),
        ("is a net", unreadable),
        ("stored layers", weights),
        ("layers", net),
        ("fits", net, weights),
        ("layers", unreadable),
    ]


def test_links_are_followed_within_the_folder_alone(tmp_path: Path) -> None:
    folder = tmp_path / "nets"
    net = copied(CONV.prototxt, folder, "net.prototxt")
    elsewhere = copied(CONV.caffemodel, tmp_path, "net.caffemodel")
    out = [folder / "net.caffemodel", folder / "other.prototxt"]
    out[0].symlink_to(elsewhere)
    out[1].symlink_to("/proc/self/mem" if Path("/proc/self/mem").is_file() else elsewhere)
    (folder / "broken.prototxt").symlink_to("nothing")
    assert find_pairs(folder) == [Pair(net)]
    assert links_out(folder) == out
    within = copied(CONV.caffemodel, folder, "weights", "iter_1.caffemodel")
    (folder / "a.caffemodel").symlink_to(within)
    assert find_pairs(folder) == [Pair(net, folder / "a.caffemodel")]
