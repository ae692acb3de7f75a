"""What scripts/bench measures.

measure.py        the cost of processes, and functions called in one of their own
table.py          the lines of the result, and their page
others.py         the tools beside which we are measured: the earlier build, onnx2tf
nets.py           the nets, as files
to_keras.py       .keras files: small nets, and one of 553 MB
caffe_to_onnx.py  ONNX files: the start, the weights, the check
planning.py       what each node costs
tflite.py         .tflite files
inference.py      the models themselves
"""
