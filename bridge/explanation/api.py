"""`explain`: of a Caffe net or of an ONNX graph, whichever it is."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from bridge import files
from bridge.errors import UsageError
from bridge.explanation.caffe import explained_net
from bridge.explanation.graph import explained_graph
from bridge.public import public
from bridge.public.options import (
    ExplainKeywords,
    GraphOptions,
    IoLayout,
    LoweringOptions,
    Options,
    PathLike,
    with_options,
)

if TYPE_CHECKING:
    import onnx

    from bridge.translation import TranslationMap


@public
@with_options(LoweringOptions, GraphOptions)
def explain(
    net: PathLike | onnx.ModelProto,
    caffemodel: PathLike | None = None,
    *,
    blob: str | None = None,
    io_layout: IoLayout = "channels_last",
    html: PathLike | None = None,
    **options: Unpack[ExplainKeywords],
) -> TranslationMap:
    """How a net maps to Keras, value by value and weight by weight, without building it.

    `net` is the prototxt of a Caffe net, or an ONNX graph. Neither Keras nor, for what the shapes
    alone say, a caffemodel is needed. `blob` confines the map to one blob and the layers that write
    it, or to one value of a graph. The other options are those of `caffe_to_keras` for a Caffe net,
    and those of `onnx_to_keras` for a graph. `html` is a page to write, with the whole net drawn
    as a graph.

    Raises BridgeError for whatever cannot be converted.
    """
    lowering, graph = LoweringOptions.of(options), GraphOptions.of(options)
    if isinstance(net, str | Path) and not _is_graph(Path(net)):
        _refuse_foreign(
            graph, LoweringOptions, "only for ONNX graphs, and this is a Caffe net", net
        )
        return explained_net(net, caffemodel, lowering, blob, io_layout, html)
    _refuse_foreign(lowering, GraphOptions, "only for Caffe nets, and this is an ONNX graph", net)
    if caffemodel is not None:
        raise UsageError(
            "an ONNX graph has its weights itself",
            where=Path(caffemodel),
            expected="no second file",
            hint="leave it out, or name the prototxt that it belongs to in place of the graph",
        )
    return explained_graph(net, graph, blob, io_layout, html)


def _is_graph(path: Path) -> bool:
    """By what is in it; of a name without a file, by the name."""
    if not path.is_file():
        return path.suffix.lower() == ".onnx"
    kind = files.of(path)
    return kind is not None and kind.name == files.ONNX


def _refuse_foreign(options: Options, own: type[Options], problem: str, net: object) -> None:
    """Refuses options that the other kind of net has alone."""
    names = options.changed - {option.name for option in fields(own)}
    if names:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(names))
        where = net if isinstance(net, str | Path) else None
        raise UsageError(f"{flags}: {problem}", where=where, hint="call it without")
