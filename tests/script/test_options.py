"""Options as a person writes them; Keras's own defaults are held to its tables."""

from __future__ import annotations

from inspect import signature
from typing import Any

import keras
import pytest

from bridge.raising.plan import Call, Ref
from bridge.script import options as module
from bridge.script.options import default, options_of, positional


def of(kind: str, rank: int | None = 4, *, is_single: bool = True, **options: Any) -> Any:
    return options_of(Call(2, "a", f"layers.{kind}", (Ref(1),), options), rank, is_single=is_single)


@pytest.mark.parametrize(
    ("kind", "options", "short"),
    [
        ("Conv2D", {"kernel_size": (3, 3), "filters": 4}, {"filters": 4, "kernel_size": 3}),
        ("Conv2D", {"kernel_size": (3, 1), "use_bias": True}, {"kernel_size": (3, 1)}),
        ("Conv2D", {"strides": (1, 1), "padding": "valid"}, {}),
        ("Conv2D", {"strides": (1, 2), "padding": "same"}, {"strides": (1, 2), "padding": "same"}),
        ("MaxPooling2D", {"pool_size": (2, 2), "strides": (2, 2)}, {"pool_size": 2}),
        ("MaxPooling2D", {"pool_size": (2, 2), "strides": (1, 1)}, {"pool_size": 2, "strides": 1}),
        ("ZeroPadding2D", {"padding": ((1, 1), (1, 1))}, {"padding": 1}),
        ("ZeroPadding2D", {"padding": ((1, 1), (2, 2))}, {"padding": (1, 2)}),
        ("ZeroPadding2D", {"padding": ((0, 1), (0, 1))}, {"padding": ((0, 1), (0, 1))}),
        ("ZeroPadding1D", {"padding": (1, 1)}, {"padding": (1, 1)}),
        ("BatchNormalization", {"axis": 3, "epsilon": 9.999999747378752e-06}, {"epsilon": 1e-05}),
        ("BatchNormalization", {"axis": 1}, {"axis": 1}),
        ("Reshape", {"target_shape": (1, 1)}, {"target_shape": (1, 1)}),
    ],
)
def test_options_are_short(kind: str, options: dict[str, Any], short: dict[str, Any]) -> None:
    assert list(of(kind, **options).items()) == list(short.items())


def test_what_is_not_known_stays() -> None:
    assert of("Softmax", None, axis=3) == {"axis": 3}
    epsilon = 9.999999747378752e-06
    assert of("BatchNormalization", is_single=False, epsilon=epsilon) == {"epsilon": epsilon}
    with pytest.raises(KeyError):
        default("Conv2D", "filters")


def test_positional_options_are_keras_s_first() -> None:
    for kind, options in module._POSITIONAL.items():
        parameters = list(signature(getattr(keras.layers, kind)).parameters)
        assert tuple(parameters[: len(options)]) == options == positional(kind), kind
