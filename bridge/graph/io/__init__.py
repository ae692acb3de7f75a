"""ONNX files ↔ memory.

model.py    LazyModel: a model whose weights are unread; as one message, and as a graph
loading.py  files → graphs
gathered.py  graphs with weights in other folders, where that is allowed
mapped.py   files → one message, the large weights left where they are
soundness.py  what is refused before anything is made of a message: texts.py, tensors.py,
            linked.py and functions.py say what
tensors.py  whether a file's tensors have the numbers that they say they have
functions.py  how many nodes a graph has with its functions put in
saving.py   LazyModel → files
linked.py   whether the caffemodel that a graph points into is still the same
ports.py    what a Keras model becomes in ONNX
wire.py     files piece by piece, so that no weight need be in memory
"""

from bridge.graph.io.gathered import gathered
from bridge.graph.io.loading import external_files, load, not_onnx
from bridge.graph.io.model import PRODUCER, LazyModel, to_ir, to_proto, weight_of
from bridge.graph.io.saving import Mode, refuse_unknown_mode, save, save_graph

__all__ = [
    "PRODUCER",
    "LazyModel",
    "Mode",
    "external_files",
    "gathered",
    "load",
    "not_onnx",
    "refuse_unknown_mode",
    "save",
    "save_graph",
    "to_ir",
    "to_proto",
    "weight_of",
]
