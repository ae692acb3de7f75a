"""What is in a file: a Caffe net, its weights, a mean image, an ONNX graph, a Keras model, or a
`.tflite`.

No weights are read, except the numbers of a mean image; neither Keras nor TensorFlow is loaded.

api.py       `inspect`, with Caffe's files and ONNX graphs
keras.py     .keras archives
tflite.py    .tflite files
contents.py  what all of them are, as data
"""

from bridge.inspection.api import inspect
from bridge.inspection.contents import Inspection, Part

__all__ = ["Inspection", "Part", "inspect"]
