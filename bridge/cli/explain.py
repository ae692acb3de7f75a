"""The command explain, and the explanation of layouts that conversions print on request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bridge.cli.app import reading_command
from bridge.cli.options import (
    DEFAULT_LOWERING,
    AllowExternalPath,
    Caffemodel,
    InputValue,
    IoLayoutOption,
    Lowering,
    Quantized,
    parse_values,
)
from bridge.cli.show import show_json, show_table, show_warnings, words

if TYPE_CHECKING:
    from bridge.translation import MappedTensor, MappedWeight, Source, TranslationMap, Transpose


@reading_command
def explain(
    net: Annotated[Path, Parameter(help="The net's definition, .prototxt, or a graph, .onnx.")],
    caffemodel: Caffemodel = None,
    /,
    *,
    blob: Annotated[
        str | None, Parameter(help="This blob, or value of a graph, only, and what writes it.")
    ] = None,
    as_json: Annotated[bool, Parameter("--json", negative=(), help="Print it as JSON.")] = False,
    html: Annotated[
        Path | None, Parameter(help="A page to write, .html, with the net drawn as a graph.")
    ] = None,
    io_layout: IoLayoutOption = "channels_last",
    lowering: Lowering = DEFAULT_LOWERING,
    input_value: InputValue = None,
    quantized: Quantized = None,
    allow_external_path: AllowExternalPath = False,
) -> None:
    """Show how each value and each weight of a Caffe net, or of an ONNX graph, maps to Keras.

    For each value its shape there, its shape in Keras, and the einops text between them; for each
    weight the numpy expression from the file's array to Keras's. Neither Keras nor a caffemodel is
    needed. The options of caffe-to-onnx are for Caffe nets, and those of onnx-to-keras for graphs.

    **Examples**

        python -m bridge explain deploy.prototxt

        python -m bridge explain deploy.prototxt net.caffemodel --blob fc6

        python -m bridge explain deploy.prototxt --html net.html

        python -m bridge explain net.onnx --html net.html
    """
    from bridge.explanation import explain as explained

    translation = explained(
        net,
        caffemodel,
        blob=blob,
        io_layout=io_layout,
        html=html,
        input_value=parse_values(input_value or ()),
        quantized=quantized,
        allow_external_path=allow_external_path,
        **lowering.keywords(),
    )
    show_warnings(translation.notes)
    if as_json:
        show_json(translation.to_json())
    else:
        show_map(translation)


def show_map(translation: TranslationMap) -> None:
    if translation.origin == "Caffe":
        _show_tensors(translation)
    else:
        _show_values(translation)
    if translation.weights:
        print()
        source = "of Caffe's" if translation.origin == "Caffe" else "initializer"
        heads = ("weight in Keras", "shape", source, "shape", "by")
        show_table(heads, [_weight_row(weight) for weight in translation.weights])
    if translation.transposes:
        print()
        show_transposes(translation.transposes)


def _show_tensors(translation: TranslationMap) -> None:
    """The blobs of a Caffe net, whose layers have the same names in Keras."""
    rows = [
        (x.value, words(x.shape), words(x.stored), x.order, _produced_by(x))
        for x in translation.tensors
    ]
    rows += [(name, _shape(shape), *_ABSENT) for name, shape in translation.absent.items()]
    heads = ("blob", "in Caffe", "in Keras", "layout", "produced by")
    show_table(heads, rows, ("produced by",))


def _show_values(translation: TranslationMap) -> None:
    """The values of a graph, each with the operator that computes it, and what computes its tensor:
    a layer of Keras, or a function."""
    rows = [
        (
            x.value,
            translation.operators.get(x.value, "-"),
            _shape(x.shape),
            _shape(x.stored),
            x.order,
            _produced_by(x) + (f" ({x.target.removeprefix('layers.')})" if x.target else ""),
        )
        for x in translation.tensors
    ]
    rows += [
        (name, translation.operators.get(name, "-"), _shape(shape), *_ABSENT)
        for name, shape in translation.absent.items()
    ]
    heads = ("value", "operator", "in ONNX", "in Keras", "layout", "produced by")
    show_table(heads, rows, ("in ONNX", "operator"))


_ABSENT = ("-", "no tensor of its own", "-")  # in Keras, its layout, and what produces it


def _shape(shape: Sequence[int | str] | None) -> str:
    return "-" if shape is None else words(shape) or "a number"


def _produced_by(tensor: MappedTensor) -> str:
    return f"{tensor.keras}[{tensor.output}]" if tensor.output else tensor.keras


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
