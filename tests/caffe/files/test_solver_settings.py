from __future__ import annotations

from pathlib import Path

import pytest

from bridge.caffe.files.solver_settings import Solver, read_solver
from bridge.errors import PrototxtError, UnknownFieldError, UnsupportedError


def of(folder: Path, text: str) -> Solver:
    (folder / "solver.prototxt").write_text(text)
    return read_solver(folder / "solver.prototxt")


def test_defaults_are_caffes(tmp_path: Path) -> None:
    solver = of(tmp_path, 'base_lr: 0.1 lr_policy: "fixed"')
    assert (solver.rule, solver.momentum, solver.momentum2, solver.rms_decay) == (
        "SGD",
        0,
        pytest.approx(0.999),
        pytest.approx(0.99),
    )
    assert (solver.regularization, solver.clip_gradients, solver.iter_size) == ("L2", None, 1)
    assert solver.delta == pytest.approx(1e-8)


def test_a_whole_solver_is_read(tmp_path: Path) -> None:
    solver = of(
        tmp_path,
        'net: "n" type: "Nesterov" base_lr: 0.1 lr_policy: "multistep" gamma: 0.5 stepvalue: 2 '
        'stepvalue: 7 clip_gradients: 35 weight_decay: 0.01 regularization_type: "L1" '
        "iter_size: 4 momentum: 0.9 solver_mode: GPU snapshot: 10",
    )
    assert (solver.rule, solver.policy, solver.stepvalues) == ("Nesterov", "multistep", (2, 7))
    assert (solver.clip_gradients, solver.iter_size, solver.regularization) == (35, 4, "L1")


def test_the_enum_of_older_solvers_is_read(tmp_path: Path) -> None:
    assert of(tmp_path, 'lr_policy: "fixed" solver_type: ADAGRAD').rule == "AdaGrad"
    with pytest.raises(PrototxtError, match="both `type` and `solver_type`"):
        of(tmp_path, 'lr_policy: "fixed" solver_type: ADAM type: "Adam"')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('lr_policy: "plateau"', "unknown lr_policy of the solver"),
        ('lr_policy: "fixed" type: "AdamW"', "unknown type of the solver"),
        ('lr_policy: "fixed" regularization_type: "L3"', "unknown regularization_type"),
    ],
)
def test_what_only_forks_have_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        of(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        'lr_policy: "fixed" type: "RMSProp" momentum: 0.9',
        'lr_policy: "fixed" iter_size: 0',
        'lr_policy: "step" gamma: 0.1',
        'lr_policy: "poly" power: 2',
        'lr_policy: "fixed" clip_gradients: 0',
        'layer { name: "a" type: "ReLU" }',
    ],
)
def test_what_caffe_would_not_train_with_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PrototxtError):
        of(tmp_path, text)


def test_unknown_fields_are_named_but_for_reports(tmp_path: Path) -> None:
    assert of(tmp_path, 'lr_policy: "fixed" eval_type: "detection" debug_info: true')
    with pytest.raises(
        UnknownFieldError, match=r"solver.prototxt:2: unknown field 'local_lr_auto'"
    ):
        of(tmp_path, 'lr_policy: "fixed"\nlocal_lr_auto: true')
