"""The options of lowering, which every verb that starts at Caffe takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bridge.arguments import refuse_wrong_kinds
from bridge.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class LoweringOptions:
    """How a Caffe net is lowered; on the command line each is a flag of the same name.

    outputs      cut the net: give out these blobs
    opset        the ONNX operator set to write
    batch        fix the batch size, which is free where the net allows it
    input_shape  reshape inputs by name, as Caffe's `net.reshape` does
    plugin       Python files with rules of one's own
    dynamic      leave the images' height and width open, where the whole net allows it
    fold_bn      put batch normalisations into the weights of the linear layers before them
    phase, stage, level
                 the state by which Caffe chooses layers that have rules: TEST or TRAIN, names, a
                 number
    ignore_fields
                 leave out these fields of the prototxt, which nobody here knows: `field`, or
                 `message.field`
    allow_missing_weights
                 have fillers make up the weights that the caffemodel lacks
    mean, scale, rgb
                 have the graph itself make (image - mean) · scale of plain images, of red, green
                 and blue where the net takes them the other way round; `mean` is a number, one for
                 each channel, or a file, .binaryproto or .npy
    """

    outputs: Sequence[str] = ()
    opset: int = 17
    batch: int | None = None
    input_shape: Mapping[str, Sequence[int]] = field(default_factory=dict)
    plugin: str | Path | Sequence[str | Path] = ()
    dynamic: bool = False
    fold_bn: bool = False
    phase: str = "TEST"
    stage: str | Sequence[str] = ()
    level: int = 0
    ignore_fields: str | Sequence[str] = ()
    allow_missing_weights: bool = False
    mean: float | Sequence[float] | str | Path | None = None
    scale: float = 1.0
    rgb: bool = False

    @classmethod
    def of(cls, keywords: Mapping[str, Any]) -> LoweringOptions:
        """From a call's keyword arguments. Raises UsageError for one that is no option, or
        of another kind."""
        known = [each.name for each in fields(cls)]
        for name in keywords:
            if name not in known:
                close = get_close_matches(name, known, n=1)
                raise UsageError(
                    f"there is no option {name!r}",
                    expected=", ".join(known),
                    hint=f"did you mean {close[0]!r}?" if close else None,
                )
        given = {name: value for name, value in keywords.items() if value is not None}
        refuse_wrong_kinds(given)
        return cls(**given)

    @property
    def plugins(self) -> tuple[str | Path, ...]:
        return (self.plugin,) if isinstance(self.plugin, (str, Path)) else tuple(self.plugin)

    @property
    def stages(self) -> tuple[str, ...]:
        return names_of(self.stage)

    @property
    def ignored(self) -> tuple[str, ...]:
        return names_of(self.ignore_fields)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(shape) for name, shape in self.input_shape.items()}


def names_of(given: str | Sequence[str]) -> tuple[str, ...]:
    """One name, or several."""
    return (given,) if isinstance(given, str) else tuple(given)
