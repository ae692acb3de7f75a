"""Writes the nets of tests/pytorch/nets as PyTorch's two exporters spell them, at many opsets."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import sequences as s
import torch
import vision as v
from torch import Tensor, nn

NETS = Path(__file__).resolve().parents[2] / "tests" / "pytorch" / "nets"
BATCH = {0: "batch"}
IMAGE = {0: "batch", 2: "height", 3: "width"}


@dataclass(frozen=True)
class Net:
    """A net, its inputs by name with the axes that are open, and the opsets at which the exporter
    by TorchScript (`scripted`) and that by torch.export (`exported`) write it."""

    build: Callable[[], nn.Module]
    inputs: Sequence[tuple[str, Callable[[], Tensor], dict[int, str]]]
    outputs: Sequence[str]
    scripted: Sequence[int]
    exported: Sequence[int] = ()


def image(channels: int, *sizes: int, axes: dict[int, str] = BATCH) -> list[object]:
    return [("image", lambda: torch.randn(2, channels, *sizes), axes)]


def sequence(*sizes: int, axes: dict[int, str] = BATCH) -> list[object]:
    return [("x", lambda: torch.randn(2, *sizes), axes)]


def ids(time: int) -> tuple[str, Callable[[], Tensor], dict[int, str]]:
    return ("ids", lambda: torch.randint(0, 40, (2, time)), {0: "batch", 1: "time"})


def recurrent(kind: str, **options: object) -> Callable[[], nn.Module]:
    return lambda: s.Recurrent(kind, **options)


ONE = ("y",)
ALL = {
    "vit": Net(v.ViT, image(3, 32, 32), ONE, (11, 17), (18,)),
    "vit_fused": Net(lambda: v.ViT(fused=True), image(3, 32, 32), ONE, (14,), (18, 23)),
    "swin": Net(v.Swin, image(3, 32, 32), ONE, (12, 16), (20,)),
    "convnext": Net(v.ConvNeXt, image(3, 16, 16), ONE, (13, 17), (20,)),
    "mixer": Net(v.Mixer, image(3, 16, 16), ONE, (12,), (18,)),
    "resnet": Net(v.ResNet, image(3, 32, 32), ONE, (11,), (18, 23)),
    "mobilenet": Net(v.MobileNet, image(3, 16, 16), ONE, (11, 15), (19,)),
    "shuffle": Net(v.Shuffle, image(3, 16, 16), ONE, (11,), (18,)),
    "groupnorm": Net(v.GroupNormNet, image(3, 16, 16), ONE, (11, 16), (18, 21)),
    "style": Net(v.Style, image(3, 16, 16), ONE, (11,), (18,)),
    "unet": Net(v.UNet, image(3, 16, 16), ONE, (11,), (20,)),
    "super_resolution": Net(v.SuperResolution, image(3, 8, 8, axes=IMAGE), ONE, (11,), (18,)),
    "fpn": Net(v.Fpn, image(3, 32, 32, axes=IMAGE), ONE, (11, 13), (18,)),
    "detector": Net(v.Detector, image(3, 32, 32), ("boxes", "scores"), (11, 16), (20,)),
    "transformed": Net(v.Transformed, image(3, 16, 16), ONE, (20,), (20,)),
    "volume": Net(v.Volume, image(1, 8, 8, 8), ONE, (13,), (18,)),
    "quantized": Net(v.Quantized, image(3, 16, 16), ONE, (13, 17)),
    "bert": Net(
        s.Bert,
        [ids(7), ("mask", lambda: torch.ones(2, 7, dtype=torch.int64), {0: "batch", 1: "time"})],
        ("hidden", "logits"),
        (11, 14),
        (18,),
    ),
    "decoder": Net(s.Decoder, [ids(6)], ONE, (14,), (18,)),
    "decoder_fused": Net(lambda: s.Decoder(fused=True), [ids(6)], ONE, (14,), (23,)),
    "conformer": Net(s.Conformer, sequence(12, 16), ONE, (13,), (21,)),
    "encoder": Net(s.Encoder, sequence(6, 16), ONE, (14,), (18,)),
    "einsum": Net(s.Einsums, sequence(6, 8), ONE, (12,), (20,)),
    "lstm": Net(
        recurrent("LSTM", batch_first=True, bidirectional=True, layers=2),
        sequence(7, 6),
        ("y", "state"),
        (11, 17),
        (20,),
    ),
    "gru": Net(
        recurrent("GRU", batch_first=False, bidirectional=False, layers=1),
        [("x", lambda: torch.randn(7, 2, 6), {1: "batch"})],
        ("y", "state"),
        (13,),
        (18,),
    ),
    "rnn": Net(
        recurrent("RNN", batch_first=True, bidirectional=False, layers=2),
        sequence(7, 6, axes={0: "batch", 1: "time"}),
        ("y", "state"),
        (11,),
    ),
    "stateful": Net(
        s.Stateful,
        [
            ("x", lambda: torch.randn(2, 4, 6), BATCH),
            ("h", lambda: torch.randn(1, 2, 5), {1: "batch"}),
            ("c", lambda: torch.randn(1, 2, 5), {1: "batch"}),
        ],
        ("y", "hn", "cn"),
        (13,),
        (18,),
    ),
    "crnn": Net(s.Crnn, image(1, 8, 24), ONE, (11,), (18,)),
    "tcn": Net(s.Tcn, sequence(4, 20), ONE, (11,), (18,)),
}


def main() -> None:
    warnings.simplefilter("ignore")
    NETS.mkdir(parents=True, exist_ok=True)
    for name, net in ALL.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        for exporter, opsets in (("scripted", net.scripted), ("exported", net.exported)):
            for opset in opsets:
                write(NETS / f"{name}_{exporter}_{opset}.onnx", net, opset, exporter == "exported")


def write(path: Path, net: Net, opset: int, dynamo: bool) -> None:
    torch.manual_seed(0)
    module = net.build()
    for parameter in module.parameters():  # nothing is at the 0 and 1 that it begins with
        torch.nn.init.normal_(parameter, std=0.3) if parameter.ndim < 2 else None
    for buffer_name, buffer in module.named_buffers():
        if buffer_name.endswith("running_var"):
            torch.nn.init.uniform_(buffer, 0.5, 1.5)
        elif buffer_name.endswith("running_mean"):
            torch.nn.init.normal_(buffer)
    arguments = tuple(example() for _, example, _ in net.inputs)
    axes = {name: open_axes for name, _, open_axes in net.inputs}
    common = {"input_names": list(axes), "output_names": list(net.outputs), "opset_version": opset}
    if dynamo:
        shapes = tuple(
            {axis: torch.export.Dim.DYNAMIC if n != "batch" else torch.export.Dim("batch")
             for axis, n in open_axes.items()}
            for open_axes in axes.values()
        )  # fmt: skip
        torch.onnx.export(
            module.eval(), arguments, path, dynamo=True, dynamic_shapes=shapes, verbose=False,
            external_data=False, **common,
        )  # fmt: skip
    else:
        torch.onnx.export(module.eval(), arguments, path, dynamo=False, dynamic_axes=axes, **common)
    model = onnx.load(path)
    for node in model.graph.node:  # where the net's source lay, and what each line of it was
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.metadata_props[:], model.graph.metadata_props[:]
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
    onnx.save(model, path)
    print(f"{path.name}: opset {model.opset_import[0].version}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
