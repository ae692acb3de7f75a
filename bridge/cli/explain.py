"""The command explain, and the explanation of layouts that conversions print on request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bridge.cli.app import reading_command
from bridge.cli.options import DEFAULT_LOWERING, Caffemodel, IoLayoutOption, Lowering, Prototxt
from bridge.cli.show import show_json, show_table, words

if TYPE_CHECKING:
    from bridge.translation import MappedTensor, MappedWeight, Source, TranslationMap, Transpose


@reading_command
def explain(
    net: Prototxt,
    caffemodel: Caffemodel = None,
    /,
    *,
    blob: Annotated[str | None, Parameter(help="This blob only, and what writes it.")] = None,
    as_json: Annotated[bool, Parameter("--json", negative=(), help="Print it as JSON.")] = False,
    html: Annotated[
        Path | None, Parameter(help="A page to write, .html, with the net drawn as a graph.")
    ] = None,
    io_layout: IoLayoutOption = "channels_last",
    lowering: Lowering = DEFAULT_LOWERING,
) -> None:
    """Show how each blob and each weight of a Caffe net maps to Keras.

    For each blob its shape in Caffe, its shape in Keras, and the einops text between them; for
    each weight the numpy expression from Caffe's array to Keras's. Neither Keras nor a
    caffemodel is needed.

    **Examples**

        python -m bridge explain deploy.prototxt

        python -m bridge explain deploy.prototxt net.caffemodel --blob fc6

        python -m bridge explain deploy.prototxt --html net.html
    """
    from bridge.convert import explain as explained

    translation = explained(
        net,
        caffemodel,
        blob=blob,
        io_layout=io_layout,
        html=html,
        **lowering.keywords(),
    )
    if as_json:
        show_json(translation.to_json())
    else:
        show_map(translation)


def show_map(translation: TranslationMap) -> None:
    rows = [_tensor_row(tensor) for tensor in translation.tensors]
    rows += [
        (name, words(shape), "-", "no tensor of its own", "-")
        for name, shape in translation.absent.items()
    ]
    show_table(("blob", "in Caffe", "in Keras", "layout", "produced by"), rows)
    if translation.weights:
        print()
        heads = ("weight in Keras", "shape", "of Caffe's", "shape", "by")
        show_table(heads, [_weight_row(weight) for weight in translation.weights])
    if translation.transposes:
        print()
        show_transposes(translation.transposes)


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
    """With its name in the expression, unless that name is clear by itself."""
    is_clear = source.variable == "w" or source.variable.startswith("blobs")
    return str(source) if is_clear else f"{source.variable}: {source}"


def show_transposes(transposes: Sequence[Transpose]) -> None:
    """The reason for each: which node has a tensor in one layout, and which needs another; and what
    would have to be stored in another layout to save the transpose, but cannot."""
    heads = ("transposed", "from", "produced by", "to", "consumed by", "bytes")
    rows = [(t.value, t.have, t.given_by, t.want, t.asked_by, str(t.bytes)) for t in transposes]
    if rows:
        show_table(heads, rows)
        print()
        reasons = [row for transpose in transposes for row in _reason_rows(transpose)]
        show_table(("to save", "this would have to be", "in layout", "but"), reasons)


def _reason_rows(transpose: Transpose) -> Sequence[Sequence[str]]:
    if not transpose.because:
        return [(transpose.value, "-", "-", "nothing was found that forbids it, or moves less")]
    names = [transpose.value, *[""] * (len(transpose.way) - 1)]
    reasons = [transpose.because, *[""] * (len(transpose.way) - 1)]
    return [
        (name, *at, but)
        for name, at, but in zip(names, transpose.way.items(), reasons, strict=True)
    ]
