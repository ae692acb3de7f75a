"""How a Caffe net maps to Keras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import after
from bridge.explanation.page import page_path
from bridge.from_caffe import files_of, lower_net, read_net
from bridge.public.options import IoLayout, LoweringOptions, PathLike

if TYPE_CHECKING:
    from bridge.translation import TranslationMap


def explained_net(
    prototxt: PathLike,
    caffemodel: PathLike | None,
    options: LoweringOptions,
    blob: str | None,
    io_layout: IoLayout,
    html: PathLike | None,
) -> TranslationMap:
    """The map, of one blob if it is named, and the page, of the whole net. Raises BridgeError."""
    from bridge.caffe.match import with_unknown_weights
    from bridge.graph.io import to_ir
    from bridge.graph.passes import run_passes
    from bridge.lower.cut import cut
    from bridge.raising import raise_model
    from bridge.translation import translation_map

    page = page_path(html, files_of(prototxt, caffemodel, options))
    net = read_net(prototxt, caffemodel, options, with_unknown_weights)
    lowered = lower_net(net, options)
    with after(lowered.warnings):
        plan = raise_model(run_passes(to_ir(lowered)), io_layout)
        whole = translation_map(plan, lowered)
    kept = cut(net, options.outputs).layers
    writers = {top: layer.name for layer in kept for top in layer.tops}
    if page is not None:
        from bridge.check.report.drawn import lowered_diagram
        from bridge.drawing.page import write_page

        diagram = lowered_diagram(lowered, kept, plan, whole)
        write_page(net.name or Path(prototxt).name, diagram, whole, page)
    return whole if blob is None else whole.of_blob(blob, writers)
