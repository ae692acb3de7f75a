"""explain, --map and --explain-layout on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import bridge
from bridge.cli import main
from bridge.translation import TranslationMap
from tests.helpers.golden_cases import case

ROOT = Path(__file__).parent.parent.parent
MODELS = ROOT / "models"
SEED = MODELS / "seed-conv" / "deploy.prototxt"
LENET = MODELS / "digits-lenet" / "deploy.prototxt"
CONV = case("conv_basic_k3")


def output(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as stopped:
        main([*map(str, arguments)])
    assert stopped.value.code == 0
    return capsys.readouterr().out


def lines(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[list[str]]:
    """The words of each line that a command prints, cut where columns end."""
    printed = output(capsys, *arguments).splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in printed]


def test_each_blob_and_each_weight_has_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    rows = lines(capsys, "explain", SEED, SEED.with_name("weights.caffemodel"))
    assert rows == [
        ["blob", "in Caffe", "in Keras", "layout", "produced by"],
        ["data", "batch 3 500 500", "batch 500 500 3", "n c h w -> n h w c", "data"],
        ["conv1:conv1", "batch 96 123 123", "batch 123 123 96", "n c h w -> n h w c", "conv1"],
        ["conv1", "batch 96 123 123", "batch 123 123 96", "n c h w -> n h w c", "relu1"],
        [],
        ["weight in Keras", "shape", "of Caffe's", "shape", "by"],
        ["conv1 kernel", "11 11 3 96", "conv1[0]", "96 3 11 11", "w.transpose(2, 3, 1, 0)"],
        ["conv1 bias", "96", "conv1[1]", "96", "w"],
    ]


def test_a_long_expression_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    kernel = "w.reshape(128, 50, 2, 2).transpose(2, 3, 1, 0).reshape(200, 128)"
    rows = lines(capsys, "explain", LENET, "--blob", "ip1")
    assert [row[0] for row in rows if row] == [
        *("blob", "ip1:ip1", "ip1", "weight in Keras", "ip1 kernel", "ip1 bias")
    ]
    assert [row[-1] for row in rows if row][-2:] == [kernel, "w"]


def test_what_became_one_layer_is_said_to_be_no_tensor(capsys: pytest.CaptureFixture[str]) -> None:
    net = case("bn_scale_relu_inplace")
    rows = lines(capsys, "explain", net.prototxt, net.caffemodel, "--blob", "conv")
    assert ["conv:bn", "batch 5 5 4", "-", "no tensor of its own", "-"] in rows
    folded = lines(capsys, "explain", net.prototxt, net.caffemodel, "--fold-bn")
    assert any("w2: sc[0]" in row[2] for row in folded if row[0:1] == ["conv kernel"])


def test_the_shapes_alone_say_as_much_as_the_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys, "explain", LENET) == lines(
        capsys, "explain", LENET, LENET.with_name("weights.caffemodel")
    )


def test_json_is_the_map(capsys: pytest.CaptureFixture[str]) -> None:
    printed = TranslationMap.from_json(json.loads(output(capsys, "explain", LENET, "--json")))
    assert printed == bridge.explain(LENET)


def test_a_blob_that_the_net_has_not_is_a_users_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["explain", str(LENET), "--blob", "ip11"])
    assert stopped.value.code == 2
    assert "no blob 'ip11'" in capsys.readouterr().err


def test_each_transpose_is_explained_when_asked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = ("caffe-to-keras", CONV.prototxt, CONV.caffemodel, "-o", tmp_path / "net.keras")
    options = ("--io-layout", "onnx", "--no-check")
    plain, channels_last = "n c h w -> n c h w", "n c h w -> n h w c"
    reasons = [
        ["transposed", "from", "produced by", "to", "consumed by", "bytes"],
        ["data", plain, "data", channels_last, "node 'l' (Conv)", str(4 * 3 * 8 * 9)],
        ["out", channels_last, "l", plain, "the output", str(4 * 4 * 6 * 7)],
        [],
        ["to save", "this would have to be", "in layout", "but"],
        ["data", "data", channels_last, f"the input is given as {plain}"],
        ["out", "out", plain, f"node 'l' (Conv) gives 'out' only as {channels_last}"],
    ]
    printed = lines(capsys, *command, *options, "--explain-layout")
    assert printed[:7] == reasons
    assert "2 transposes" in printed[-1][-1]
    assert reasons[0] not in lines(capsys, *command, *options)


def test_the_map_is_written_beside_the_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "map.json"
    command = ("caffe-to-keras", CONV.prototxt, CONV.caffemodel, "-o", tmp_path / "net.keras")
    lines(capsys, *command, "--no-check", "--map", file)
    written = TranslationMap.from_json(json.loads(file.read_text(encoding="utf-8")))
    assert written == bridge.explain(CONV.prototxt, CONV.caffemodel)


def test_no_folder_for_the_map_means_no_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = ["caffe-to-keras", CONV.prototxt, CONV.caffemodel, "-o", tmp_path / "net.keras"]
    with pytest.raises(SystemExit):
        main([*map(str, command), "--map", str(tmp_path / "no" / "map.json")])
    assert "no such folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("document", ["README.md", "docs/layout.md"])
def test_what_the_documents_show_is_what_is_printed(
    document: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / document).read_text(encoding="utf-8")
    shown = re.findall(r"\$ python -m bridge (explain .*)\n((?:.*\n)*?)```", text)
    assert shown
    for command, expected in shown:
        printed = output(capsys, *command.split())
        assert [line.rstrip() for line in printed.splitlines()] == expected.splitlines()
