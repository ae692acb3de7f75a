"""A net to be trained: what for, its parameters, and where these are in the Keras model.

objectives.py  what a net is trained for, and what is measured
parameters.py  its parameters as Caffe's solver has them
weight_maps.py where these are in the variables of the Keras model
in_place.py    layers whose gradients depend on what is written over their results
setup.py       the files of a training → a model, and all of that
"""
