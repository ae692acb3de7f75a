"""Attention whose state is one matrix for each head, which each time step writes to.

All time steps are computed at once: what step t reads of step s is a number, the product of its
query and that key over all that the state has decayed by in between. The corrections of the delta
rule, of which each depends on all before it, are the solution of a triangular system.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like
from bridge.raising.plan import Ref, Size
from bridge.raising.table import Candidate, Node, Operand, raises

_NOTHING = -1e9  # a logarithm of 0, as far as float32 can tell


@raises("LinearAttention")
def linear_attention(
    node: Node,
    query: Operand,
    key: Operand,
    value: Operand,
    past_state: Operand | None = None,
    decay: Operand | None = None,
    beta: Operand | None = None,
    *,
    q_num_heads: int,
    kv_num_heads: int,
    update_rule: str = "gated_delta",
    scale: float = 0.0,
    chunk_size: int = 64,
) -> Candidate:
    """S = exp(g)·S + k ⊗ u, o = scale · Sᵀq, with u = v, or beta · (v - exp(g)·Sᵀk)

    query: n t (hq k)   key: n t (h k)   value: n t (h v)   past_state: n h k v
    decay: n t h or n t (h k)   beta: n t h or n t 1   ->   n t (hq v), and S after the last step

    ONNX holds a graph to `update_rule`: with a decay where it is gated, a beta where it has delta.

    (onnx.ai/onnx/operators, LinearAttention)
    """
    operands = (query, key, value, past_state, decay, beta)
    names = [name for name, operand in zip("qkvsgb", operands, strict=True) if operand is not None]
    width = _width(query, q_num_heads)
    attention = _Attention(
        kv_num_heads,
        q_num_heads // kv_num_heads,
        scale or 1 / sqrt(width),
        decays_by_key=decay is not None and decay.shape[-1] == kv_num_heads * width != kv_num_heads,
        has_one_beta=beta is not None and beta.shape[-1] == 1,
    )
    dtypes = (query.dtype, query.dtype if past_state is None else past_state.dtype)

    def build(k: Recorder, *refs: Ref) -> tuple[Ref, ...]:
        casts = (k.op("cast", ref, dtype="float32") for ref in refs)
        results = attention.results(k, dict(zip(names, casts, strict=True)))
        pairs = zip(results, dtypes, strict=True)
        return tuple(k.op("cast", result, dtype=dtype) for result, dtype in pairs)

    layouts = [None if operand is None else Layout.identity(operand.shape) for operand in operands]
    return Candidate(tuple(layouts), tuple(map(Layout.identity, node.shapes)), build)


def _width(x: Operand, heads: int) -> int:
    size: Size = x.shape[-1]
    if not isinstance(size, int) or size % heads:
        raise UnsupportedError(
            f"'{x.name}' cannot be divided among {heads} heads", received=x.shape
        )
    return size // heads


@dataclass(frozen=True)
class _Attention:
    """Tensors are named by the letters of the formula, and have heads in an axis: n h t d.

    `groups` are the heads of q for each head of k and v. `decays_by_key` says whether each element
    of a key decays by a number of its own, `has_one_beta` whether all heads share one.
    """

    heads: int
    groups: int
    scale: float
    decays_by_key: bool
    has_one_beta: bool

    def results(self, k: Recorder, x: Mapping[str, Ref]) -> tuple[Ref, Ref]:
        """o: n t (h v), and the last state: n h k v"""
        x = {name: ref if name == "s" else self._apart(k, name, ref) for name, ref in x.items()}
        if "g" in x:  # the logarithm of what the state has decayed by, up to each step
            x["g"] = k.op("cumsum", x["g"], axis=2)
        u = self._corrected(k, x) if "b" in x else x["v"]
        of_q = {name: self._repeated(k, x[name]) for name in "kgs" if name in x}
        of_q["q"] = k.op("multiply", x["q"], self.scale)
        o = k.op("matmul", self._reads(k, of_q, "q", "less"), self._repeated(k, u))
        if "s" in x:
            o = k.op("add", o, self._of_past(k, of_q, "q"))
        heads = self.heads * self.groups
        concatenated = k.op(
            "concatenate", list(k.ops("unstack", o, heads, axis=1, outputs=heads)), axis=-1
        )
        return concatenated, self._last_state(k, x, u)

    def _apart(self, k: Recorder, name: str, x: Ref) -> Ref:
        heads = self.heads * (self.groups if name == "q" else 1)
        heads = 1 if name == "b" and self.has_one_beta else heads
        return k.op("stack", list(k.ops("split", x, heads, axis=-1, outputs=heads)), axis=1)

    def _repeated(self, k: Recorder, x: Ref) -> Ref:
        return x if self.groups == 1 else k.op("repeat", x, self.groups, axis=1)

    def _corrected(self, k: Recorder, x: Mapping[str, Ref]) -> Ref:
        """u_t + beta_t · Σ reads_ts · u_s over s < t is beta_t · (v_t - Sᵀk_t), solved for u"""
        reads = k.op("multiply", x["b"], self._reads(k, x, "k", "less_equal"))
        diagonal = k.op("equal", arange_like(k, reads, 2), arange_like(k, reads, 3))
        system = k.op("where", diagonal, 1.0, reads)
        v = k.op("subtract", x["v"], self._of_past(k, x, "k")) if "s" in x else x["v"]
        return k.op("solve_triangular", system, k.op("multiply", x["b"], v), lower=True)

    def _reads(self, k: Recorder, x: Mapping[str, Ref], reader: str, comparison: str) -> Ref:
        """How much of what step s wrote is read at step t: n h t s; nothing if s is later."""

        def unless_later(values: Ref, otherwise: float) -> Ref:
            later = k.op(comparison, arange_like(k, values, 2), arange_like(k, values, 3))
            return k.op("where", later, otherwise, values)

        if "g" not in x:
            return unless_later(k.op("matmul", x[reader], _transposed(k, x["k"])), 0.0)
        at_t, at_s = k.op("expand_dims", x["g"], axis=3), k.op("expand_dims", x["g"], axis=2)
        left = k.op("exp", unless_later(k.op("subtract", at_t, at_s), _NOTHING))
        if not self.decays_by_key:
            product = k.op("matmul", x[reader], _transposed(k, x["k"]))
            return k.op("multiply", product, k.op("squeeze", left, axis=-1))
        readers, keys = k.op("expand_dims", x[reader], axis=3), k.op("expand_dims", x["k"], axis=2)
        return k.op("sum", k.op("multiply", k.op("multiply", readers, keys), left), axis=-1)

    def _of_past(self, k: Recorder, x: Mapping[str, Ref], reader: str) -> Ref:
        """What each step reads of the state before the first one."""
        readers = x[reader] if "g" not in x else k.op("multiply", x[reader], k.op("exp", x["g"]))
        return k.op("matmul", readers, x["s"])

    def _last_state(self, k: Recorder, x: Mapping[str, Ref], u: Ref) -> Ref:
        keys, state = x["k"], x.get("s")
        if "g" in x:
            whole = (slice(None), slice(None))
            last = k.op("get_item", x["g"], (*whole, slice(-1, None)))
            keys = k.op("multiply", keys, k.op("exp", k.op("subtract", last, x["g"])))
            if state is not None:
                state = k.op("multiply", state, k.op("exp", _transposed(k, last)))
        written = k.op("matmul", _transposed(k, keys), u)
        return written if state is None else k.op("add", state, written)


def _transposed(k: Recorder, x: Ref) -> Ref:
    return k.op("transpose", x, axes=(0, 1, 3, 2))
