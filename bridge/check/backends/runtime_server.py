"""The other half of `runtime_process.py`: a program for the interpreter that has a runtime.

That may be another Python than bridge's own, so this imports nothing of bridge. A message is a line
of JSON, and behind it the bytes of its arrays, of which the line has names, dtypes and shapes:
so `runtime_server.mjs` speaks it as well. Each loader takes a graph's path and the names of its
inputs and outputs, and returns a function of the inputs, which gives the outputs in their order.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Run = Callable[[Mapping[str, Array]], Iterable[Any]]


def serve(runtime: str, packages: Sequence[str]) -> None:
    """Says the version, and then answers requests until there are no more.

    The answers go to the original standard output, which what runtimes print must not reach.
    """
    # The modules in this folder have the names of libraries.
    folder = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != folder]
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _send(answers, {"version": _version(packages)})
    path, run = "", None
    while line := requests.readline():
        request = json.loads(line)
        inputs = _arrays(requests, request["arrays"])
        try:
            if run is None or request["graph"] != path:
                path, run = request["graph"], None
                run = LOADERS[runtime](path, [*inputs], request["outputs"])
            results = map(_plain, run(inputs))
            named = dict(zip(request["outputs"], results, strict=True))
        except Exception as error:  # noqa: BLE001 - runtimes raise whatever they like
            _send(answers, {"error": str(error) or type(error).__name__})
        else:
            _send(answers, {}, named)


def _version(packages: Sequence[str]) -> str:
    """The version of the first of these packages that is installed; "" if none is."""
    for package in packages:
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return ""


def _arrays(stream: IO[bytes], heads: Sequence[Sequence[Any]]) -> dict[str, Array]:
    import numpy as np

    arrays = {}
    for name, dtype, shape in heads:
        kind = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        arrays[name] = np.frombuffer(stream.read(size), kind).reshape(shape).copy()
    return arrays


def _send(
    stream: IO[bytes], message: Mapping[str, Any], arrays: Mapping[str, Array] | None = None
) -> None:
    arrays = arrays or {}
    heads = [[name, array.dtype.name, array.shape] for name, array in arrays.items()]
    stream.write(json.dumps({**message, "arrays": heads}).encode() + b"\n")
    for array in arrays.values():
        stream.write(array.tobytes())
    stream.flush()


def _plain(result: Any) -> Array:
    import numpy as np

    return np.asarray(result.numpy() if hasattr(result, "numpy") else result)


# ---- the runtimes ------------------------------------------------------------------------------


def _opencv(path: str, _: Sequence[str], outputs: Sequence[str]) -> Run:
    import cv2

    net = cv2.dnn.readNetFromONNX(path)

    def run(inputs: Mapping[str, Array]) -> Iterable[Any]:
        for name, array in inputs.items():
            net.setInput(array, name)
        return net.forward(list(outputs))

    return run


def _openvino(path: str, _: Sequence[str], outputs: Sequence[str]) -> Run:
    import openvino

    # Its defaults are half precision and bfloat16 if the processor has them.
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(path, "CPU", exact)
    # An input without consumers is gone from the compiled model.
    names = [port.node.friendly_name for port in compiled.inputs]

    def run(inputs: Mapping[str, Array]) -> Iterable[Any]:
        results = compiled([inputs[name] for name in names])
        return [results[index] for index in range(len(outputs))]

    return run


def _tract(path: str, _: Sequence[str], __: Sequence[str]) -> Run:
    import tract

    model = tract.onnx().load(path)
    names = [model.input_name(index) for index in range(model.input_count())]
    runnable = model.into_model().into_runnable()
    return lambda inputs: [
        value.to_numpy() for value in runnable.run([inputs[name] for name in names])
    ]


def _tinygrad(path: str, _: Sequence[str], outputs: Sequence[str]) -> Run:
    os.environ.setdefault("DEV", "CPU")  # which compiles with the clang on PATH, or with CC
    from tinygrad import Tensor
    from tinygrad.nn.onnx import OnnxRunner

    runner = OnnxRunner(path)

    def run(inputs: Mapping[str, Array]) -> Iterable[Any]:
        results = runner({name: Tensor(array) for name, array in inputs.items()})
        return [results[name] for name in outputs]

    return run


def _tvm(path: str, _: Sequence[str], __: Sequence[str]) -> Run:
    import onnx
    import tvm
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx

    compiled = tvm.compile(from_onnx(onnx.load(path)), target="llvm")
    machine = relax.VirtualMachine(compiled, tvm.cpu())

    def run(inputs: Mapping[str, Array]) -> Iterable[Any]:
        result = machine["main"](*map(tvm.runtime.tensor, inputs.values()))
        return [result] if hasattr(result, "numpy") else list(result)

    return run


def _iree(path: str, _: Sequence[str], __: Sequence[str]) -> Run:
    from iree import runtime

    commands = Path(sys.executable).parent
    imported, compiled = Path(path).with_suffix(".mlir"), Path(path).with_suffix(".vmfb")
    for command in (
        [commands / "iree-import-onnx", path, "-o", imported],
        [
            *(commands / "iree-compile", imported, "-o", compiled),
            "--iree-hal-target-device=local",
            "--iree-hal-local-target-device-backends=llvm-cpu",
            "--iree-llvmcpu-target-cpu=host",
        ],
    ):
        words = [str(word) for word in command]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(_complaint(done.stderr))
    context = runtime.SystemContext(config=runtime.Config("local-sync"))
    module = runtime.VmModule.mmap(context.instance, str(compiled))
    context.add_vm_module(module)
    (name,) = [n for n in module.function_names if not n.startswith("__") and "$" not in n]

    def run(inputs: Mapping[str, Array]) -> Iterable[Any]:
        result = context.modules[module.name][name](*inputs.values())
        return result if isinstance(result, (tuple, list)) else [result]

    return run


def _complaint(log: str) -> str:
    """The first error in a compiler's log, else its last line."""
    errors = re.findall(r"error: .*", log)
    return (errors or log.strip().splitlines()[-1:] or ["no message"])[0]


_WINOGRAD_LEVEL = 3  # of MNN's Interpreter::HintMode


def _mnn(path: str, inputs: Sequence[str], outputs: Sequence[str]) -> Run:
    # Not by MNN.tools: that installs packages with the pip on PATH, and reports to its makers.
    import _tools
    import MNN

    net = str(Path(path).with_suffix(".mnn"))
    _tools.mnnconvert(
        ["mnnconvert", "-f", "ONNX", "--modelFile", path, "--MNNModel", net, "--bizCode", "none"]
    )
    # Its larger Winograd transforms are off by up to 3e-4 of the largest value; 0 has small ones.
    manager = MNN.nn.create_runtime_manager(({"backend": "CPU", "precision": "high"},))
    manager.set_hint(_WINOGRAD_LEVEL, 0)
    module = MNN.nn.load_module_from_file(net, list(inputs), list(outputs), runtime_manager=manager)

    def run(feeds: Mapping[str, Array]) -> Iterable[Any]:
        nchw = MNN.expr.NCHW
        values = [MNN.expr.const(array, list(array.shape), nchw) for array in feeds.values()]
        return [MNN.expr.convert(value, nchw).read() for value in module.forward(values)]

    return run


def _onnx2torch(path: str, _: Sequence[str], __: Sequence[str]) -> Run:
    import onnx2torch
    import torch

    net = onnx2torch.convert(path).eval()

    def run(inputs: Mapping[str, Array]) -> Iterable[Any]:
        with torch.no_grad():
            result = net(*map(torch.from_numpy, inputs.values()))
        return result if isinstance(result, (tuple, list)) else [result]

    return run


# In the program that pnnx writes: where the batch is in each input and output, if it has one.
_IN = re.compile(r"ncnn\.Mat\(in\d+\.numpy\(\), batch_index=(\d+)")
_OUT = re.compile(r"out\d+\.numpy\(batch_index=(\d+)")


def _ncnn(path: str, _: Sequence[str], __: Sequence[str]) -> Run:
    import ncnn

    def run(inputs: Mapping[str, Array]) -> Iterable[Any]:
        code, stem = _by_pnnx(path, inputs), Path(path).with_suffix("")
        with ncnn.Net() as net:
            for option in ("packed", "storage", "arithmetic"):
                setattr(net.opt, f"use_fp16_{option}", False)
            if net.load_param(f"{stem}.ncnn.param") or net.load_model(f"{stem}.ncnn.bin"):
                raise RuntimeError("ncnn cannot load what pnnx wrote")
            with net.create_extractor() as extractor:
                fed = zip(inputs.values(), _IN.findall(code), strict=True)
                for index, (array, batch) in enumerate(fed):
                    value = ncnn.Mat(array, batch_index=int(batch)).clone()
                    extractor.input(f"in{index}", value)
                for index, batch in enumerate(_OUT.findall(code)):
                    status, value = extractor.extract(f"out{index}")
                    if status:
                        raise RuntimeError(f"ncnn cannot compute out{index}: {status}")
                    yield value.numpy(batch_index=int(batch)).copy()

    return run


def _by_pnnx(path: str, inputs: Mapping[str, Array]) -> str:
    """Has pnnx convert a graph for inputs of these shapes, and gives the program that it writes."""
    code = Path(path).with_name(f"{Path(path).stem}_ncnn.py")
    code.unlink(missing_ok=True)
    shapes = ",".join(f"[{','.join(map(str, array.shape))}]" for array in inputs.values())
    package = find_spec("pnnx")
    if package is None or package.origin is None:
        raise RuntimeError("pnnx is not installed")
    # The program itself: its command imports PyTorch first, which takes seconds.
    program = Path(package.origin).with_name("pnnx")
    done = subprocess.run(
        [str(program), path, f"inputshape={shapes}", "fp16=0"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(path).parent,
    )
    if done.returncode or not code.is_file():
        raise RuntimeError(f"pnnx ends with {done.returncode}: {_complaint(done.stderr)}")
    return code.read_text(encoding="utf-8")


LOADERS: Mapping[str, Callable[[str, Sequence[str], Sequence[str]], Run]] = {
    "iree": _iree,
    "mnn": _mnn,
    "ncnn": _ncnn,
    "onnx2torch": _onnx2torch,
    "opencv": _opencv,
    "openvino": _openvino,
    "tinygrad": _tinygrad,
    "tract": _tract,
    "tvm": _tvm,
}


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])
