"""How a net maps to Keras, without building it: as a translation map, and as a page.

api.py    `explain`, for whatever it is that is passed
caffe.py  Caffe nets
graph.py  ONNX graphs
"""

from bridge.explanation.api import explain

__all__ = ["explain"]
