"""How an ONNX graph maps to Keras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.explanation.page import page_path
from bridge.from_onnx import opened, reference
from bridge.public.options import GraphOptions, IoLayout, PathLike
from bridge.public.progress import silent

if TYPE_CHECKING:
    import onnx

    from bridge import ir
    from bridge.drawing.diagram import Diagram
    from bridge.raising.plan import Plan
    from bridge.translation import TranslationMap


def explained_graph(
    graph: PathLike | onnx.ModelProto,
    options: GraphOptions,
    blob: str | None,
    io_layout: IoLayout,
    html: PathLike | None,
) -> TranslationMap:
    """The map, of one value if it is named, and the page, of the whole graph: of its nodes as they
    are raised, cut and with the sizes that the options fix. Raises BridgeError."""
    from bridge.graph.passes import run_passes
    from bridge.ir import Snapshot
    from bridge.raising import raise_model
    from bridge.translation import translation_map

    with opened(graph, options) as file:
        page = page_path(html, file.files)
        with reference(file.model, file.path, options, check=False, progress=silent) as raised:
            snapshot = Snapshot(file.model.graph)
            plan = raise_model(run_passes(file.model), io_layout)
        whole = replace(translation_map(plan, graph=snapshot), notes=raised.notes)
    if page is not None:
        from bridge.drawing.page import write_page

        title = Path(graph).name if isinstance(graph, str | Path) else plan.name or "graph"
        write_page(title, _diagram(snapshot, plan, whole), whole, page)
    return whole if blob is None else whole.of_blob(blob)


def _diagram(snapshot: ir.Snapshot, plan: Plan, map: TranslationMap) -> Diagram:
    from bridge.drawing.assemble import Raised, assembled
    from bridge.drawing.diagram import INPUT, Step

    inputs = [Step(name, INPUT, (), (name,)) for name in snapshot.inputs]
    nodes = [Step(x.name, x.operator, x.reads, x.writes) for x in snapshot.nodes]
    shapes = {name: shape for name, shape in snapshot.shapes().items() if shape is not None}
    return assembled([*inputs, *nodes], snapshot.outputs, shapes=shapes, raised=Raised(plan, map))
