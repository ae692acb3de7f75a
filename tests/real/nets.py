"""Other people's trained nets, as tests see them: they lie beside the checkout, never in it."""

from __future__ import annotations

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

    def blobs(self) -> dict[str, NDArray[np.float32]]:
        """Every blob that was recorded; where that was not done, the inputs and outputs."""
        if self.recording.name == "io.npz":
            return self.arrays("in") | self.arrays("out")
        with np.load(self.recording) as arrays:
            return dict(arrays)
