"""Run by itself, with the build to measure in PYTHONPATH: prints the seconds a node that the passes
and the layout pass take, of an ONNX file."""

from __future__ import annotations

import sys
from time import process_time

import onnx

from bridge.graph.io import load
from bridge.graph.passes import run_passes
from bridge.raising import raise_model


def main() -> None:
    path = sys.argv[1]
    model, nodes = load(path), len(onnx.load_model(path).graph.node)
    start = process_time()
    raise_model(run_passes(model))
    print((process_time() - start) / nodes)


if __name__ == "__main__":
    main()
