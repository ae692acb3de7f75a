"""Caffe's training in Keras: the same losses, gradients and steps.

net            a net to be trained: its losses, its parameters, its Keras model
solving        Caffe's solvers as Keras's optimizers
losses.py      Caffe's losses, in keras.ops
measures.py    the layers that measure, as calls of these
feeding.py     what is fed, held to the net
forward.py     the forward pass in training, with the losses
gradients.py   gradients, on each backend
statistics.py  what batch normalisations remember
run.py         TrainingRun: steps
replay.py      a recorded training of Caffe's, compared
conversion.py  to a .keras file
api.py         the public functions
"""
