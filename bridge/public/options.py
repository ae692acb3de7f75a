"""The options of the verbs: their types, their defaults, and what a call may leave out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from inspect import Parameter
from pathlib import Path
from typing import Any, Literal, Self, TypedDict, TypeVar

from bridge.public.progress import Progress, silent

PathLike = str | Path
WeightsMode = Literal["inline", "external", "linked"]
IoLayout = Literal["channels_last", "onnx"]
Target = Literal["natural", "speed"]
Quantized = Literal["float", "keep"]


class LoweringKeywords(TypedDict, total=False):
    """`LoweringOptions` as keyword arguments; None stands for the default."""

    outputs: str | Sequence[str] | None
    opset: int | None
    batch: int | None
    input_shape: Mapping[str, Sequence[int]] | None
    plugin: PathLike | Sequence[PathLike] | None
    dynamic: bool | None
    fold_bn: bool | None
    inference: bool | None
    portable: bool | None
    phase: str | None
    stage: str | Sequence[str] | None
    level: int | None
    ignore_fields: str | Sequence[str] | None
    allow_missing_weights: bool | None
    mean: float | Sequence[float] | PathLike | None
    scale: float | Sequence[float] | None
    rgb: bool | None


class TrainingKeywords(TypedDict, total=False):
    """`TrainingOptions` as keyword arguments; None stands for the default."""

    input_shape: Mapping[str, Sequence[int]] | None
    plugin: PathLike | Sequence[PathLike] | None
    stage: str | Sequence[str] | None
    level: int | None
    ignore_fields: str | Sequence[str] | None
    allow_missing_weights: bool | None


class RaisingKeywords(TypedDict, total=False):
    """`RaisingOptions` as keyword arguments; None stands for the default."""

    io_layout: IoLayout | None
    target: Target | None
    check: bool | None
    map: PathLike | None
    fp16: bool | None
    int8: PathLike | None
    progress: Progress | None


class GraphKeywords(TypedDict, total=False):
    """`GraphOptions` as keyword arguments; None stands for the default."""

    outputs: str | Sequence[str] | None
    batch: int | None
    input_shape: Mapping[str, Sequence[int]] | None
    input_value: Mapping[str, float] | None
    quantized: Quantized | None
    allow_external_path: bool | None


class OnnxToKerasKeywords(GraphKeywords, RaisingKeywords, total=False):
    """The options of both."""


class ExplainKeywords(LoweringKeywords, GraphKeywords, total=False):
    """The options of both, of which a net takes its own."""


class SolverKeywords(TypedDict, total=False):
    """`SolverOptions` as keyword arguments; None stands for the default."""

    solver: PathLike | None
    solverstate: PathLike | None


class CaffeToKerasKeywords(LoweringKeywords, RaisingKeywords, SolverKeywords, total=False):
    """The options of all three."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options as a verb uses them, each with its default."""

    @property
    def changed(self) -> frozenset[str]:
        """The names of those that are not at their default."""
        return frozenset(x.name for x in fields(self) if getattr(self, x.name) != _default(x))

    @classmethod
    def of(cls, keywords: Mapping[str, Any]) -> Self:
        """Picks its own from the keyword arguments of a call."""
        names = [option.name for option in fields(cls)]
        return cls(**{name: keywords[name] for name in names if keywords.get(name) is not None})


@dataclass(frozen=True, kw_only=True)
class LoweringOptions(Options):
    """How a Caffe net is lowered; on the command line each is a flag of the same name.

    outputs      cut the net to these outputs
    opset        the ONNX operator set to write
    batch        fix the batch size, which is free where the net allows it
    input_shape  reshape inputs by name, as Caffe's `net.reshape` does
    plugin       Python files with rules of one's own
    dynamic      leave the images' height and width open, where the whole net allows it
    fold_bn      fold batch normalisations into the weights of the linear layers before them, and
                 leave out Dropout
    inference    leave out what only training needs, Dropout
    portable     write comparisons, indices and look-ups as arithmetic of floats, and every output
                 as a result: the smallest runtimes have no more. It costs time
    phase, stage, level
                 the state by which Caffe chooses layers that have rules: TEST or TRAIN, names, a
                 number
    ignore_fields
                 leave out these unknown fields of the prototxt: `field`, or `message.field`
    allow_missing_weights
                 have fillers initialise the weights that the caffemodel lacks
    mean, scale, rgb
                 have the graph itself compute (image - mean) · scale of plain images, of red,
                 green and blue where the net takes them the other way round; `mean` is a number,
                 one for each channel, or a file, .binaryproto or .npy; `scale` is a number,
                 or one for each channel
    """

    outputs: str | Sequence[str] = ()
    opset: int = 17
    batch: int | None = None
    input_shape: Mapping[str, Sequence[int]] = field(default_factory=dict)
    plugin: PathLike | Sequence[PathLike] = ()
    dynamic: bool = False
    fold_bn: bool = False
    inference: bool = False
    portable: bool = False
    phase: str = "TEST"
    stage: str | Sequence[str] = ()
    level: int = 0
    ignore_fields: str | Sequence[str] = ()
    allow_missing_weights: bool = False
    mean: float | Sequence[float] | PathLike | None = None
    scale: float | Sequence[float] = 1.0
    rgb: bool = False

    @property
    def plugins(self) -> tuple[PathLike, ...]:
        return (self.plugin,) if isinstance(self.plugin, PathLike) else tuple(self.plugin)

    @property
    def output_names(self) -> tuple[str, ...]:
        return as_names(self.outputs)

    @property
    def stages(self) -> tuple[str, ...]:
        return as_names(self.stage)

    @property
    def ignored(self) -> tuple[str, ...]:
        return as_names(self.ignore_fields)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(shape) for name, shape in self.input_shape.items()}


@dataclass(frozen=True, kw_only=True)
class SolverOptions(Options):
    """With what a Caffe net is trained.

    solver       its solver.prototxt: the net is converted as it is trained, in phase TRAIN, and
                 compiled where plain Keras computes Caffe's very steps
    solverstate  the solver's part of a snapshot, from which the training goes on
    """

    solver: PathLike | None = None
    solverstate: PathLike | None = None

    @property
    def files(self) -> tuple[PathLike, ...]:
        return tuple(path for path in (self.solver, self.solverstate) if path is not None)


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(Options):
    """How a Caffe net is read that is to be trained: those of `LoweringOptions` that say what the
    net is."""

    input_shape: Mapping[str, Sequence[int]] = field(default_factory=dict)
    plugin: PathLike | Sequence[PathLike] = ()
    stage: str | Sequence[str] = ()
    level: int = 0
    ignore_fields: str | Sequence[str] = ()
    allow_missing_weights: bool = False

    @property
    def lowering(self) -> LoweringOptions:
        """The net in phase TRAIN, with these options."""
        own = {option.name: getattr(self, option.name) for option in fields(self)}
        return LoweringOptions(phase="TRAIN", **own)


@dataclass(frozen=True, kw_only=True)
class GraphOptions(Options):
    """What of an ONNX graph is raised.

    outputs      cut the graph to these of its values
    batch        fix the first size of the inputs, where it is free
    input_shape  fix the sizes of inputs by name
    input_value  make inputs constants, each of one number, such as a sampling rate
    quantized    what a graph of int8 becomes. float: the float model that it stands for; keep: the
                 same steps, rounded by Keras
    allow_external_path
                 read weights of the file that are in other folders as well, or behind links
    """

    outputs: str | Sequence[str] = ()
    batch: int | None = None
    input_shape: Mapping[str, Sequence[int]] = field(default_factory=dict)
    input_value: Mapping[str, float] = field(default_factory=dict)
    quantized: Quantized = "float"
    allow_external_path: bool = False

    @property
    def output_names(self) -> tuple[str, ...]:
        return as_names(self.outputs)

    @property
    def asked(self) -> bool:
        """Whether the graph is to be another than the file's."""
        changes = self.outputs or self.input_shape or self.input_value
        return bool(changes) or self.batch is not None


@dataclass(frozen=True, kw_only=True)
class RaisingOptions(Options):
    """How a graph is raised to Keras.

    io_layout    channels_last: images are n h w c; onnx: the model takes and returns ONNX's arrays
    target       natural, or speed: a model that runs faster on a CPU, at equal numbers, and is less
                 natural: batch normalisations go into the weights before them, groups are split
    check        compare every output with onnxruntime's on seeded inputs, and warn of weights
                 that are not finite
    map          a file to write the translation map to, as JSON
    fp16         a .tflite whose weights are halves; inputs and outputs stay float32
    int8         a .tflite that rounds to int8, with inputs and outputs of float32. "dynamic": its
                 weights; a folder of images, or an .npz of inputs, as the net will see them: all
                 that LiteRT computes in int8, by the ranges that it has for these
    progress     a function that is called with the name of each stage
    """

    io_layout: IoLayout = "channels_last"
    target: Target = "natural"
    check: bool = True
    map: PathLike | None = None
    fp16: bool = False
    int8: PathLike | None = None
    progress: Progress = silent


def as_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """One name, or several."""
    return (names,) if isinstance(names, str) else tuple(names)


# ---- signatures ------------------------------------------------------------------------------

Verb = TypeVar("Verb", bound=Callable[..., Any])


def with_options(*kinds: type[Options]) -> Callable[[Verb], Verb]:
    """Lists options in the signature of a verb that takes them as `**options`.

    So `help` shows each with its default, and `public` refuses any other name.
    """
    options = {option.name: _parameter(option) for kind in kinds for option in fields(kind)}

    def listed(verb: Verb) -> Verb:
        signature = inspect.signature(verb)
        own = [p for p in signature.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
        vars(verb)["__signature__"] = signature.replace(parameters=[*own, *options.values()])
        return verb

    return listed


def _parameter(option: Field[Any]) -> Parameter:
    kind, default = Parameter.KEYWORD_ONLY, _default(option)
    return Parameter(option.name, kind, default=default, annotation=option.type)


def _default(option: Field[Any]) -> Any:
    factory = option.default_factory
    return option.default if factory is MISSING else factory()
