"""Solvers: how Caffe trains a net, as its solver.prototxt says it.

(Source: SolverParameter in src/caffe/proto/caffe.proto, src/caffe/solvers/*.cpp,
UpgradeSolverType in src/caffe/util/upgrade_proto.cpp)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bridge import files
from bridge.caffe import schema
from bridge.caffe.files.complaint import Complaint
from bridge.caffe.files.harmless import is_harmless
from bridge.caffe.files.prototxt import Message, interpret
from bridge.caffe.files.textformat import decode, parse
from bridge.errors import (
    Location,
    PrototxtError,
    UnknownFieldError,
    UnsupportedError,
    did_you_mean,
)

RULES = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")
POLICIES = ("fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid")
_REGULARIZATIONS = ("L1", "L2")

# The rules that Caffe itself refuses to run with a momentum.
_WITHOUT_MOMENTUM = ("AdaGrad", "RMSProp")

# Fields of forks' solvers that say what is reported, and change no step.
_REPORTS = frozenset({"eval_type", "ap_version", "show_per_class_result", "test_and_snapshot_last"})


@dataclass(frozen=True)
class Solver:
    """A solver's settings, with Caffe's defaults.

    `rule` is one of RULES, `policy` of POLICIES. The rate at an iteration is by the policy, from
    `base_lr`, `gamma`, `power`, `stepsize`, `stepvalues` and `max_iter`. `clip_gradients` is the
    greatest norm of all gradients together, None without. `weight_decay` goes into the gradients,
    as the derivative of `regularization` L1 or L2. Each step takes `iter_size` passes.
    """

    where: Location
    rule: str = "SGD"
    base_lr: float = 0.0
    policy: str = "fixed"
    gamma: float = 0.0
    power: float = 0.0
    stepsize: int = 0
    stepvalues: tuple[int, ...] = ()
    max_iter: int = 0
    momentum: float = 0.0
    momentum2: float = 0.999
    rms_decay: float = 0.99
    delta: float = 1e-8
    weight_decay: float = 0.0
    regularization: str = "L2"
    clip_gradients: float | None = None
    iter_size: int = 1
    warnings: tuple[str, ...] = ()


def read_solver(path: str | Path) -> Solver:
    """The settings of a solver.prototxt.

    Errors: UsageError for a path that cannot be read; PrototxtError for text that is not a
    solver's; UnknownFieldError; UnsupportedError for rules and policies of forks.
    """
    file = files.readable(path, "solver")
    if (kind := files.identify(files.glance(file))) is not None:
        raise PrototxtError(
            "not a solver",
            where=Location.of(file),
            expected="protobuf text: SOLVER.prototxt",
            received=kind.name,
        )
    tree = parse(decode(file.read_bytes()), str(file))
    message, notes = interpret(tree, "SolverParameter")
    if not schema.fields("SolverParameter").keys() & message.keys():
        raise PrototxtError(
            "this is not a solver",
            where=Location.of(file),
            expected="SOLVER.prototxt, with base_lr and lr_policy",
            hint="pass the net first, and the solver with --solver",
        )
    _refuse_unknown(message)
    solver = _solver(message, notes)
    _refuse_unsound(solver, message)
    return solver


def _refuse_unknown(message: Message) -> None:
    """Any field that is not understood may change the steps."""
    unknown = [c for c in message.complaints if not is_harmless(c) and not _is_report(c)]
    if unknown:
        raise UnknownFieldError(
            "fields of the solver are not understood:"
            + "".join(f"\n  {complaint.line()}" for complaint in unknown),
            where=message.where.file,
            hint="take them out, if the training does not depend on them",
        )


def _is_report(complaint: Complaint) -> bool:
    return complaint.name in _REPORTS


def _solver(message: Message, notes: tuple[str, ...]) -> Solver:
    settings = {**schema.defaults("SolverParameter"), **message}
    clip = settings["clip_gradients"]
    return Solver(
        where=message.where,
        rule=_rule(message),
        base_lr=settings["base_lr"],
        policy=message.get("lr_policy", ""),
        gamma=settings["gamma"],
        power=settings["power"],
        stepsize=settings["stepsize"],
        stepvalues=tuple(settings["stepvalue"]),
        max_iter=settings["max_iter"],
        momentum=settings["momentum"],
        momentum2=settings["momentum2"],
        rms_decay=settings["rms_decay"],
        delta=settings["delta"],
        weight_decay=settings["weight_decay"],
        regularization=settings["regularization_type"],
        clip_gradients=clip if clip >= 0 else None,
        iter_size=settings["iter_size"],
        warnings=notes,
    )


def _rule(message: Message) -> str:
    """By `type`, or by the enum that older solvers have instead."""
    if "solver_type" not in message:
        return str(message.get("type", "SGD"))
    if "type" in message:
        raise PrototxtError(
            "the solver has both `type` and `solver_type`",
            where=message.location("solver_type"),
            expected="one of the two",
        )
    by_enum = {rule.upper(): rule for rule in RULES}
    return by_enum[message["solver_type"]]


def _refuse_unsound(solver: Solver, message: Message) -> None:
    """Refuses what Caffe would not run, and what only forks know."""
    for name, value, known in (
        ("type", solver.rule, RULES),
        ("lr_policy", solver.policy, POLICIES),
        ("regularization_type", solver.regularization, _REGULARIZATIONS),
    ):
        if value not in known:
            raise UnsupportedError(
                f"unknown {name} of the solver",
                where=message.location(name),
                expected=", ".join(known),
                received=value or "none",
                hint=did_you_mean(value, known) or None,
            )
    rule = solver.rule
    for name, holds, expected in (
        ("momentum", not solver.momentum or rule not in _WITHOUT_MOMENTUM, f"0 with {rule}"),
        ("iter_size", solver.iter_size >= 1, "1 or more"),
        ("stepsize", solver.policy != "step" or solver.stepsize >= 1, "1 or more, with step"),
        ("max_iter", solver.policy != "poly" or solver.max_iter >= 1, "1 or more, with poly"),
        ("clip_gradients", solver.clip_gradients != 0, "more than 0"),
    ):
        if not holds:
            raise PrototxtError(
                f"Caffe does not train with this {name}",
                where=message.location(name),
                expected=expected,
                received=message.get(name, 0),
            )
