"""Reading Caffe: `read` returns the `Net` of a text and its weights, in any Caffe dialect."""

from bridge.caffe.net import Blob, Input, Layer, Net, Shape
from bridge.caffe.reader import read

__all__ = ["Blob", "Input", "Layer", "Net", "Shape", "read"]
