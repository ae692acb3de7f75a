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


@bridge.raises("Shrink")
def shrink(node, x, *, bias=0.0, lambd=0.5):
    """y = x - bias where x > lambd, x + bias where x < -lambd, else 0    x: any shape, any order

    A rule says how each input must be stored, how the outputs then are, and what to build. The
    operand's own layout, in and out, means: whatever the order, it stays.
    """
    from bridge.raising.table import Candidate

    def build(k, x):
        above = k.op("where", k.op("greater", x, lambd), k.op("subtract", x, bias), 0.0)
        below = k.op("where", k.op("less", x, -lambd), k.op("add", x, bias), 0.0)
        return k.op("add", above, below)

    return Candidate((x.layout,), (x.layout,), build)
