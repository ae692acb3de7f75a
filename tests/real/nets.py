"""Other people's trained nets, as tests see them: they lie beside the checkout, never in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# The nets whose layers are all of classification's and regression's; the rest are detectors.
CLASSIC = (
    "cnn_3dobj_triplet_gray",
    "deeplandmark_1F",
    "hyperlpr_char_recog",
    "hyperlpr_segmentation",
    "lenet_bvlc_iter10000",
    "mtcnn_det1",
    "mtcnn_det2",
    "mtcnn_det3",
    "open_nsfw_resnet50_1by2",
    "vdsr",
)
ALL = (
    *CLASSIC,
    "htshinichi_test",
    "hyperlpr_finemapping_pip",
    "libfacedetection_v1",
    "retinaface_mnet_deconv_clancylian",
    "ultraface_slim320",
)
# Those that take tens of seconds where others take one or two: what is done with every net in
# several ways is done with these in one, and nightly in the others.
LARGE = ("open_nsfw_resnet50_1by2", "retinaface_mnet_deconv_clancylian", "vdsr")
# The one detector that ends in boxes of which none overlap: in a loop, as Keras has it.
SUPPRESSING = "libfacedetection_v1"


@dataclass(frozen=True)
class Net:
    """One folder: the two files, and what real Caffe gives for the recorded inputs."""

    folder: Path

    @property
    def prototxt(self) -> Path:
        return self.folder / "deploy.prototxt"

    @property
    def caffemodel(self) -> Path:
        return self.folder / "weights.caffemodel"

    @property
    def recording(self) -> Path:
        """Every blob where it was recorded, else what went in and came out."""
        every = self.folder / "blobs.npz"
        return every if every.is_file() else self.folder / "io.npz"

    def arrays(self, kind: str) -> dict[str, NDArray[np.float32]]:
        """The recorded arrays, `in` or `out`, by blob name, in Caffe's axis order."""
        with np.load(self.folder / "io.npz") as arrays:
            return {key[len(kind) + 1 :]: arrays[key] for key in arrays if key.startswith(kind)}

    def results(self, names: Sequence[str]) -> list[NDArray[np.float32]]:
        """What Caffe gives for outputs. A single one may go by another name in the recording:
        that of a layer which works in place."""
        recorded = self.arrays("out")
        return [*recorded.values()] if len(names) == 1 else [recorded[name] for name in names]

    def blobs(self) -> dict[str, NDArray[np.float32]]:
        """Every blob that was recorded; where that was not done, the inputs and outputs."""
        if self.recording.name == "io.npz":
            return self.arrays("in") | self.arrays("out")
        with np.load(self.recording) as arrays:
            return dict(arrays)
