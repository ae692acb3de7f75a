"""The activations of recurrent operators, which have parameters, and a limit of what they get."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bridge.errors import UnsupportedError
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Function, Ref
from bridge.raising.table import lookup


class _Kind(NamedTuple):
    """How a function is computed, and the defaults of alpha and beta that it takes; NaN for one
    without a default."""

    build: Callable[..., Ref]
    defaults: tuple[float, ...] = ()


_NONE = float("nan")


def _affine(k: Recorder, x: Ref, alpha: float, beta: float) -> Ref:
    return k.op("add", k.op("multiply", x, alpha), beta)


def _hard_sigmoid(k: Recorder, x: Ref, alpha: float, beta: float) -> Ref:
    return k.op("clip", _affine(k, x, alpha, beta), x_min=0.0, x_max=1.0)


def _leaky_relu(k: Recorder, x: Ref, alpha: float) -> Ref:
    return k.op("where", k.op("greater", x, 0.0), x, k.op("multiply", x, alpha))


def _scaled_tanh(k: Recorder, x: Ref, alpha: float, beta: float) -> Ref:
    return k.op("multiply", k.op("tanh", k.op("multiply", x, beta)), alpha)


def _by_name(name: str) -> _Kind:
    return _Kind(lambda k, x: k.op(name, x))


# No default where onnxruntime's is 0 and ONNX's operator of that name has another, or none.
_KINDS: Mapping[str, _Kind] = {
    "Affine": _Kind(_affine, (_NONE, _NONE)),
    "Elu": _Kind(lambda k, x, alpha: k.op("elu", x, alpha=alpha), (1.0,)),
    "HardSigmoid": _Kind(_hard_sigmoid, (0.2, 0.5)),
    "LeakyRelu": _Kind(_leaky_relu, (0.01,)),
    "Relu": _by_name("relu"),
    "ScaledTanh": _Kind(_scaled_tanh, (_NONE, _NONE)),
    "Sigmoid": _by_name("sigmoid"),
    "Softplus": _by_name("softplus"),
    "Softsign": _by_name("softsign"),
    "Tanh": _by_name("tanh"),
    "ThresholdedRelu": _Kind(lambda k, x, alpha: k.op("threshold", x, alpha, 0.0), (_NONE,)),
}


@dataclass(frozen=True)
class Activation:
    """A function of ONNX's, by its name, with its alpha and its beta; what it gets is limited to
    ±clip first, unless that is None."""

    name: str
    parameters: tuple[float, ...] = ()
    clip: float | None = None

    def applied(self, k: Recorder, x: Ref) -> Ref:
        if self.clip is not None:
            x = k.op("clip", x, x_min=-self.clip, x_max=self.clip)
        return _KINDS[self.name].build(k, x, *self.parameters)

    def option(self, k: Recorder, units: int) -> str | Function:
        """The activation of a Keras layer: by the name that Keras has, or a function of n h."""
        name = _NAMES.get(self)
        if name is not None:
            return name
        return k.function(self.name.lower(), ("n", units), lambda k, x: [self.applied(k, x)])

    @property
    def is_complementary(self) -> bool:
        """Whether f(-x) is 1 - f(x)."""
        return self.name == "Sigmoid" or (self.name == "HardSigmoid" and self.parameters[1] == 0.5)


def _single(number: float) -> float:
    return float(np.float32(number))


_NAMES: Mapping[Activation, str] = {
    Activation("Affine", (1.0, 0.0)): "linear",
    Activation("Elu", (1.0,)): "elu",
    Activation("HardSigmoid", (_single(1 / 6), 0.5)): "hard_sigmoid",
    Activation("LeakyRelu", (_single(0.2),)): "leaky_relu",
    Activation("Relu"): "relu",
    Activation("Sigmoid"): "sigmoid",
    Activation("Softplus"): "softplus",
    Activation("Softsign"): "softsign",
    Activation("Tanh"): "tanh",
}


def activations_of(
    names: Sequence[str],
    alphas: Sequence[float],
    betas: Sequence[float],
    clips: Sequence[float | None],
) -> Sequence[Activation]:
    """The activations of these names, which take their parameters in turn from both lists.

    Raises UnsupportedError for a name that ONNX does not have, and for a parameter that is
    missing and has no default.
    """
    values = iter(alphas), iter(betas)
    pairs = zip(names, clips, strict=True)
    return [Activation(name, tuple(_parameters(name, values)), clip) for name, clip in pairs]


def _parameters(name: str, values: tuple[Iterator[float], Iterator[float]]) -> Iterator[float]:
    defaults = lookup(_KINDS, name, "activation").defaults
    for own, default in zip(values, defaults, strict=False):
        number = next(own, default)
        if np.isnan(number):
            raise UnsupportedError(
                f"a recurrent operator's {name} without its parameters",
                expected="activation_alpha, and activation_beta where it has one",
                hint="runtimes disagree about their defaults",
            )
        yield _single(number)
