"""A training as a script that needs Keras alone.

write.py     the script and its weights
compiled.py  the functions that add losses and solver to the net
limits.py    what a script can say of a training
carried.py   the sources of this package that a script has in it
layers.py    layers of Caffe's that only scripts have
objects.py   the sources of Keras's objects
data.py      the functions that read and prepare batches
"""
