"""Numeric validation: anything against anything, value by value.

`bridge.check(a, b)` is a function, and `bridge.check` the folder of its parts. Python has one name
for the two, so this module can be called (see "Customizing module attribute access" in its
reference).

api.py        check: what a user calls
loading.py    from what a user names to two models
backends/     the models: Caffe, ONNX in several runtimes, Keras, exported models, recordings
inputs.py     what is fed
images.py     image files, and images with labels
arrays.py     an .npz that anybody may have written
run.py        both models fed the same and compared in step
compare.py    two arrays compared
tolerance.py  how far they may be apart, by what made them
locate.py     which layers stand between two values
report/       what was found, as text and as one HTML page
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.check.report import Report


class _Verb(ModuleType):
    def __call__(self, *models: Any, **options: Any) -> Report:
        from bridge.check.api import check

        return check(*models, **options)


sys.modules[__name__].__class__ = _Verb
