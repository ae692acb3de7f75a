"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from bridge.errors import UsageError

Prototxt = Annotated[Path, Parameter(help="The net's definition, .prototxt.")]
Caffemodel = Annotated[Path | None, Parameter(help="Its trained weights, .caffemodel.")]
Output = Annotated[Path, Parameter(alias="-o", help="The file to write.")]

IgnoreFields = Annotated[
    list[str] | None,
    Parameter(
        name="--ignore-field",
        negative=(),
        help="Leave out an unknown field of the prototxt: FIELD or MESSAGE.FIELD; may be repeated.",
    ),
]
AllowExternalPath = Annotated[
    bool,
    Parameter(
        negative=(),
        help="Read weights that an .onnx has in other folders, or behind links, as well.",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Lowering:
    """The flags of `bridge.public.options.LoweringOptions`."""

    outputs: Annotated[
        list[str] | None,
        Parameter(consume_multiple=True, negative=(), help="Cut the net to these outputs."),
    ] = None
    opset: Annotated[int | None, Parameter(help="ONNX operator set; 17 by default.")] = None
    batch: Annotated[
        int | None, Parameter(help="Fix the batch size, which is free where the net allows it.")
    ] = None
    input_shape: Annotated[
        list[str] | None,
        Parameter(negative=(), help="Reshape an input: NAME:DIMS, such as data:1,3,320,240."),
    ] = None
    plugin: Annotated[
        list[Path] | None, Parameter(negative=(), help="A Python file with rules of your own.")
    ] = None

    dynamic: Annotated[
        bool, Parameter(negative=(), help="Leave the images' height and width open.")
    ] = False
    fold_bn: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Fold batch normalisations into the layers before them, and leave out Dropout.",
        ),
    ] = False
    inference: Annotated[
        bool, Parameter(negative=(), help="Leave out what only training needs, Dropout.")
    ] = False
    portable: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Write comparisons, indices and look-ups as arithmetic of floats, for the "
            "smallest runtimes; slower.",
        ),
    ] = False
    phase: Annotated[
        Literal["TEST", "TRAIN"] | None,
        Parameter(help="Layers of this phase; TEST by default."),
    ] = None
    stage: Annotated[
        list[str] | None, Parameter(negative=(), help="And of this stage; may be repeated.")
    ] = None
    level: Annotated[int | None, Parameter(help="And of this level; 0 by default.")] = None
    ignore_fields: IgnoreFields = None
    allow_missing_weights: Annotated[
        bool, Parameter(negative=(), help="Have fillers initialise what the caffemodel lacks.")
    ] = False
    mean: Annotated[
        str | None,
        Parameter(
            help="Take plain images and subtract this in the graph: a number, one for each "
            "channel (104,117,123), or a file, .binaryproto or .npy."
        ),
    ] = None
    scale: Annotated[
        str | None,
        Parameter(
            help="Multiply by this in the graph, after the mean: a number, or one for each channel."
        ),
    ] = None
    rgb: Annotated[
        bool,
        Parameter(
            negative="--bgr",
            help="Take images of red, green, blue, and reverse them in the graph to the order that "
            "Caffe's nets expect.",
        ),
    ] = False

    def keywords(self) -> dict[str, Any]:
        """As keyword arguments of the verbs; a flag that is not given is left to `--for`."""
        options = {flag.name: getattr(self, flag.name) for flag in fields(self)}
        flags = {name: value for name, value in options.items() if value is not False}
        _refuse_no_outputs(self.outputs)
        shapes, mean = parse_shapes(self.input_shape or ()), parse_mean(self.mean)
        return {
            **flags,
            "input_shape": shapes,
            "mean": mean,
            "scale": parse_scale(self.scale),
        }


DEFAULT_LOWERING = Lowering()


Solver = Annotated[
    Path | None,
    Parameter(help="Convert the net for training, by this solver.prototxt."),
]
SolverState = Annotated[
    Path | None, Parameter(help="And go on from this snapshot, .solverstate or .solverstate.h5.")
]
InputValue = Annotated[
    list[str] | None,
    Parameter(negative=(), help="Make an input a constant: NAME:NUMBER, such as rate:16000."),
]
Quantized = Annotated[
    Literal["float", "keep"] | None,
    Parameter(
        help="What a graph of int8 becomes: the float model that it stands for, by default, or "
        "Keras operations that keep the same steps."
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Graph:
    """The flags of `bridge.public.options.GraphOptions`."""

    outputs: Annotated[
        list[str] | None,
        Parameter(consume_multiple=True, negative=(), help="Cut the graph to these values."),
    ] = None
    batch: Annotated[
        int | None, Parameter(help="Fix the first size of the inputs, where it is free.")
    ] = None
    input_shape: Annotated[
        list[str] | None,
        Parameter(negative=(), help="Fix an input's sizes: NAME:DIMS, such as x:1,3,320,240."),
    ] = None
    input_value: InputValue = None
    quantized: Quantized = None
    allow_external_path: AllowExternalPath = False

    def keywords(self) -> dict[str, Any]:
        """As keyword arguments of the verbs."""
        flags = {flag.name: getattr(self, flag.name) for flag in fields(self)}
        _refuse_no_outputs(self.outputs)
        shapes, values = parse_shapes(self.input_shape or ()), parse_values(self.input_value or ())
        return {**flags, "input_shape": shapes, "input_value": values}


DEFAULT_GRAPH = Graph()
Check = Annotated[
    bool, Parameter(negative="--no-check", help="Run the result, compare, and look for NaN.")
]
IoLayoutOption = Annotated[
    Literal["channels_last", "onnx"],
    Parameter(help="Axis order of the model's inputs and outputs: Keras's own, or ONNX's."),
]
TargetOption = Annotated[
    Literal["natural", "speed"],
    Parameter(
        help="What the model is for. With speed it runs faster on a CPU, at equal numbers: batch "
        "normalisations go into the weights before them, and groups are split. To train further, "
        "use natural: with speed they are no longer layers that learn."
    ),
]
For = Annotated[
    Literal[
        "onnxruntime-web",
        "openvino",
        "opencv5",
        "opencv4",
        "tract",
        "tvm",
        "iree",
        "mnn",
        "ncnn",
        "rknn",
        "tinygrad",
    ]
    | None,
    Parameter(
        name="--for",
        help="The runtime that the graph is for: chooses the batch and how weights are written, "
        "unless you do, and refuses what it does not read.",
    ),
]
Map = Annotated[
    Path | None, Parameter(help="A JSON file to write: where each blob and weight is in Keras.")
]
Fp16 = Annotated[
    bool, Parameter(negative=(), help="Of a .tflite: round its weights to half precision.")
]
Int8 = Annotated[
    Path | None,
    Parameter(
        help="Of a .tflite: round its weights (dynamic), or all that LiteRT computes in int8, by "
        "a folder of images, if the graph prepares them (--mean), or an .npz of inputs."
    ),
]
# How images are fed, for the commands that feed them.
Mean = Annotated[
    str | None,
    Parameter(help="Subtract from images: a number, one for each channel, or a mean file."),
]
Scale = Annotated[
    str | None,
    Parameter(help="Multiply by this, after the mean: a number, or one for each channel."),
]
Rgb = Annotated[bool, Parameter(negative=(), help="Feed images as red, green, blue, not reversed.")]
Scheduler = Annotated[
    str | None,
    Parameter(
        help="A Dask scheduler, tcp://HOST:8786, whose workers do it; they have bridge and the "
        "same files."
    ),
]
ExplainLayout = Annotated[bool, Parameter(negative=(), help="Explain each transpose that is left.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Printing:
    """What a command prints of its result; warnings and errors are printed in any case."""

    as_json: Annotated[bool, Parameter("--json", negative=(), help="Print the result as JSON.")] = (
        False
    )
    quiet: Annotated[
        bool, Parameter(("--quiet", "-q"), negative=(), help="Print nothing but warnings.")
    ] = False
    verbose: Annotated[
        bool, Parameter(("--verbose", "-v"), negative=(), help="Print how long each stage takes.")
    ] = False

    def __post_init__(self) -> None:
        if self.as_json and self.quiet:
            raise UsageError("--json and --quiet exclude each other", expected="one of them")

    @property
    def prose(self) -> bool:
        """Whether the result is printed for people to read."""
        return not (self.as_json or self.quiet)


DEFAULT_PRINTING = Printing()


def _refuse_no_outputs(names: Sequence[str] | None) -> None:
    """The option is there, and no name behind it: it would do nothing."""
    if names is not None and not names:
        raise UsageError("--outputs needs a name behind it", expected="--outputs NAME…")


def parse_mean(text: str | None) -> tuple[float, ...] | Path | None:
    """Numbers with commas between them; anything else is a path."""
    if text is None:
        return None
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        return Path(text)


def parse_scale(text: str | None) -> float | tuple[float, ...] | None:
    """A number, or several with commas between them. Raises UsageError."""
    if text is None:
        return None
    try:
        numbers = tuple(float(number) for number in text.split(","))
    except ValueError:
        raise UsageError(
            "cannot read --scale",
            expected="a number, as 0.017, or one for each channel, as 0.0171,0.0175,0.0174",
            received=text,
        ) from None
    return numbers[0] if len(numbers) == 1 else numbers


def parse_shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """`NAME:D,D,…` for each input; blob names may hold colons, so the last one counts."""
    return dict(map(_parse_shape, texts))


def parse_values(texts: Sequence[str]) -> dict[str, float]:
    """`NAME:NUMBER` for each input, a whole number as one."""
    return dict(map(_parse_value, texts))


def _parse_value(text: str) -> tuple[str, float]:
    name, _, digits = text.rpartition(":")
    try:
        number = float(digits)
    except ValueError:
        name = ""
    if not name:
        raise UsageError(
            "cannot read --input-value", expected="NAME:NUMBER, as rate:16000", received=text
        )
    return name, int(number) if number.is_integer() else number


def _parse_shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, dims = text.rpartition(":")
    try:
        shape = tuple(int(dim) for dim in dims.replace("x", ",").split(","))
    except ValueError:
        shape = ()
    if not name or not shape or min(shape) < 1:
        raise UsageError(
            "cannot read --input-shape", expected="NAME:DIMS, as data:1,3,320,240", received=text
        )
    return name, shape
