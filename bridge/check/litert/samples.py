"""What a net is typically fed, as a user has it: a folder of images, or an .npz of inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bridge.check.backends.recorded import RecordedBackend
from bridge.check.images import ENDINGS, Preprocessing, read_image
from bridge.check.inputs import fitting, image_input, image_sizes
from bridge.errors import UsageError
from bridge.files import missing
from bridge.types import Array

if TYPE_CHECKING:
    from bridge.check.backends.backend import InputSpec
    from bridge.graph.io.images import Pixels

Feeds = Mapping[str, Array]

# TensorFlow's guide asks for about 100 to 500 (ai.google.dev/edge/litert, post-training
# quantization); more only take time.
MOST = 256


def samples(
    path: Path, inputs: Mapping[str, InputSpec], pixels: Pixels | None
) -> tuple[Feeds, ...]:
    """At most MOST feeds of one sample each, or of as many as the net takes at a time, in ONNX's
    axis order: n c h w.

    Images are fed as the graph says that it takes them, `pixels`; it is refused to guess. An .npz
    has an array for each input, under its name, with any number of samples. Raises UsageError.
    """
    if not path.exists():
        raise missing(path, "folder of images")
    every = _of_images(path, inputs, pixels) if path.is_dir() else _of_arrays(path, inputs)
    step = -(-len(every) // MOST)
    return tuple(every[::step])


def _of_images(folder: Path, inputs: Mapping[str, InputSpec], pixels: Pixels | None) -> list[Feeds]:
    name, shape = image_input(inputs)
    sizes = image_sizes(name, shape)
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in ENDINGS]
    if not files:
        raise UsageError(
            "no images in this folder", where=folder, expected=", ".join(sorted(ENDINGS))
        )
    if pixels is None:
        raise UsageError(
            "it is unknown how this net wants its images",
            where=folder,
            expected="a graph that says which images it takes",
            hint="caffe-to-onnx and caffe-to-keras put the preprocessing into it with --mean, "
            "--scale and --rgb; or give an .npz of inputs as the net takes them",
        )
    own = Preprocessing.of_pixels(pixels)
    images = (read_image(path, sizes, own) for path in files[:: -(-len(files) // MOST)])
    # A batch that is fixed is filled with one image.
    batch = shape[0] if isinstance(shape[0], int) else 1
    return [fitting({name: np.stack([image] * batch)}, inputs) for image in images]


def _of_arrays(path: Path, inputs: Mapping[str, InputSpec]) -> list[Feeds]:
    arrays = RecordedBackend(path).feeds([*inputs])
    batches = {
        name: shape[0] if isinstance(shape[0], int) else 1 for name, (shape, _) in inputs.items()
    }
    counts = [len(array) // batches[name] for name, array in arrays.items() if array.ndim]
    feeds = [
        {name: x[i * batches[name] : (i + 1) * batches[name]] for name, x in arrays.items()}
        for i in range(min(counts, default=0))
    ]
    if not feeds:
        raise UsageError(
            "no samples in this file",
            where=path,
            expected=", ".join(
                f"{name}: {' '.join(map(str, s))}" for name, (s, _) in inputs.items()
            ),
            received=", ".join(
                f"{name}: {' '.join(map(str, x.shape))}" for name, x in arrays.items()
            ),
        )
    return [fitting(feed, inputs) for feed in feeds]
