"""An .npz of blobs, as recorded from Caffe or from anywhere else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bridge.check.arrays import Arrays
from bridge.check.backends.backend import InputSpec, Origin
from bridge.types import Array

_PREFIXES = ("out/", "mid/")


class RecordedBackend:
    """Arrays by name: `in/<blob>`, `out/<blob>`, `mid/<blob>`, or the plain names of blobs.

    If a net changes its input in place, `in/data` is the input and `out/data` the result. A file
    without any `in/` has plain names only, whatever they begin with. Arrays are read when they are
    asked for. Raises UsageError for any other file.
    """

    def __init__(self, path: Path) -> None:
        self.title = f"{path.name}, recorded"
        self.inputs: dict[str, InputSpec] = {}
        self.origins: dict[str, Origin] = {}
        self.outputs: tuple[str, ...] = ()
        self.dtypes: tuple[str, ...] = ()
        self._arrays = Arrays.of(path)
        self._fed, self._keys = _sorted(self._arrays.names)

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(self._keys)

    def feeds(self, names: Sequence[str]) -> dict[str, Array]:
        """The recorded inputs, of those with these names."""
        keys = {**self._keys, **self._fed}
        return {name: self._arrays[keys[name]] for name in names if name in keys}

    def name_by_layers(self, origins: Mapping[str, Origin]) -> None:
        """Takes an unknown name for that of a layer: OpenCV, for one, records by layers.

        Not if it may be a blob that another layer changed in place: one that is the only consumer
        of the value, and whose own name is not recorded.
        """
        consumers = Counter(name for origin in origins.values() for name in origin.inputs)
        replaced = {
            name
            for origin in origins.values()
            if origin.operator in _MAY_BE_IN_PLACE and origin.layer not in self._keys
            for name in origin.inputs
            if consumers[name] == 1
        }
        tops = {x.layer: value for value, x in origins.items() if value not in replaced}
        self._keys = {
            name if name in origins else tops.get(name, name): key
            for name, key in self._keys.items()
        }

    def run(self, _: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        yield from ((name, self._arrays[self._keys[name]]) for name in wanted)


# The operators that Caffe's activations and normalisations become.
_MAY_BE_IN_PLACE = frozenset(
    """
    Abs Add BatchNormalization Clip Dropout Elu Exp HardSigmoid HardSwish Identity LeakyRelu Log Mul
    PRelu Pow Relu Sigmoid Softmax Softplus Tanh
    """.split()
)


def _sorted(keys: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The keys of inputs and of all other blobs, by the blob's name."""
    fed = {key[len("in/") :]: key for key in keys if key.startswith("in/")}
    rest = [key for key in keys if key not in fed.values()]
    return fed, {_blob(key) if fed else key: key for key in rest}


def _blob(key: str) -> str:
    return next((key[len(prefix) :] for prefix in _PREFIXES if key.startswith(prefix)), key)
