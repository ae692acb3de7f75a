"""Plan → `.tflite`, without TensorFlow.

schema.py       the tables of the format, and the operators
flatbuffer.py   tables → bytes
graph.py        the tensors and operators of a file
table.py        which function emits the operators of which Keras call
emitters/       these functions, by family
emission.py     Plan → graph
fusion.py       activations that the operator before them computes
write.py        graph → file
"""
