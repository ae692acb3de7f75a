"""The files that are made of others: the compiled schema, two pages and figures of the docs, and
the tables of the installed Keras."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf.descriptor_pb2 import FileDescriptorSet

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "bridge" / "caffe" / "schema"

LAYERS = """# What is supported

Made by `scripts/generate` from the tables of rules; `python -m bridge layers` prints the same.

## Caffe layers → ONNX

`Input` and the data layers become the graph's inputs. Losses, Accuracy and Silence at the end of
a net are left out, and the blobs that fed them become outputs. Origin: BVLC Caffe, its SSD
branch, or forks. Since: the release that first had it.

{layers}

## ONNX operators → Keras

Opset: the first operator set that the rule reads; a newer rule takes over from an older one.

{operators}
"""


def compiled_schema() -> bytes:
    """The FileDescriptorProto of caffe.proto, serialised; caffe.desc, which the package reads."""
    with TemporaryDirectory() as folder:
        compiled = Path(folder) / "set"
        arguments = [f"-I{SCHEMA}", f"--descriptor_set_out={compiled}", str(SCHEMA / "caffe.proto")]
        # A process of its own: beside TensorFlow in one process this compiler crashes.
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True)
        (schema,) = FileDescriptorSet.FromString(compiled.read_bytes()).file
    return schema.SerializeToString()


def layers_page() -> bytes:
    """What is supported, read off the tables of rules."""
    from bridge.support import LayerRow, OperatorRow, layer_rows, operator_rows

    page = LAYERS.format(
        layers=_table(LayerRow._fields, layer_rows()),
        operators=_table(OperatorRow._fields, operator_rows()),
    )
    return page.encode()


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in r] for r in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mistakes_page() -> bytes:
    """Typical mistakes, each made on small files, and what is said of it."""
    from _mistakes import messages, page

    return page(messages()).encode()


def figure() -> bytes:
    """A kernel, reshaped and transposed."""
    from _figure import reshape_figure

    return reshape_figure().encode()


def weight_figure(name: str) -> bytes:
    """A weight on its way to Keras."""
    from _figure import WAYS, weight_figure

    return weight_figure(WAYS[name]).encode()


def keras_layers() -> bytes:
    """The layers of the installed Keras, as archives have them."""
    from _keras_tables import layers

    return layers()


def keras_operations() -> bytes:
    """The operations of its `keras.ops`."""
    from _keras_tables import operations

    return operations()


# The package reads the schema when it is imported: it is compiled before the pages are written.
TARGETS: Mapping[Path, Callable[[], bytes]] = {
    SCHEMA / "caffe.desc": compiled_schema,
    ROOT / "bridge" / "archive" / "layers.json": keras_layers,
    ROOT / "bridge" / "archive" / "operations.json": keras_operations,
    ROOT / "docs" / "layers.md": layers_page,
    ROOT / "docs" / "mistakes.md": mistakes_page,
    ROOT / "docs" / "reshape.svg": figure,
    **{
        ROOT / "docs" / f"weight-{name}.svg": partial(weight_figure, name)
        for name in ("convolution", "grouped", "flatten")
    },
}


def main() -> None:
    for path, content in TARGETS.items():
        old, new = path.read_bytes(), content()
        if new != old:
            path.write_bytes(new)
        print(f"{path.relative_to(ROOT)}: {'as it was' if new == old else 'written anew'}")


if __name__ == "__main__":
    main()
