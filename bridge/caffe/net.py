"""A Caffe net, read and normalised: the only form of Caffe's files that lowering sees.

A `Net` is always in Caffe's newest form, whatever dialect its files were in: layers have string
types, inputs are listed separately, phases are resolved, and each value has one producer (in-place
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
    there, however it is reshaped later."""

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
    """An input blob of the net, and its shape as the prototxt states it.

    Where that is unknown, as for data layers, the shape is `()`, or has 0 for single dims.
    In training, the net's images were (image - mean) · scale; `mean` is one number per channel or
    one for all, or an image in `mean_file`. They were cropped from images of the height and width
    `uncropped`, if there are any. `is_label` says whether it was a label.

    `pixels` is the format of images that the net itself preprocesses: Bgr8, Rgb8 or Gray8, in
    ONNX's words, or empty.
    """

    name: str
    shape: Shape
    where: Location
    mean: tuple[float, ...] = ()
    mean_file: str = ""
    scale: float = 1.0
    uncropped: tuple[int, int] | None = None
    is_label: bool = False
    pixels: str = ""


@dataclass(frozen=True)
class Share:
    """A blob with a name of its own: `param { name: }`.

    All blobs with one name are the same. One that is `permissive` may have another shape.
    """

    name: str
    permissive: bool = False


@dataclass(frozen=True)
class Learning:
    """How a layer takes part in training, as far as the text says it.

    `loss_weights` are those of its tops, `rates` and `decays` the factors of the solver's own for
    each blob, by index, and `propagate_down` says of each bottom whether its gradient is computed.
    """

    loss_weights: tuple[float, ...] = ()
    rates: Mapping[int, float] = field(default_factory=dict)
    decays: Mapping[int, float] = field(default_factory=dict)
    propagate_down: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Layer:
    """One layer.

    `bottoms` and `tops` are names of values, each written once in the net. A value's name is its
    blob's; where several layers write one blob in place, the last one's value has the plain name
    and the earlier ones have their layer's name appended: `conv1`, before it `conv1:conv1`.
    An input of the net always keeps its plain name.

    `params` has the parameter messages that the text sets, by field name, and in them only the
    fields that are set: `{"convolution_param": {"num_output": 96, "kernel_size": [11]}}`.
    Enum values are their names (`"MAX"`), messages are dicts, repeated fields are lists.

    `shares` has the blobs with a name of their own, by index. `complaints` are about fields that
    the text sets in the layer and that are not understood.
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
    learning: Learning = Learning()

    def __str__(self) -> str:
        return f"{self.where}, layer '{self.name}' ({self.type})"


@dataclass(frozen=True)
class Net:
    """A whole net: inputs, layers in the order they run, and the values that no layer reads.

    `aside` are the layers of the text that are not in the net: those of another phase, and those
    that became inputs. `complaints` are those of the net itself.
    """

    name: str
    inputs: tuple[Input, ...]
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    aside: tuple[Layer, ...] = ()
    complaints: tuple[Complaint, ...] = ()
