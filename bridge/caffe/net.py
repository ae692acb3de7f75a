"""A Caffe net, read and put in order: the only thing that lowering sees of Caffe's files.

A `Net` is always in Caffe's newest form, whatever dialect its files were in: layers have string
types, inputs are listed apart, phases are resolved, and each value has one writer (in-place
layers write a value of their own; see `Layer.tops`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from bridge.caffe.files.complaint import Complaint
from bridge.errors import Location
from bridge.layout import Weight

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Origin:
    """Which blob of which layer a Blob is (in pycaffe `net.params[layer][index]`), and its shape
    there, whatever shape it is seen in later."""

    layer: str
    index: int
    shape: Shape


@dataclass(frozen=True)
class Blob(Weight):
    """One weight array of a layer, and which one it is."""

    origin: Origin | None = field(default=None, compare=False)

    def reshaped(self, *shape: int) -> Blob:
        """The same values in another shape (one dim may be -1), still unread."""
        size = prod(self.shape)
        if -1 in shape:
            rest = prod(dim for dim in shape if dim != -1)
            shape = tuple(size // rest if dim == -1 else dim for dim in shape)
        if prod(shape) != size:
            raise ValueError(f"cannot reshape a blob of {self.shape} to {shape}")
        return replace(self, shape=shape)

    def belonging_to(self, layer: str, index: int) -> Blob:
        """The same blob as the `index`-th of a layer."""
        return replace(self, origin=Origin(layer, index, self.shape))


@dataclass(frozen=True)
class Input:
    """A blob that the net is fed with, and its shape as the prototxt gives it.

    Where that is silent, as of data layers, the shape is `()`, or has 0 for single dims.
    In training, the net's images were (image - mean) · scale; `mean` is by channel or one for all,
    or is an image in `mean_file`. `is_label` is whether it then said what is to be found.
    """

    name: str
    shape: Shape
    where: Location
    mean: tuple[float, ...] = ()
    mean_file: str = ""
    scale: float = 1.0
    is_label: bool = False


@dataclass(frozen=True)
class Share:
    """That a blob goes by a name of its own: `param { name: }`.

    All blobs of one name are one. Where one is `permissive` it may have another shape.
    """

    name: str
    permissive: bool = False


@dataclass(frozen=True)
class Layer:
    """One layer.

    `bottoms` and `tops` are names of values, each written once in the net. A value's name is its
    blob's; where several layers write one blob in place, the last writer's value has the plain
    name and the earlier ones have the writer's name behind: `conv1`, before it `conv1:conv1`.
    An input of the net keeps its plain name always.

    `params` has the parameter messages that the text sets, by field name, and in them only the
    fields that are set: `{"convolution_param": {"num_output": 96, "kernel_size": [11]}}`.
    Enum values are their names (`"MAX"`), messages are dicts, repeated fields are lists.

    `shares` is by the index of a blob, and has those that go by a name. `complaints` are what the
    text says of the layer that nobody knows.
    """

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    where: Location
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    blobs: tuple[Blob, ...] = ()
    shares: Mapping[int, Share] = field(default_factory=dict)
    complaints: tuple[Complaint, ...] = ()

    def __str__(self) -> str:
        return f"{self.where}, layer '{self.name}' ({self.type})"


@dataclass(frozen=True)
class Net:
    """A whole net: inputs, layers in the order they run, and the values that no layer reads.

    `aside` are the layers of the text that are none of the net: those of another phase, and those
    that its inputs stand for. `complaints` are those of the net itself.
    """

    name: str
    inputs: tuple[Input, ...]
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    aside: tuple[Layer, ...] = ()
    complaints: tuple[Complaint, ...] = ()
