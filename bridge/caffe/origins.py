"""Which Caffe a layer type is from.

Sources: the REGISTER_LAYER_CLASS lines of BVLC/caffe (master) and of weiliu89/caffe (ssd branch).
"""

from __future__ import annotations

_BVLC = frozenset(
    """AbsVal Accuracy ArgMax BatchNorm BatchReindex Bias BNLL Clip Concat ContrastiveLoss
    Convolution Crop Data Deconvolution Dropout DummyData Eltwise ELU Embed EuclideanLoss Exp
    Filter Flatten HDF5Data HDF5Output HingeLoss Im2col ImageData InfogainLoss InnerProduct Input
    Log LRN LSTM LSTMUnit MemoryData MultinomialLogisticLoss MVN Parameter Pooling Power PReLU
    Python Reduction ReLU Reshape RNN Scale Sigmoid SigmoidCrossEntropyLoss Silence Slice Softmax
    SoftmaxWithLoss Split SPP Swish TanH Threshold Tile WindowData""".split()
)
_SSD = frozenset(
    """AnnotatedData DetectionEvaluate DetectionOutput MultiBoxLoss Normalize Permute PriorBox
    SmoothL1Loss VideoData""".split()
)


def origin(type_: str) -> str:
    """`BVLC`, `SSD` or `fork`."""
    if type_ in _BVLC:
        return "BVLC"
    return "SSD" if type_ in _SSD else "fork"
