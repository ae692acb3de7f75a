"""ONNX graphs in memory, to be changed: what the passes simplify and the rules read.

onnx has no such form, and the one that onnx_ir has imports SymPy, which alone costs more than most
conversions.

types.py       dtypes, sizes, shapes
tensors.py     constants, whose numbers are read when they are asked for
attributes.py  the attributes of nodes
nodes.py       nodes, and the values between them
graph.py       graphs, functions, models
reading.py     messages → graphs
writing.py     graphs → messages
cloning.py     copies of graphs
replacing.py   nodes in the stead of others
inlining.py    functions, put in where they are called
inference.py   shapes and dtypes, as ONNX infers them
snapshot.py    a graph as it is before any pass
cleaning.py    constants as initializers; nodes that nobody needs
"""

from bridge.ir.attributes import Attr, Attributes, AttributeType, attribute, attributes_of
from bridge.ir.cleaning import lift_constants, remove_unused
from bridge.ir.cloning import copied_graph
from bridge.ir.graph import Function, Graph, Model
from bridge.ir.inference import infer_shapes
from bridge.ir.inlining import inline
from bridge.ir.nodes import Node, Usage, Value, node
from bridge.ir.reading import InvalidModelError, attribute_of, from_proto, function_of
from bridge.ir.replacing import replace_nodes
from bridge.ir.snapshot import Snapshot, SnapshotNode
from bridge.ir.tensors import (
    ExternalTensor,
    LazyTensor,
    ProtoTensor,
    Tensor,
    TensorBase,
    write_tensor,
)
from bridge.ir.types import (
    DataType,
    OtherType,
    Shape,
    SymbolicDim,
    TensorType,
    shape_of,
    tensor_type,
    type_of,
    write_type,
)
from bridge.ir.writing import node_proto, to_proto

__all__ = [
    "Attr",
    "AttributeType",
    "Attributes",
    "DataType",
    "ExternalTensor",
    "Function",
    "Graph",
    "InvalidModelError",
    "LazyTensor",
    "Model",
    "Node",
    "OtherType",
    "ProtoTensor",
    "Shape",
    "Snapshot",
    "SnapshotNode",
    "SymbolicDim",
    "Tensor",
    "TensorBase",
    "TensorType",
    "Usage",
    "Value",
    "attribute",
    "attribute_of",
    "attributes_of",
    "copied_graph",
    "from_proto",
    "function_of",
    "infer_shapes",
    "inline",
    "lift_constants",
    "node",
    "node_proto",
    "remove_unused",
    "replace_nodes",
    "shape_of",
    "tensor_type",
    "to_proto",
    "type_of",
    "write_tensor",
    "write_type",
]
