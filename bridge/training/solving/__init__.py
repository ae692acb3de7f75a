"""Caffe's solvers in Keras.

rules.py      the update rules
optimizer.py  a Keras optimizer of them
caffe.py      that of a solver and its net
native.py     what plain Keras computes just as Caffe
rates.py      learning-rate policies as Keras's schedules
history.py    a solver's snapshot
"""
