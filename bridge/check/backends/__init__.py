"""What can be compared: each side gives its values by ONNX's (and Caffe's) names, in their axis
order, one after the other.

side.py      what all sides have in common
onnx.py      an ONNX file, run in parts by any runtime of runtimes.py
keras.py     a Keras model, run one operation at a time
exported.py  SavedModel and .tflite: what comes out of them
caffe.py     a Caffe net in pycaffe (in a process of its own: caffe_process.py) or OpenCV 4
recorded.py  an .npz of blobs
"""
