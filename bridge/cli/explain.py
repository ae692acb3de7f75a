"""explain, and what the conversions say of layouts on request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bridge.cli.app import app
from bridge.cli.options import DEFAULT_LOWERING, Caffemodel, IoLayoutOption, Lowering, Prototxt
from bridge.cli.show import show_table, words

if TYPE_CHECKING:
    from bridge.translation import MappedTensor, MappedWeight, Source, TranslationMap, Transpose


@app.command
def explain(
    net: Prototxt,
    caffemodel: Caffemodel = None,
    /,
    *,
    blob: Annotated[str | None, Parameter(help="This blob only, and what writes it.")] = None,
    as_json: Annotated[bool, Parameter("--json", negative=(), help="Print it as JSON.")] = False,
    io_layout: IoLayoutOption = "channels_last",
    lowering: Lowering = DEFAULT_LOWERING,
) -> None:
    """Say how each blob and each weight of a Caffe net maps to Keras.

    For each blob its shape in Caffe, its shape in Keras, and the einops text between them; for
    each weight the numpy expression that makes Keras's array of Caffe's. Neither Keras nor a
    caffemodel is needed.

    **Examples**

        python -m bridge explain deploy.prototxt

        python -m bridge explain deploy.prototxt net.caffemodel --blob fc6
    """
    from bridge.convert import explain as explained

    found = explained(
        net,
        caffemodel,
        blob=blob,
        io_layout=io_layout,
        **lowering.keywords(),
    )
    if as_json:
        print(json.dumps(found.to_json(), indent=1, ensure_ascii=False))
    else:
        show_map(found)


def show_map(found: TranslationMap) -> None:
    rows = [_tensor_row(tensor) for tensor in found.tensors]
    rows += [
        (name, words(shape), "-", "no tensor of its own", "-")
        for name, shape in found.absent.items()
    ]
    show_table(("blob", "in Caffe", "in Keras", "order", "given by"), rows)
    if found.weights:
        print()
        heads = ("weight in Keras", "shape", "of Caffe's", "shape", "by")
        show_table(heads, [_weight_row(weight) for weight in found.weights])
    if found.transposes:
        print()
        show_transposes(found.transposes)


def _tensor_row(tensor: MappedTensor) -> Sequence[str]:
    number = f"[{tensor.output}]" if tensor.output else ""
    stored = words(tensor.stored)
    return (tensor.value, words(tensor.shape), stored, tensor.order, f"{tensor.keras}{number}")


def _weight_row(weight: MappedWeight) -> Sequence[str]:
    return (
        f"{weight.layer} {weight.role}",
        words(weight.shape),
        ", ".join(map(_source_text, weight.sources)),
        ", ".join(words(source.shape) for source in weight.sources),
        weight.expression or "-",
    )


def _source_text(source: Source) -> str:
    """With what the expression calls it, where that does not say which one it is."""
    told = source.variable == "w" or source.variable.startswith("blobs")
    return str(source) if told else f"{source.variable}: {source}"


def show_transposes(transposes: Sequence[Transpose]) -> None:
    """Why each stands there: who gives a tensor in one order, and who asks for it in another; and
    what would have to be stored otherwise to do without, and cannot be."""
    heads = ("transposed", "from", "as given by", "to", "as asked for by", "bytes")
    rows = [
        (each.value, each.have, each.given_by, each.want, each.asked_by, str(each.bytes))
        for each in transposes
    ]
    if rows:
        show_table(heads, rows)
        print()
        reasons = [row for each in transposes for row in _reason_rows(each)]
        show_table(("to save", "this would have to be", "stored so", "but"), reasons)


def _reason_rows(transpose: Transpose) -> Sequence[Sequence[str]]:
    if not transpose.because:
        return [(transpose.value, "-", "-", "nothing was found that forbids it, or moves less")]
    names = [transpose.value, *[""] * (len(transpose.way) - 1)]
    reasons = [transpose.because, *[""] * (len(transpose.way) - 1)]
    return [
        (name, *at, but)
        for name, at, but in zip(names, transpose.way.items(), reasons, strict=True)
    ]
