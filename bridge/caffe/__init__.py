"""Reading Caffe: `read` gives a `Net` of text and weights in any of Caffe's dialects."""

from bridge.caffe.net import Blob, Input, Layer, Net, Shape, Span
from bridge.caffe.reader import read

__all__ = ["Blob", "Input", "Layer", "Net", "Shape", "Span", "read"]
