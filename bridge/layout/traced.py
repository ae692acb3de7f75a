"""Arrays without data, which record the numpy expression of all that is done to them.

A function that computes a weight with numpy tells its formula when it is called with these:

    >>> kernel = Traced("w", (96, 3, 11, 11))
    >>> str(Layout.ordered(kernel.shape, (2, 3, 1, 0)).apply(kernel))
    'w.transpose(2, 3, 1, 0)'
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from math import prod
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from bridge.types import Array

_OPERATORS: Mapping[str, str] = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


class StandIn(ABC):
    """An array without data: its shape, and what follows from that."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def T(self) -> Any:  # noqa: N802 (numpy's name)
        return self.transpose(*range(self.ndim)[::-1])

    @abstractmethod
    def transpose(self, *axes: int | Sequence[int]) -> Any:
        """As numpy's, with axes as separate arguments or in one sequence."""

    @property
    def _stand_in(self) -> NDArray[np.int8]:
        """An array of this shape that takes one byte, from which numpy infers other shapes."""
        return np.broadcast_to(np.int8(0), self.shape)


class Traced(StandIn, NDArrayOperatorsMixin):
    """An array of a shape, represented by the `text` that computes it.

    Law: `eval(str(f(Traced("x", x.shape))), {"np": np, "x": x})` equals `f(x)` for every f composed
    of reshape, transpose, slices, arithmetic and numpy functions. Steps that do nothing are not
    recorded, and of consecutive reshapes only the last. `tight` says that a method can be called
    on the text without brackets. Raises AttributeError or TypeError for any other operation.
    """

    def __init__(self, text: str, shape: Sequence[int], *, tight: bool = True) -> None:
        super().__init__(shape)
        self._text = text
        self._tight = tight
        self._before_reshape = self

    def __str__(self) -> str:
        return self._text

    def reshape(self, *shape: Any) -> Traced:
        source = self._before_reshape
        target = self._stand_in.reshape(*shape).shape
        if target == source.shape:
            return source
        result = Traced(f"{source._receiver}.reshape({_comma_separated(target)})", target)
        result._before_reshape = source
        return result

    def transpose(self, *axes: int | Sequence[int]) -> Traced:
        order = flat_axes(axes)
        shape = self._stand_in.transpose(order).shape
        non_unit = [axis for axis in order if self.shape[axis] != 1]
        if non_unit == sorted(non_unit):
            return self.reshape(shape)
        call = "T" if self.ndim == 2 else f"transpose({_comma_separated(order)})"
        return Traced(f"{self._receiver}.{call}", shape)

    def astype(self, dtype: Any) -> Traced:
        return Traced(f"{self._receiver}.astype(np.{np.dtype(dtype).name})", self.shape)

    def __getitem__(self, key: slice | tuple[slice, ...]) -> Traced:
        keys = key if isinstance(key, tuple) else (key,)
        slices = [_slice_text(key, size) for key, size in zip(keys, self.shape, strict=False)]
        while slices and slices[-1] == ":":
            slices.pop()
        if not slices:
            return self
        return Traced(f"{self._receiver}[{', '.join(slices)}]", self._stand_in[keys].shape)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            return NotImplemented
        shape = np.broadcast_shapes(*(np.shape(_as_stand_in(value)) for value in inputs))
        operator = _OPERATORS.get(ufunc.__name__)
        if operator is None or len(inputs) != 2:
            return Traced(f"np.{ufunc.__name__}({_comma_separated(inputs)})", shape)
        left, right = (_operand(value) for value in inputs)
        return Traced(f"{left} {operator} {right}", shape, tight=False)

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Collection[type],
        arguments: Sequence[Any],
        options: Mapping[str, Any],
    ) -> Traced:
        result = function(*map(_as_stand_in, arguments), **options)
        keywords = [f"{name}={_text_of(value)}" for name, value in options.items()]
        text = ", ".join([*map(_text_of, arguments), *keywords])
        return Traced(f"np.{function.__name__}({text})", result.shape)

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise TypeError("a Traced array has no data")

    @property
    def _receiver(self) -> str:
        """The text, as a method can be called on it."""
        return self._text if self._tight else f"({self._text})"


def constant_text(array: Array) -> str:
    """The numpy expression of a constant: `np.full` if all numbers are the same."""
    dtype = f"np.{array.dtype.name}"
    if array.size and (array == array.flat[0]).all():
        return f"np.full({_text_of(array.shape)}, {array.flat[0].item()!r}, {dtype})"
    return f"np.array({array.tolist()!r}, {dtype})"


def _operand(value: Any) -> str:
    return value._receiver if isinstance(value, Traced) else _text_of(value)


def _as_stand_in(value: Any) -> Any:
    if isinstance(value, Traced):
        return value._stand_in
    return type(value)(map(_as_stand_in, value)) if isinstance(value, list | tuple) else value


def _text_of(value: Any) -> str:
    if isinstance(value, list):
        return f"[{_comma_separated(value)}]"
    if isinstance(value, tuple):
        trailing = "," if len(value) == 1 else ""
        return f"({_comma_separated(value)}{trailing})"
    if isinstance(value, np.ndarray):
        return constant_text(value)
    return str(value) if isinstance(value, Traced) else repr(value)


def _comma_separated(values: Sequence[Any]) -> str:
    return ", ".join(map(_text_of, values))


def flat_axes(axes: tuple[int | Sequence[int], ...]) -> tuple[int, ...]:
    """Axes as numpy takes them: separate arguments, or one sequence."""
    return tuple(chain.from_iterable([axis] if isinstance(axis, int) else axis for axis in axes))


def _slice_text(key: slice, size: int) -> str:
    if key == slice(None, None, -1):
        return "::-1"
    start, stop, step = key.indices(size)
    bounds = f"{start or ''}:{'' if stop == size else stop}"
    return bounds if step == 1 else f"{bounds}:{step}"
