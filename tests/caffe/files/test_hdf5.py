"""Files laid out as Caffe's Net::ToHDF5 does."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from bridge.caffe import Net, read
from bridge.caffe.files import hdf5
from bridge.errors import PrototxtError, UsageError, WeightsError
from bridge.files.hdf5 import refuse_foreign
from tests.helpers.golden_cases import CASES, Case, case

WEIGHT, BIAS = np.arange(12, dtype=np.float32).reshape(4, 3), np.arange(4, dtype=np.float32)
INPUT = 'input: "x" input_shape { dim: 2 dim: 3 }\n'


def dense(name: str, more: str = "") -> str:
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "x" top: "{name}" {more} '
        "inner_product_param { num_output: 4 } }\n"
    )


def write(path: Path, layers: Mapping[str, Mapping[int, Any]], **options: Any) -> Path:
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        for name, blobs in layers.items():
            group = data.create_group(name)
            for index, array in blobs.items():
                group.create_dataset(str(index), data=array, **options)
    return path


def net_of(
    tmp_path: Path, text: str, layers: Mapping[str, Mapping[int, Any]], **options: Any
) -> Net:
    (tmp_path / "net.prototxt").write_text(INPUT + text)
    path = write(tmp_path / "net.caffemodel.h5", layers, **options)
    return read(tmp_path / "net.prototxt", path)


def twins() -> Sequence[Case]:
    return [c for c in CASES if "net" in c.tags and "alias" not in c.tags]


@pytest.mark.parametrize("case", twins(), ids=str)
def test_a_net_is_the_same_whichever_file_its_weights_are_in(case: Case, tmp_path: Path) -> None:
    net = read(case.prototxt, case.caffemodel)
    blobs = {la.name: {i: b.array() for i, b in enumerate(la.blobs)} for la in net.layers}
    other = read(case.prototxt, write(tmp_path / "net.caffemodel.h5", blobs))
    assert len(net.layers) == len(other.layers)
    for layer, its in zip(net.layers, other.layers, strict=True):
        assert len(layer.blobs) == len(its.blobs)
        for blob, same in zip(layer.blobs, its.blobs, strict=True):
            np.testing.assert_array_equal(blob.array(), same.array())


def test_plain_floats_are_not_copied(tmp_path: Path) -> None:
    net = net_of(tmp_path, dense("a"), {"a": {0: WEIGHT, 1: BIAS}})
    blob = net.layers[0].blobs[0]
    span = blob.span
    assert span is not None
    data = span.path.read_bytes()[span.offset : span.offset + span.length]
    assert data == WEIGHT.tobytes()
    assert not blob.array().flags.owndata
    assert not blob.array().flags.writeable


@pytest.mark.parametrize("options", [{"dtype": "<f8"}, {"compression": "gzip"}, {"dtype": ">f4"}])
def test_other_numbers_are_read_when_asked_for(tmp_path: Path, options: dict[str, Any]) -> None:
    blob = net_of(tmp_path, dense("a"), {"a": {0: WEIGHT, 1: BIAS}}, **options).layers[0].blobs[0]
    assert blob.span is None
    assert blob.array().dtype == np.float32
    np.testing.assert_array_equal(blob.array(), WEIGHT)


def test_what_a_layer_shares_is_left_out_of_the_file(tmp_path: Path) -> None:
    text = dense("a", 'param { name: "w" }') + dense("b", 'param { name: "w" }')
    net = net_of(tmp_path, text, {"a": {0: WEIGHT, 1: BIAS}, "b": {1: -BIAS}})
    weight, bias = net.layers[1].blobs
    np.testing.assert_array_equal(weight.array(), WEIGHT)
    np.testing.assert_array_equal(bias.array(), -BIAS)
    assert not net.warnings


def test_a_factor_that_is_shared_is_none_that_exporters_forgot(tmp_path: Path) -> None:
    shared = "param { } param { } param { name: 'factor' }"
    norms = "".join(
        f'layer {{ name: "{name}" type: "BatchNorm" bottom: "x" top: "{name}" {shared} }}'
        for name in "ab"
    )
    weights = {"a": {0: BIAS[:3], 1: BIAS[:3], 2: [2.0]}, "b": {0: BIAS[:3], 1: BIAS[:3]}}
    net = net_of(tmp_path, norms, weights)
    assert [layer.blobs[2].array().tolist() for layer in net.layers] == [[2], [2]]
    assert not net.warnings


def test_what_is_left_out_and_not_shared_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="lacks the weights of layers") as refusal:
        net_of(tmp_path, dense("a"), {"a": {1: BIAS}})
    assert "layer 'a'" in str(refusal.value)


def test_blobs_beyond_the_layers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="another number of blobs"):
        net_of(tmp_path, dense("a"), {"a": {0: WEIGHT, 1: BIAS, 2: BIAS}})


def test_a_diff_beside_the_data_is_ignored(tmp_path: Path) -> None:
    path = write(tmp_path / "net.caffemodel.h5", {"a": {0: WEIGHT, 1: BIAS}})
    with h5py.File(path, "a") as file:
        file["diff/a/0"] = -WEIGHT
    (layer,) = hdf5.read(path)
    np.testing.assert_array_equal(layer.blobs[0].blob.array(), WEIGHT)


def test_a_scalar_has_no_axes(tmp_path: Path) -> None:
    (layer,) = hdf5.read(write(tmp_path / "net.caffemodel.h5", {"a": {0: np.float32(3)}}))
    assert (layer.blobs[0].blob.shape, layer.blobs[0].count) == ((), 1)
    assert layer.blobs[0].blob.array() == 3


def test_it_has_no_net(tmp_path: Path) -> None:
    path = write(tmp_path / "net.caffemodel.h5", {"a": {0: WEIGHT}})
    with pytest.raises(PrototxtError, match="put its prototxt"):
        read(path)


def test_other_hdf5_files_are_refused(tmp_path: Path) -> None:
    for name in ("model_weights", "data"):
        with h5py.File(tmp_path / "net.h5", "w") as file:
            file[name] = WEIGHT
        with pytest.raises(WeightsError, match="contains no Caffe weights"):
            hdf5.read(tmp_path / "net.h5")


def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "net.caffemodel.h5", {"a": {0: WEIGHT, 1: BIAS}})
    whole = path.read_bytes()
    for size in range(8, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(WeightsError, match="damaged"):
            hdf5.read(path)


def external(file: h5py.File, other: Path) -> None:
    file.create_dataset("data/a/0", (4, 3), "<f4", external=[(other, 0, 48)])


def virtual(file: h5py.File, other: Path) -> None:
    layout = h5py.VirtualLayout((4, 3), "<f4")
    layout[:] = h5py.VirtualSource(other, "data/a/0", (4, 3))
    file.create_virtual_dataset("data/a/0", layout)


def external_link(file: h5py.File, other: Path) -> None:
    file["data/a/0"] = h5py.ExternalLink(other, "data/a/0")


def link_of_a_layer(file: h5py.File, other: Path) -> None:
    file["data/b/0"] = WEIGHT
    file["data/a"] = h5py.ExternalLink(other, "data/a")


def link_of_all(file: h5py.File, other: Path) -> None:
    file["data"] = h5py.ExternalLink(other, "data")


def soft_link(file: h5py.File, other: Path) -> None:
    file["elsewhere"] = h5py.ExternalLink(other, "data/a/0")
    file["data/a/0"] = h5py.SoftLink("/elsewhere")


def cycle(file: h5py.File, other: Path) -> None:
    file["data/a/0"] = WEIGHT
    file["data/a/b"] = file["data"]


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (external, r"'/data/a/0' does not lie in.*\n.*\n  received: external storage in"),
        (virtual, "a virtual dataset"),
        (external_link, "an external link"),
        (link_of_a_layer, "'/data/a' does not lie"),
        (link_of_all, "'/data' does not lie"),
        (soft_link, "an external link|a symbolic link"),
        (cycle, "a group that lies within itself"),
    ],
)
def test_nothing_is_read_from_other_files(fill: Any, message: str, tmp_path: Path) -> None:
    other = write(tmp_path / "other.h5", {"a": {0: WEIGHT}})
    with h5py.File(tmp_path / "net.caffemodel.h5", "w") as file:
        fill(file, other)
    for look in (hdf5.read, refuse_foreign):
        with pytest.raises(WeightsError, match=message):
            look(tmp_path / "net.caffemodel.h5")


def test_a_dataset_without_values_is_no_blob(tmp_path: Path) -> None:
    path = write(tmp_path / "net.caffemodel.h5", {"a": {0: WEIGHT, 1: h5py.Empty("<f4")}})
    assert hdf5.read(path)[0].blobs.keys() == {0}


def test_groups_as_deep_as_one_likes(tmp_path: Path) -> None:
    name = "/".join("a" * 1500)
    (layer,) = hdf5.read(write(tmp_path / "net.caffemodel.h5", {name: {0: WEIGHT}}))
    assert layer.name == name


def test_damaged_bytes_are_one_refusal(tmp_path: Path) -> None:
    path = write(tmp_path / "net.caffemodel.h5", {"a": {0: WEIGHT, 1: BIAS}})
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    for at in generator.integers(8, len(whole), 300):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        with suppress(WeightsError):
            for layer in hdf5.read(path):
                for stored in layer.blobs.values():
                    stored.blob.array()


def test_without_h5py_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = case("relu")
    path = write(tmp_path / "net.caffemodel.h5", {"a": {0: WEIGHT}})
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UsageError, match=r"pip install '.+\[hdf5\]'"):
        read(folder.prototxt, path)
