"""A plug-in: one Caffe layer of one's own, and one ONNX operator for Keras.

python -m bridge caffe-to-onnx net.prototxt net.caffemodel -o net.onnx --plugin my_layers.py
"""

import bridge


@bridge.layer("SoftClip", params="soft_clip_param")
def soft_clip(e, layer, x, *, low=0.0, high=1.0, slope=0.1):
    """y = clip(x) + slope · (x - clip(x))        x: any shape -> the same

    The keyword arguments are the fields of `soft_clip_param` in the prototxt, with defaults.
    `e` writes ONNX: each of its methods is an operator of that name, takes values and
    numbers, and gives a value.
    """
    inside = e.Clip(x, low, high)
    return e.Add(inside, e.Mul(e.Sub(x, inside), slope))


@bridge.raises("com.microsoft::Inverse")
def inverse(node, x):
    """The inverse of each matrix    x: *n m m -> the same

    A rule says in which layout each input must come, in which the outputs then are, and what to
    build. Here it is ONNX's own order, in and out; `k.op` calls a function of `keras.ops`.
    """
    from bridge.layout import Layout
    from bridge.raising.table import Candidate

    input_layout, output_layout = Layout.identity(x.shape), Layout.identity(node.shape)
    return Candidate((input_layout,), (output_layout,), lambda k, x: k.op("inv", x))
