"""All fusions, in order."""

from __future__ import annotations

from bridge import ir
from bridge.graph.fusion.activations import fuse_activations
from bridge.graph.fusion.canonical import canonicalize
from bridge.graph.fusion.keras_norms import fuse_keras_norms
from bridge.graph.fusion.linear import (
    fuse_affine,
    fuse_batch_norm,
    fuse_linear,
    fuse_standardization,
)
from bridge.graph.fusion.naming import pass_names_on
from bridge.graph.fusion.norms import fuse_group_norm, fuse_layer_norm
from bridge.graph.fusion.portable import fuse_portable


def fuse(graph: ir.Graph) -> None:
    """Fuses every known group of nodes, in place."""
    canonicalize(graph)
    fuse_portable(graph)
    fuse_batch_norm(graph)
    fuse_standardization(graph)
    fuse_group_norm(graph)
    fuse_layer_norm(graph)
    fuse_keras_norms(graph)
    fuse_activations(graph)
    fuse_linear(graph)
    fuse_affine(graph)
    pass_names_on(graph)
