"""Groups of ONNX nodes that are one Keras layer, put together before the layout pass.

matching.py     how groups are recognised, and replaced
canonical.py    what tf2onnx spells out, in ONNX's operators
portable.py     what caffe-to-onnx spells otherwise for the sake of some runtimes
averages.py     averages with Caffe's divisors, of these
activations.py  activations that exporters spell out
linear.py       products and sums with constants
norms.py        normalisations as PyTorch's exporters spell them
keras_norms.py  normalisations as TensorFlow spells Keras's
naming.py       the name of a layer goes to the node that computes it
driver.py       all of them, in order
"""

from bridge.graph.fusion.canonical import RECURRENT, canonicalize, take_biases_in, unshaped
from bridge.graph.fusion.driver import fuse
from bridge.graph.fusion.matching import MOVING

__all__ = ["MOVING", "RECURRENT", "canonicalize", "fuse", "take_biases_in", "unshaped"]
