"""Arrays without numbers, which write down the numpy text of all that is done to them.

Whatever makes a weight by numpy's functions tells its formula by being called with these:

    >>> kernel = Traced("w", (96, 3, 11, 11))
    >>> str(Layout.ordered(kernel.shape, (2, 3, 1, 0)).apply(kernel))
    'w.transpose(2, 3, 1, 0)'
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from math import prod
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

_OPERATORS: Mapping[str, str] = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


class Traced(NDArrayOperatorsMixin):
    """An array of a shape, known by the `text` that computes it.

    Law: `eval(str(f(Traced("x", x.shape))), {"np": np, "x": x})` equals `f(x)`, for each f made of
    reshape, transpose, slices, arithmetic and numpy's functions. What moves nothing is not
    written, and of reshapes in a row only the last. `tight` is whether the text needs no brackets
    in front of a method. AttributeError or TypeError for whatever else is done.
    """

    def __init__(self, text: str, shape: Sequence[int], *, tight: bool = True) -> None:
        self.shape = tuple(shape)
        self._text = text
        self._tight = tight
        self._before_reshape = self

    def __str__(self) -> str:
        return self._text

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def T(self) -> Traced:  # noqa: N802 (numpy's name)
        return self.transpose(*range(self.ndim)[::-1])

    def reshape(self, *shape: Any) -> Traced:
        source = self._before_reshape
        wanted = self._stand_in.reshape(*shape).shape
        if wanted == source.shape:
            return source
        result = Traced(f"{source._called}.reshape({_listed(wanted)})", wanted)
        result._before_reshape = source
        return result

    def transpose(self, *axes: int | Sequence[int]) -> Traced:
        order = _flat(axes)
        shape = self._stand_in.transpose(order).shape
        long = [axis for axis in order if self.shape[axis] != 1]
        if long == sorted(long):
            return self.reshape(shape)
        written = "T" if self.ndim == 2 else f"transpose({_listed(order)})"
        return Traced(f"{self._called}.{written}", shape)

    def astype(self, dtype: Any) -> Traced:
        return Traced(f"{self._called}.astype(np.{np.dtype(dtype).name})", self.shape)

    def __getitem__(self, key: slice | tuple[slice, ...]) -> Traced:
        keys = key if isinstance(key, tuple) else (key,)
        cuts = [_cut(each, size) for each, size in zip(keys, self.shape, strict=False)]
        while cuts and cuts[-1] == ":":
            cuts.pop()
        if not cuts:
            return self
        return Traced(f"{self._called}[{', '.join(cuts)}]", self._stand_in[keys].shape)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            return NotImplemented
        shape = np.broadcast_shapes(*(np.shape(_as_stand_in(each)) for each in inputs))
        operator = _OPERATORS.get(ufunc.__name__)
        if operator is None or len(inputs) != 2:
            return Traced(f"np.{ufunc.__name__}({_listed(inputs)})", shape)
        left, right = (_operand(each) for each in inputs)
        return Traced(f"{left} {operator} {right}", shape, tight=False)

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Collection[type],
        arguments: Sequence[Any],
        options: Mapping[str, Any],
    ) -> Traced:
        result = function(*map(_as_stand_in, arguments), **options)
        named = [f"{name}={_written(value)}" for name, value in options.items()]
        written = ", ".join([*map(_written, arguments), *named])
        return Traced(f"np.{function.__name__}({written})", result.shape)

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise TypeError("a Traced array has no numbers")

    @property
    def _called(self) -> str:
        return self._text if self._tight else f"({self._text})"

    @property
    def _stand_in(self) -> NDArray[np.int8]:
        """An array of this shape that takes one byte: numpy knows best what shapes become."""
        return np.broadcast_to(np.int8(0), self.shape)


def constant_text(array: NDArray[Any]) -> str:
    """The numpy text of known numbers: those that are all the same by one of them."""
    dtype = f"np.{array.dtype.name}"
    if array.size and (array == array.flat[0]).all():
        return f"np.full({_written(array.shape)}, {array.flat[0].item()!r}, {dtype})"
    return f"np.array({array.tolist()!r}, {dtype})"


def _operand(value: Any) -> str:
    return value._called if isinstance(value, Traced) else _written(value)


def _as_stand_in(value: Any) -> Any:
    if isinstance(value, Traced):
        return value._stand_in
    return type(value)(map(_as_stand_in, value)) if isinstance(value, list | tuple) else value


def _written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{_listed(value)}]"
    if isinstance(value, tuple):
        return f"({_listed(value)},)" if len(value) == 1 else f"({_listed(value)})"
    if isinstance(value, np.ndarray):
        return constant_text(value)
    return str(value) if isinstance(value, Traced) else repr(value)


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(_written, values))


def _flat(axes: tuple[int | Sequence[int], ...]) -> tuple[int, ...]:
    """Axes as numpy takes them: one by one, or as one sequence."""
    return tuple(chain.from_iterable([axis] if isinstance(axis, int) else axis for axis in axes))


def _cut(key: slice, size: int) -> str:
    if key == slice(None, None, -1):
        return "::-1"
    start, stop, step = key.indices(size)
    ends = f"{start or ''}:{'' if stop == size else stop}"
    return ends if step == 1 else f"{ends}:{step}"
