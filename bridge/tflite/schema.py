"""The tables of a `.tflite`, as far as one is written, and the numbers of its operators.

A test holds them to the schema of the LiteRT or TensorFlow that is installed.
(Source: tensorflow/compiler/mlir/lite/schema/schema.fbs)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

VERSION, MAGIC = 3, b"TFL3"


class Field(NamedTuple):
    """A field of a table. Its `kind` is that of a number, which is not written where it is the
    `default`; `string`, `[int32]`, `[Table]`, or `table`, which is any; `later` is bytes that stand
    behind all tables."""

    slot: int
    kind: str
    default: int = 0


def _fields(text: str) -> Mapping[str, Field]:
    """From `name:kind=default`, in the order of the slots, with `_` for one that is never used."""
    fields = {}
    for slot, word in enumerate(text.split()):
        name, _, rest = word.partition(":")
        kind, _, default = rest.partition("=")
        if kind:
            fields[name] = Field(slot, kind, int(default or 0))
    return fields


_FUSED = "fused_activation_function:int8"
_WINDOW = "padding:int8 stride_w:int32 stride_h:int32"
_DILATION = "dilation_w_factor:int32=1 dilation_h_factor:int32=1"

TABLES: Mapping[str, Mapping[str, Field]] = {
    name: _fields(text)
    for name, text in {
        "Model": "version:uint32 operator_codes:[OperatorCode] subgraphs:[SubGraph] "
        "description:string buffers:[Buffer] _ _ signature_defs:[SignatureDef]",
        "OperatorCode": "deprecated_builtin_code:int8 _ version:int32=1 builtin_code:int32",
        "SubGraph": "tensors:[Tensor] inputs:[int32] outputs:[int32] operators:[Operator] "
        "name:string",
        "Tensor": "shape:[int32] type:int8 buffer:uint32 name:string _ _ _ shape_signature:[int32] "
        "has_rank:bool",
        "Operator": "opcode_index:uint32 inputs:[int32] outputs:[int32] "
        "builtin_options_type:uint8 builtin_options:table",
        "Buffer": "data:later",
        "SignatureDef": "inputs:[TensorMap] outputs:[TensorMap] signature_key:string _ "
        "subgraph_index:uint32",
        "TensorMap": "name:string tensor_index:uint32",
        "AddOptions": _FUSED,
        "ArgMaxOptions": "output_type:int8",
        "ArgMinOptions": "output_type:int8",
        "BatchMatMulOptions": "adj_x:bool adj_y:bool",
        "CastOptions": "in_data_type:int8 out_data_type:int8",
        "ConcatenationOptions": "axis:int32",
        "Conv2DOptions": f"{_WINDOW} {_FUSED} {_DILATION}",
        "Conv3DOptions": "padding:int8 stride_d:int32 stride_w:int32 stride_h:int32 "
        f"{_FUSED} dilation_d_factor:int32=1 {_DILATION}",
        "CumsumOptions": "exclusive:bool reverse:bool",
        "DepthwiseConv2DOptions": f"{_WINDOW} depth_multiplier:int32 {_FUSED} {_DILATION}",
        "DivOptions": _FUSED,
        "FullyConnectedOptions": f"{_FUSED} _ keep_num_dims:bool",
        "GatherOptions": "axis:int32",
        "GeluOptions": "approximate:bool",
        "LeakyReluOptions": "alpha:float32",
        "MirrorPadOptions": "mode:int8",
        "MulOptions": _FUSED,
        "PackOptions": "values_count:int32 axis:int32",
        "Pool2DOptions": f"{_WINDOW} filter_width:int32 filter_height:int32 {_FUSED}",
        "ReducerOptions": "keep_dims:bool",
        "ResizeBilinearOptions": "_ _ align_corners:bool half_pixel_centers:bool",
        "ResizeNearestNeighborOptions": "align_corners:bool half_pixel_centers:bool",
        "ShapeOptions": "out_type:int8",
        "SoftmaxOptions": "beta:float32",
        "SplitOptions": "num_splits:int32",
        "SplitVOptions": "num_splits:int32",
        "SqueezeOptions": "squeeze_dims:[int32]",
        "StridedSliceOptions": "begin_mask:int32 end_mask:int32 _ _ shrink_axis_mask:int32",
        "SubOptions": _FUSED,
        "TransposeConvOptions": _WINDOW,
    }.items()
}  # fmt: skip


class Builtin(NamedTuple):
    """An operator of LiteRT: its number, and the table of its options with that one's number."""

    number: int
    options: str = ""
    options_number: int = 0


BUILTINS: Mapping[str, Builtin] = {
    "ABS": Builtin(101),
    "ADD": Builtin(0, "AddOptions", 11),
    "ARG_MAX": Builtin(56, "ArgMaxOptions", 40),
    "ARG_MIN": Builtin(79, "ArgMinOptions", 57),
    "AVERAGE_POOL_2D": Builtin(1, "Pool2DOptions", 5),
    "BATCH_MATMUL": Builtin(126, "BatchMatMulOptions", 101),
    "CAST": Builtin(53, "CastOptions", 37),
    "CEIL": Builtin(104),
    "CONCATENATION": Builtin(2, "ConcatenationOptions", 10),
    "CONV_2D": Builtin(3, "Conv2DOptions", 1),
    "CONV_3D": Builtin(132, "Conv3DOptions", 106),
    "COS": Builtin(108),
    "CUMSUM": Builtin(128, "CumsumOptions", 102),
    "DEPTHWISE_CONV_2D": Builtin(4, "DepthwiseConv2DOptions", 2),
    "DIV": Builtin(42, "DivOptions", 29),
    "ELU": Builtin(111),
    "EQUAL": Builtin(71),
    "EXP": Builtin(47),
    "EXPAND_DIMS": Builtin(70),
    "FLOOR": Builtin(8),
    "FLOOR_MOD": Builtin(95),
    "FULLY_CONNECTED": Builtin(9, "FullyConnectedOptions", 8),
    "GATHER": Builtin(36, "GatherOptions", 23),
    "GELU": Builtin(150, "GeluOptions", 116),
    "GREATER": Builtin(61),
    "GREATER_EQUAL": Builtin(62),
    "HARD_SWISH": Builtin(117),
    "LEAKY_RELU": Builtin(98, "LeakyReluOptions", 75),
    "LESS": Builtin(58),
    "LESS_EQUAL": Builtin(63),
    "LOG": Builtin(73),
    "LOG_SOFTMAX": Builtin(50),
    "LOGICAL_AND": Builtin(86),
    "LOGICAL_NOT": Builtin(87),
    "LOGICAL_OR": Builtin(84),
    "LOGISTIC": Builtin(14),
    "MAXIMUM": Builtin(55),
    "MAX_POOL_2D": Builtin(17, "Pool2DOptions", 5),
    "MEAN": Builtin(40, "ReducerOptions", 27),
    "MINIMUM": Builtin(57),
    "MIRROR_PAD": Builtin(100, "MirrorPadOptions", 77),
    "MUL": Builtin(18, "MulOptions", 21),
    "NEG": Builtin(59),
    "NOT_EQUAL": Builtin(72),
    "PACK": Builtin(83, "PackOptions", 59),
    "PAD": Builtin(34),
    "PADV2": Builtin(60),
    "POW": Builtin(78),
    "PRELU": Builtin(54),
    "REDUCE_ALL": Builtin(140, "ReducerOptions", 27),
    "REDUCE_ANY": Builtin(91, "ReducerOptions", 27),
    "REDUCE_MAX": Builtin(82, "ReducerOptions", 27),
    "REDUCE_MIN": Builtin(89, "ReducerOptions", 27),
    "REDUCE_PROD": Builtin(81, "ReducerOptions", 27),
    "RELU": Builtin(19),
    "RELU6": Builtin(21),
    "RESHAPE": Builtin(22),
    "RESIZE_BILINEAR": Builtin(23, "ResizeBilinearOptions", 15),
    "RESIZE_NEAREST_NEIGHBOR": Builtin(97, "ResizeNearestNeighborOptions", 74),
    "REVERSE_V2": Builtin(105),
    "ROUND": Builtin(116),
    "RSQRT": Builtin(76),
    "SELECT_V2": Builtin(123),
    "SHAPE": Builtin(77, "ShapeOptions", 55),
    "SIGN": Builtin(158),
    "SIN": Builtin(66),
    "SOFTMAX": Builtin(25, "SoftmaxOptions", 9),
    "SPLIT": Builtin(49, "SplitOptions", 35),
    "SPLIT_V": Builtin(102, "SplitVOptions", 79),
    "SQRT": Builtin(75),
    "SQUARE": Builtin(92),
    "SQUEEZE": Builtin(43, "SqueezeOptions", 30),
    "STRIDED_SLICE": Builtin(45, "StridedSliceOptions", 32),
    "SUB": Builtin(41, "SubOptions", 28),
    "SUM": Builtin(74, "ReducerOptions", 27),
    "TANH": Builtin(28),
    "TILE": Builtin(69),
    "TOPK_V2": Builtin(48),
    "TRANSPOSE": Builtin(39),
    "TRANSPOSE_CONV": Builtin(67, "TransposeConvOptions", 49),
    "ZEROS_LIKE": Builtin(93),
}

# The numbers of the dtypes that are written.
DTYPES: Mapping[str, int] = {
    "float32": 0,
    "float16": 1,
    "int32": 2,
    "uint8": 3,
    "int64": 4,
    "bool": 6,
    "int16": 7,
    "int8": 9,
    "float64": 10,
    "uint64": 12,
    "uint32": 15,
}
SAME, VALID = 0, 1
FUSED: Mapping[str, int] = {"RELU": 1, "RELU6": 3}
PADDING: Mapping[str, int] = {"same": SAME, "valid": VALID}
MIRROR: Sequence[str] = ("reflect", "symmetric")
