"""Runtimes for ONNX graphs: each takes a model and returns a function that runs it.

Two that come with bridge run here, the others in processes of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

from bridge.check.backends.runtime_process import (
    VARIABLE,
    RuntimeEndedError,
    RuntimeProcess,
    process,
)
from bridge.errors import GraphError, UsageError, words_of
from bridge.types import Array

if TYPE_CHECKING:
    import onnx

Run = Callable[[Mapping[str, Array]], Sequence[Array]]


@dataclass(frozen=True)
class Runtime:
    """`open(model, folder)` loads a model here; its weights may be in files of `folder`.

    `packages` are the names under which it may be installed. Without `open` it runs in a process of
    its own, by the `adapter` of runtime_server.py; `release` is what its version starts with, where
    the name says so. `scalars`: without them it gives an array of one number. `free_sizes`: without
    them it takes a name and a number for two sizes. `unread`: without that it takes no input that
    no node reads. `inner_values`: without that an output that another node reads may be wrong.
    """

    name: str
    packages: tuple[str, ...]
    open: Callable[[onnx.ModelProto, Path], Run] | None = None
    adapter: str = ""
    release: str = ""
    scalars: bool = True
    free_sizes: bool = True
    unread: bool = True
    inner_values: bool = True

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def version(self) -> str:
        """The version of the installed package. Raises UsageError if none is."""
        release = installed(self.packages) if self.open else self._process.version
        if release.startswith(self.release) and release:
            return release
        raise UsageError(
            f"{self.name} is not installed",
            received=f"{self.packages[0]} {release}" if release else None,
            hint=f"{self.packages[0]} may stand beside bridge, or in the environment that "
            f"scripts/runtimes makes for it: {VARIABLE}=build/runtimes",
        )

    @property
    def _process(self) -> RuntimeProcess:
        return process(self.name, self.adapter or self.name, self.packages)

    def ready(self, model: onnx.ModelProto, folder: Path) -> Run:
        """Loads a model. Raises GraphError if the runtime refuses it, or fails in running it."""
        try:
            run = self.open(model, folder) if self.open else self._served(model, folder)
        except Exception as error:  # runtimes raise classes of their own, with no common ancestor
            raise GraphError(f"{self} refuses the graph", received=words_of(error)) from error

        def guarded(feeds: Mapping[str, Array]) -> Sequence[Array]:
            try:
                return run(feeds)
            except Exception as error:
                kind = type(error) if isinstance(error, RuntimeEndedError) else GraphError
                raise kind(f"{self} cannot run the graph", received=words_of(error)) from error

        return guarded

    def _served(self, model: onnx.ModelProto, folder: Path) -> Run:
        """The model in this runtime's process, from a file that lasts as long as the function."""
        kept = TemporaryDirectory()
        graph = Path(kept.name) / "net.onnx"
        graph.write_bytes(_whole(model if self.free_sizes else _without_names(model), folder))
        outputs = model.graph.output
        names = [output.name for output in outputs]
        read = {name for node in model.graph.node for name in node.input} | {*names}

        def run(feeds: Mapping[str, Array]) -> Sequence[Array]:
            known = {name: x for name, x in feeds.items() if self.unread or name in read}
            results = self._process.run(graph, known, names)
            if self.scalars:
                return results
            return [
                result.reshape(()) if result.size == 1 and _is_scalar(output) else result
                for output, result in zip(outputs, results, strict=True)
            ]

        finalize(run, kept.cleanup)
        return run


def _without_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without shapes that have names for sizes, which its inputs may have as numbers."""
    kept = deepcopy(model)
    del kept.graph.value_info[:]
    for output in kept.graph.output:
        tensor = output.type.tensor_type
        if any(dim.dim_param for dim in tensor.shape.dim):
            tensor.ClearField("shape")
    return kept


def _is_scalar(info: onnx.ValueInfoProto) -> bool:
    tensor = info.type.tensor_type
    return tensor.HasField("shape") and not tensor.shape.dim


def installed(packages: Sequence[str]) -> str:
    """The version of the first of these packages that is installed here; "" if none is."""
    for package in packages:
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return ""


def runtime(name: str) -> Runtime:
    """The runtime of this name, installed. Raises UsageError."""
    if name not in RUNTIMES:
        raise UsageError("unknown runtime", expected=", ".join(RUNTIMES), received=name)
    chosen = RUNTIMES[name]
    chosen.version  # noqa: B018 (raises if it is not installed)
    return chosen


def _onnxruntime(model: onnx.ModelProto, folder: Path) -> Run:
    opened, seconds = session(model, folder), limit_of(model)
    names = [output.name for output in model.graph.output]
    return lambda feeds: run_within(seconds, opened, names, feeds)


SECONDS = 120
"""How long a graph with a loop may run: one of a few bytes may have no end."""


def limit_of(model: onnx.ModelProto) -> int | None:
    """SECONDS for a graph that has a loop, or may have one in a branch or a function."""
    looping = frozenset(("If", "Loop", "Scan", "SequenceMap"))
    has_loop = model.functions or any(node.op_type in looping for node in model.graph.node)
    return SECONDS if has_loop else None


def run_within(
    seconds: int | None, opened: Any, names: Sequence[str], feeds: Mapping[str, Array]
) -> list[Any]:
    """The named outputs of a session. Raises what onnxruntime does, also after so many seconds."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.log_severity_level = 4
    timer = Timer(seconds or 0, setattr, (options, "terminate", True))
    if seconds is not None:
        timer.daemon = True
        timer.start()
    try:
        results: list[Any] = opened.run(names, copied(feeds), options)
    except Exception as error:
        if options.terminate:
            raise GraphError(f"a loop of it has not ended after {seconds} s") from error
        raise
    finally:
        timer.cancel()
    return results


_PAIRS = frozenset(("DequantizeLinear", "QuantizeLinear"))
# Of a branch that a constant takes, within other branches, onnxruntime 1.32's optimiser ends the
# whole process.
_UNOPTIMIZED = _PAIRS | {"If"}
_PRODUCTS = frozenset("ConvInteger MatMulInteger QGemm QLinearConv QLinearMatMul".split())


def copied(feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Inputs for one run of onnxruntime, which may write into them: 1.32.0 puts a result of
    BatchNormalization there, where it trains and its mean and variance are one input."""
    return {name: np.array(array) for name, array in feeds.items()}


def session(
    model: onnx.ModelProto, folder: Path, unoptimized: Sequence[str] = (), plain: bool = False
) -> Any:
    """A model in onnxruntime, without those of its optimisers that are named in `unoptimized`, or
    without any if `plain`; it computes a quantized one as it is defined, where it can.

    Left to itself it saturates sums of two products of 8 bits on processors without VNNI, unless
    it may exchange the weights; then it lacks the products of int8 with int8, which need no
    exchange. What it fuses of pairs is such a product, and it even rounds weights that are floats.
    """
    operators = {node.op_type for node in model.graph.node}
    if operators & _PRODUCTS:
        try:
            return _opened(model, folder, unoptimized, exchanged=True)
        except Exception:  # noqa: BLE001 - its errors have no common class but this
            return _opened(model, folder, unoptimized, optimized=False)
    optimized = not plain and not operators & _UNOPTIMIZED
    return _opened(model, folder, unoptimized, optimized=optimized)


def _opened(
    model: onnx.ModelProto,
    folder: Path,
    unoptimized: Sequence[str],
    *,
    optimized: bool = True,
    exchanged: bool = False,
) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Fatal only: what it refuses it also raises, which is enough.
    options.log_severity_level = 4
    # Memory is freed as soon as an array is dropped, and not kept for the next run. Weights are
    # computed with where they are mapped: a copy in another order pays off in many runs only.
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.disable_prepacking", "1")
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if exchanged:
        options.add_session_config_entry("session.x64quantprecision", "1")
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(folder)
    )
    return onnxruntime.InferenceSession(
        model.SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=list(unoptimized),
    )


def _reference(model: onnx.ModelProto, folder: Path) -> Run:
    import onnx
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(onnx.load_from_string(_whole(model, folder)))
    return lambda feeds: [np.asarray(result) for result in evaluator.run(None, dict(feeds))]


def _whole(model: onnx.ModelProto, folder: Path) -> bytes:
    """The model as one message, with the weights from other files."""
    import onnx
    from onnx.external_data_helper import load_external_data_for_model

    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    load_external_data_for_model(whole, str(folder))
    return whole.SerializeToString()


_OPENCV = ("opencv-python-headless", "opencv-python")

RUNTIMES: Mapping[str, Runtime] = {
    entry.name: entry
    for entry in (
        Runtime("onnxruntime", ("onnxruntime", "onnxruntime-gpu"), _onnxruntime),
        Runtime("reference", ("onnx",), _reference),
        Runtime("onnxruntime-web", ("onnxruntime-web",)),
        Runtime("openvino", ("openvino",)),
        Runtime("opencv", _OPENCV, scalars=False, unread=False),
        Runtime("opencv5", _OPENCV, adapter="opencv", release="5.", scalars=False, unread=False),
        Runtime("opencv4", _OPENCV, adapter="opencv", release="4.", scalars=False, unread=False),
        Runtime("tract", ("tract",), free_sizes=False),
        Runtime("tvm", ("apache-tvm",)),
        Runtime("iree", ("iree-base-compiler",)),
        Runtime("mnn", ("MNN",), inner_values=False),
        Runtime("ncnn", ("pnnx",), scalars=False),
        Runtime("onnx2torch", ("onnx2torch",)),
        Runtime("tinygrad", ("tinygrad",)),
    )
}
