"""SSDs with more priors than fit into a small constant: SSD300 has 8,732, RetinaFace twice that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import bridge


@dataclass(frozen=True)
class Head:
    """Where boxes are looked for: on a map of this blob, with these sizes and ratios."""

    blob: str
    step: int
    sizes: tuple[int, int]
    ratios: tuple[int, ...]

    @property
    def priors(self) -> int:
        return 2 + 2 * len(self.ratios)

    def text(self, classes: int) -> str:
        ratios = " ".join(f"aspect_ratio: {ratio}" for ratio in self.ratios)
        return f"""
        {self._branch("loc", 4 * self.priors)} {self._branch("conf", classes * self.priors)}
        layer {{ name: "{self.blob}_prior" type: "PriorBox" bottom: "{self.blob}" bottom: "data"
                 top: "{self.blob}_prior" prior_box_param {{ min_size: {self.sizes[0]}
                 max_size: {self.sizes[1]} {ratios} flip: true clip: false step: {self.step}
                 variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 }} }}"""

    def _branch(self, kind: str, channels: int) -> str:
        name = f"{self.blob}_{kind}"
        return f"""
        {conv(name, self.blob, channels)}
        layer {{ name: "{name}_perm" type: "Permute" bottom: "{name}" top: "{name}_perm"
                 permute_param {{ order: 0 order: 2 order: 3 order: 1 }} }}
        layer {{ name: "{name}_flat" type: "Flatten" bottom: "{name}_perm" top: "{name}_flat" }}"""


def conv(name: str, bottom: str, channels: int, stride: int = 1, pad: int = 1) -> str:
    return f"""
        layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}"
                 convolution_param {{ num_output: {channels} kernel_size: 3 stride: {stride}
                 pad: {pad} weight_filler {{ type: "gaussian" std: 0.05 }} }} }}"""


def ssd(size: int, backbone: str, heads: Sequence[Head], classes: int) -> str:
    def concatenated(kind: str, axis: int) -> str:
        bottoms = " ".join(f'bottom: "{head.blob}_{kind}"' for head in heads)
        top = kind.partition("_")[0]
        return f"""
        layer {{ name: "mbox_{top}" type: "Concat" {bottoms} top: "mbox_{top}"
                 concat_param {{ axis: {axis} }} }}"""

    return f"""name: "ssd"
        layer {{ name: "data" type: "Input" top: "data"
                 input_param {{ shape {{ dim: 1 dim: 3 dim: {size} dim: {size} }} }} }}
        {backbone} {"".join(head.text(classes) for head in heads)}
        {concatenated("loc_flat", 1)} {concatenated("conf_flat", 1)} {concatenated("prior", 2)}
        layer {{ name: "rows" type: "Reshape" bottom: "mbox_conf" top: "rows"
                 reshape_param {{ shape {{ dim: 0 dim: -1 dim: {classes} }} }} }}
        layer {{ name: "scores" type: "Softmax" bottom: "rows" top: "scores"
                 softmax_param {{ axis: 2 }} }}
        layer {{ name: "flat" type: "Flatten" bottom: "scores" top: "flat" }}
        layer {{ name: "found" type: "DetectionOutput" bottom: "mbox_loc" bottom: "flat"
                 bottom: "mbox_prior" top: "found" detection_output_param {{
                 num_classes: {classes} share_location: true background_label_id: 0
                 nms_param {{ nms_threshold: 0.45 top_k: 40 }} code_type: CENTER_SIZE
                 keep_top_k: 20 confidence_threshold: 0.01 }} }}"""


def converted(folder: Path, text: str) -> tuple[int, int]:
    """How many priors a net has, and whether what it finds is more than nothing."""
    prototxt = folder / "deploy.prototxt"
    prototxt.write_text(text, encoding="utf-8")
    done = bridge.caffe_to_onnx(prototxt, check=False)
    model = bridge.caffe_to_keras(prototxt, output=folder / "net.keras")  # checked
    image = np.random.default_rng(0).uniform(-1, 1, model.input_shape[1:])[None]
    detections = np.asarray(model(image.astype(np.float32)))
    return done.model.values["mbox_prior"][2] // 4, int((detections[0, 0, :, 1] > 0).sum())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_small_net_of_many_priors(tmp_path: Path) -> None:
    heads = [Head("one", 1, (4, 9), (2,)), Head("two", 2, (9, 16), (2, 3))]
    backbone = conv("one", "data", 4) + conv("two", "one", 4, stride=2)
    priors, detections = converted(tmp_path, ssd(44, backbone, heads, classes=3))
    assert priors == 4 * 44 * 44 + 6 * 22 * 22 > 8192
    assert detections > 0


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_ssd300(tmp_path: Path) -> None:
    """The six maps of SSD300, with its sizes, over a thin backbone."""
    blobs = ("conv4", "fc7", "conv6", "conv7", "conv8", "conv9")
    steps = (8, 16, 32, 64, 100, 300)
    sizes = ((30, 60), (60, 111), (111, 162), (162, 213), (213, 264), (264, 315))
    ratios = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
    heads = [Head(*settings) for settings in zip(blobs, steps, sizes, ratios, strict=True)]
    names = ("data", "conv2", "conv3", *blobs)
    backbone = "".join(
        conv(name, bottom, 8, stride=2) for bottom, name in pairwise(names[: names.index("conv8")])
    )
    backbone += conv("conv8", "conv7", 8, pad=0) + conv("conv9", "conv8", 8, pad=0)
    priors, detections = converted(tmp_path, ssd(300, backbone, heads, classes=21))
    assert priors == 8732
    assert detections > 0
