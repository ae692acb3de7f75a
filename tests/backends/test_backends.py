"""Keras's other backends, JAX and PyTorch: the same files, the same numbers, no TensorFlow.

Each runs in a process of its own, from this environment if it is installed here, or from that of
`scripts/backends`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.check.runners import run_keras
from bridge.convert import raise_caffe
from tests.helpers.golden_cases import assert_close, case
from tests.real.nets import Net

ROOT = Path(__file__).parent.parent.parent
LENET = [
    ROOT / "models" / "digits-lenet" / name for name in ("deploy.prototxt", "weights.caffemodel")
]

# A few golden cases of each family, and some nets of other people.
CASES = """
    argmax_tie batchreindex bn_scale_relu_inplace bnll concat_three conv_1d conv_3d conv_basic_k3
    conv_depthwise_mult2 conv_dilation_hw conv_group2 crop_offset2 deconv_1d deconv_dilation2
    deconv_group2 deconv_k3_s2_p1_odd detout_batch2 eltwise_sum_coeff3 elu_alpha embed_1d
    flatten_conv_ip interp_zoom ip_reshape_conv lrn_alexnet lrn_within_3 lstm_cont mvn_default
    net_densenet net_lenet net_mobilenet normalize_ssd permute_flatten_conv pool_ave_k3s2p1_even
    pool_max_empty_last_window pool_max_mask power_sqrt prelu priorbox_ssd300 reduction_sumsq_last
    rnn_cont scale_num_axes2 shared_conv shufflechannel slice_points softmax_3d_axis2 spp_ave
    text_messy tile_axis2 upsample2
""".split()
REAL = ("htshinichi_test", "lenet_bvlc_iter10000", "mtcnn_det1", "mtcnn_det3", "ultraface_slim320")

# Run with -I where bridge cannot be imported: for each folder, what its file gives.
LOAD = """
import pathlib, sys
sys.modules["bridge"] = None
import keras, numpy as np
for folder in map(pathlib.Path, sys.argv[2:]):
    model = keras.models.load_model(folder / "net.keras", compile=False, safe_mode=True)
    inputs = [np.load(folder / f"in{i}.npy") for i in range(len(model.inputs))]
    outputs = model(inputs[0] if len(inputs) == 1 else inputs, training=False)
    for i, output in enumerate(outputs if isinstance(outputs, (list, tuple)) else [outputs]):
        np.save(folder / f"{sys.argv[1]}{i}.npy", keras.ops.convert_to_numpy(output))
    keras.backend.clear_session()
"""

# Both ways to a .keras file; each compares what it has made with onnxruntime.
CONVERT = """
import sys
sys.modules.update(tensorflow=None, tf2onnx=None)
import bridge
files = iter(sys.argv[1:])
for prototxt, caffemodel, output in zip(files, files, files):
    bridge.caffe_to_keras(prototxt, caffemodel, output)
onnx = output.replace(".keras", ".onnx")
bridge.caffe_to_onnx(prototxt, caffemodel, onnx)
bridge.onnx_to_keras(onnx, io_layout="onnx")
"""


@dataclass(frozen=True)
class Backend:
    name: str
    python: str

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *map(str, arguments)],
            env={**os.environ, "KERAS_BACKEND": self.name, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(params=["jax", "torch"])
def backend(request: pytest.FixtureRequest) -> Backend:
    name = request.param
    if find_spec(name) is not None:
        return Backend(name, sys.executable)
    python = ROOT / "build" / "backends" / name / "bin" / "python"
    if not python.is_file():
        pytest.skip(f"{name} is not installed; scripts/backends installs it apart, and tests it")
    return Backend(name, str(python))


@dataclass(frozen=True)
class Sample:
    """A Caffe net, and a folder: `net.keras`, made on TensorFlow, and what goes in, `in0.npy`, …"""

    files: Sequence[Path]
    folder: Path
    expected: Sequence[NDArray[Any]]

    def hold(self, outputs: Sequence[NDArray[Any]]) -> None:
        for output, expected in zip(outputs, self.expected, strict=True):
            assert_close(output, expected, self.folder.name)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return [_sample(files, feeds, tmp_path_factory.mktemp(name)) for name, files, feeds in _nets()]


def _nets() -> Iterator[tuple[str, Sequence[Path], Mapping[str, NDArray[Any]]]]:
    images = np.load(LENET[0].with_name("test.npz"))["images"][:3]
    yield "digits", LENET, {"data": images}
    for golden in map(case, CASES):
        yield str(golden), (golden.prototxt, golden.caffemodel), golden.inputs
    for net in (Net(ROOT.parent / "shared" / "models" / name) for name in REAL):
        if net.folder.is_dir():
            yield net.folder.name, (net.prototxt, net.caffemodel), net.arrays("in")


def _sample(files: Sequence[Path], feeds: Mapping[str, NDArray[Any]], folder: Path) -> Sample:
    done = raise_caffe(*files, folder / "net.keras", check=False)
    values = done.plan.values
    inputs = [values[x.value].layout.apply(feeds[x.value]) for x in done.plan.inputs]
    for i, array in enumerate(inputs):
        np.save(folder / f"in{i}.npy", array)
    return Sample(files, folder, run_keras(done.model, inputs))


def arrays(sample: Sample, kind: str) -> list[NDArray[Any]]:
    return [np.load(path) for path in sorted(sample.folder.glob(f"{kind}*.npy"))]


def test_files_of_tensorflow_give_the_same_numbers(
    backend: Backend, samples: Sequence[Sample]
) -> None:
    done = backend.run("-I", "-c", LOAD, backend.name, *(item.folder for item in samples))
    assert done.returncode == 0, done.stderr
    for sample in samples:
        sample.hold(arrays(sample, backend.name))


def test_conversion_needs_no_tensorflow(backend: Backend, samples: Sequence[Sample]) -> None:
    samples_by_file = {sample.folder / f"{backend.name}.keras": sample for sample in samples}
    files = [path for output, sample in samples_by_file.items() for path in (*sample.files, output)]
    done = backend.run("-c", CONVERT, *files)
    assert done.returncode == 0, done.stderr
    for path, sample in samples_by_file.items():
        model = keras.models.load_model(path, compile=False, safe_mode=True)
        sample.hold(run_keras(model, arrays(sample, "in")))


def test_from_the_command_line(backend: Backend, tmp_path: Path) -> None:
    done = backend.run("-m", "bridge", "caffe-to-keras", *LENET, "-o", tmp_path / "net.keras")
    assert done.returncode == 0, done.stderr
    assert "0 transposes, largest difference" in done.stdout
    assert (tmp_path / "net.keras").is_file()


def test_what_only_tensorflow_writes_is_refused(backend: Backend, tmp_path: Path) -> None:
    output = tmp_path / "net.tflite"
    done = backend.run("-m", "bridge", "caffe-to-keras", *LENET, "-o", output, "--fp16")
    assert done.returncode == 2
    assert f"received: Keras on {backend.name}" in done.stderr
    assert not list(tmp_path.iterdir())
