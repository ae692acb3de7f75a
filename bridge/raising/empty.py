"""Tensors without elements: which operators take them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bridge.errors import UnsupportedError
from bridge.raising.table import Operand, Shape

# Those that compute element by element, move elements, count them, or have a neutral element. The
# others have nothing to compute, and Keras's layers refuse it or divide by the number of elements.
_TAKERS = frozenset(
    """
    Abs Acos Acosh Add And Asin Asinh Atan Atanh BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr
    BitwiseXor Cast CastLike Ceil Clip Compress Concat ConstantOfShape Cos Cosh Div Einsum Elu Equal
    Erf Exp Expand EyeLike Flatten Floor Gather GatherND Gelu Greater GreaterOrEqual HardSigmoid
    Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log MatMul Max Min Mod Mul Neg NonZero Not Or
    Pow Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMin
    ReduceProd ReduceSum ReduceSumSquare Relu Reshape Round ScatterElements ScatterND Selu Shape
    Sigmoid Sign Sin Sinh Size Slice Softplus Softsign Split Sqrt Squeeze Sub Sum Tan Tanh Transpose
    Trilu Unsqueeze Where Xor
    """.split()
)

_HINT = (
    "some exporters write 0 for a size that is free: give it a name in its place, "
    "with onnx.tools.update_model_dims"
)


def refuse_empty(
    operator: str, operands: Iterable[Operand | None], outputs: Sequence[tuple[str, Shape]]
) -> None:
    """Raises UnsupportedError for an operator that cannot take or return a tensor of no elements.

    Old exporters meant a free size by 0, so that a Conv of an input of no images is no Conv of
    nothing.
    """
    if operator in _TAKERS:
        return
    tensors = [(x.name, x.shape) for x in operands if x is not None and not x.is_constant]
    for name, shape in (*tensors, *outputs):
        if 0 in shape:
            raise UnsupportedError(
                f"'{name}' has no elements",
                expected="sizes of 1 and more, or free ones",
                received=" ".join(map(str, shape)),
                hint=_HINT,
            )
