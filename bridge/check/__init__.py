"""Numeric validation: compares any two models value by value, and names the layer at fault.

There are two entry points.

`bridge.check(a, b)`, and the command `check`, compare two models that a user names:

    api.py        checks the arguments and writes the report
    loading.py    opens the files as two backends, with the plan that translates between them
    backends/     Caffe, ONNX in several runtimes, Keras, exported models, recordings: all yield
                  values by ONNX's names, in ONNX's axis order
    inputs.py     the inputs of each run: seeded numbers, arrays, or images.py's files
    arrays.py     an .npz that anybody may have written
    run.py        runs both on the same inputs, in step, so that neither holds all its values
    accuracy.py   how well both classify labelled images
    shares.py     the same on a cluster, share by share

`verify.check_onnx`, `check_keras`, `check_half` and `check_export` are what each conversion runs
before it leaves a file. The model is in memory, and its plan is known:

    runners.py    the whole model in onnxruntime or in Keras
    within.py     the values within the net that are compared besides its outputs

Both compare in the same way, and return a Report:

    compare.py    two arrays → a Row
    draws.py      the rows of several runs, and how far a value varies between them
    locate.py     the layers that computed a value, and the compared values they read
    tolerance.py  the limit of a row, by these layers, and whether it can tell right from wrong
    report/       the rows as text, as JSON and as one HTML page

`bridge.check` is both this package and the function. Python has one name for the two, so the module
can be called (see "Customizing module attribute access" in its reference).
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
