"""Layers of any Caffe's text as BVLC's newest Caffe has them.

dialects.py   V0, V1 and V2: how layers, their parameters and inputs are written
python.py     Python layers, each with a type of its own
quantized.py  layers that round their numbers, treated as float layers
"""

from bridge.caffe.upgrade.dialects import V1_TYPES, dialect, upgrade

__all__ = ["V1_TYPES", "dialect", "upgrade"]
