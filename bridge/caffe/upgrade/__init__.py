"""From the text of any Caffe to layers as BVLC's newest has them.

dialects.py   V0, V1 and V2: how layers, their parameters and inputs are written
python.py     Python layers, each of a type of its own
quantized.py  layers that round their numbers, taken for those of floats
"""

from bridge.caffe.upgrade.dialects import V1_TYPES, dialect, upgrade

__all__ = ["V1_TYPES", "dialect", "upgrade"]
