"""Attention of queries to keys, in one function of Keras's.

A MultiHeadAttention layer has its projections within, and so nowhere to put queries, keys and
values that come from elsewhere. Where all keys of a query may be masked, by data, Keras gives the
mean of all values and ONNX zeros: such a mask is left to what ONNX defines the operator as.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref, Size
from bridge.raising.table import Candidate, Node, Operand, Shape, raises

_LOWEST = -1e30  # below it a summand leaves nothing of a key


@raises("Attention", since=23)
def attention(
    node: Node,
    query: Operand,
    key: Operand,
    value: Operand,
    attn_mask: Operand | None = None,
    past_key: Operand | None = None,
    past_value: Operand | None = None,
    nonpad_kv_seqlen: Operand | None = None,
    *,
    is_causal: int = 0,
    kv_num_heads: int | None = None,
    left_window_size: int = -1,
    q_num_heads: int | None = None,
    qk_matmul_output_mode: int = 0,
    right_window_size: int = -1,
    scale: float | None = None,
    softcap: float = 0.0,
    softmax_precision: int | None = None,
) -> Candidate:
    """y = softmax(scale · q kᵀ + mask) v for each head, several of which may share k and v

    q: n a t h, k: n b s h, v: n b s v, or n t (a h), n s (b h), n s (b v)   ->   n a t v, n t (a v)

    (onnx.ai/onnx/operators, Attention)
    """
    others = (past_key, past_value, nonpad_kv_seqlen)
    windows = (left_window_size, right_window_size) != (-1, -1)
    further = any(node.has_output(index) for index in (1, 2, 3))
    if any(others) or windows or further or softcap or query.dtype != "float32":
        raise UnsupportedError("an Attention with more than a mask, or not of float32")
    mask = None if attn_mask is None else _mask(attn_mask, key.shape[-2], bool(is_causal))
    heads = (q_num_heads, kv_num_heads) if query.rank == 3 else (query.shape[1], key.shape[1])
    of_q, of_k = (_known(number) for number in heads)
    layouts = [
        _by_head(operand.shape, number)
        for operand, number in ((query, of_q), (key, of_k), (value, of_k))
    ]
    width = _known(layouts[0].stored_shape[-1])
    if layouts[2].stored_shape[-1] != width:
        # Keras (3.15) takes the result's shape for that of the queries.
        raise UnsupportedError("an Attention whose values are of another width than its queries")
    factor = 1 / sqrt(width) if scale is None else scale

    def build(k: Recorder, q: Ref, *pair: Ref) -> Ref:
        keys, values = pair if of_q == of_k else (_repeated(k, x, of_q // of_k) for x in pair)
        is_bias = mask is not None and mask.dtype != np.bool_
        bias, kept = (mask, None) if is_bias else (None, mask)
        return k.op("dot_product_attention", q, keys, values, bias, kept, factor, bool(is_causal))

    return Candidate((*layouts, None), (_by_head(node.shape, of_q),), build)


def _by_head(shape: Shape, heads: int) -> Layout:
    """n a t h, or n t (a h)   ->   n t a h"""
    if len(shape) == 4:
        return Layout.ordered(shape, (0, 2, 1, 3))
    batch, time, features = shape
    width = _known(features) // heads
    return Layout(((batch,), (time,), (heads, width)), ((0,), (1,), (2,), (3,)))


def _known(size: Size | None) -> int:
    if not isinstance(size, int):
        raise UnsupportedError("an Attention with heads of unknown size", received=size)
    return size


def _repeated(k: Recorder, x: Ref, times: int) -> Ref:
    return k.op("repeat", x, times, axis=2)


def _mask(mask: Operand, keys: Size, is_causal: bool) -> Weight:
    """A constant mask, of four axes, that leaves a key to each query."""
    if not mask.is_constant or is_causal or mask.shape[-1] not in (1, keys):
        raise UnsupportedError("an Attention whose mask may leave no key")
    array = mask.array()
    kept = array if array.dtype == np.bool_ else array > _LOWEST
    if not kept.any(axis=-1).all():
        raise UnsupportedError("an Attention whose mask leaves no key")
    weight = mask.weight()
    shape = (*[1] * (4 - mask.rank), *weight.shape)
    return Weight.derived(shape, lambda values: values.reshape(shape), weight)
