"""The names of nodes, which become those of layers."""

from __future__ import annotations

from bridge import ir
from bridge.graph.fusion.matching import MOVING


def pass_names_on(graph: ir.Graph) -> None:
    """Gives the name of a layer to the node that computes it, if a later one has it that only
    reshapes the result, and often is nothing in Keras.

    So `get_layer("lstm1")` is the LSTM, of which the graph squeezes an axis.
    """
    for node in graph:
        name, producer = node.name or "", node
        while producer.op_type in MOVING and producer.inputs[0] is not None:
            earlier = producer.inputs[0].producer()
            if earlier is None or not (earlier.name or "").startswith(f"{name}/"):
                break
            producer = earlier
        if name and producer.op_type not in MOVING and producer is not node:
            node.name, producer.name = f"{name}/{node.op_type.lower()}", name
