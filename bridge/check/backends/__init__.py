"""The models that can be compared. Each yields its values one after the other, by ONNX's (and
Caffe's) names and in their axis order.

backend.py   the protocol of them all
onnx.py      an ONNX file, run in parts by any runtime of runtimes.py (most of them in a process of
             their own: runtime_process.py and, on the other side of its pipes, runtime_server.py
             or, for Node, runtime_server.mjs)
keras.py     a Keras model, run one operation at a time
exported.py  SavedModel and .tflite: their outputs
stored/      opens what these two run, in a process of its own
caffe.py     a Caffe net in pycaffe (in a process of its own: caffe_process.py and, on the other
             side of its pipes, caffe_server.py) or OpenCV 4
recorded.py  an .npz of blobs
messages.py  what other processes say, as data that runs no code
renamed.py   any of these, with other names for its inputs and outputs
"""
