"""The loops of the integer GRU: a step computes all gates, then renews the state."""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import (
    Accumulate,
    AffineLike,
    Buffer,
    Expr,
    Local,
    LoopKernel,
    Role,
    Stmt,
    Var,
    affine,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.base import Workload, buffers_of
from tinycc_ml.ops.gates import LOGISTIC, TANH, gate_value
from tinycc_ml.ops.int8_checks import INT8_MAX, INT8_MIN

_LOW, _HIGH = DType.INT16.min, DType.INT16.max
_CANDIDATE, _KEPT = 2, 3


def lower_gru(
    workload: Workload,
    zero_point: int,
    first: tuple[int, int],
    hidden_scale: tuple[int, int],
    *,
    batch_first: bool,
    reverse: bool,
) -> LoopKernel:
    """The loop nest; scratch holds a step's arguments, and the state in int16 and int8."""
    buffers = {buffer.name: buffer for buffer in buffers_of(workload)}
    batch, size = buffers["hidden0"].shape
    gates = Buffer("gates", DType.INT16, (4, size), Role.SCRATCH)
    state = Buffer("state", DType.INT16, (batch, size), Role.SCRATCH)
    hidden = Buffer("hidden", DType.INT8, (batch, size), Role.SCRATCH)
    steps = buffers["input"].shape[1 if batch_first else 0]
    time = (steps - 1) + affine("t") * -1 if reverse else affine("t")
    at: tuple[AffineLike, AffineLike] = ("batch", time) if batch_first else (time, "batch")
    start = b.load(buffers["hidden0"], "row", "s0")
    widened = b.call("requantize", b.sub(start, zero_point), *first)
    begin = b.nest(
        [("row", batch), ("s0", size)],
        b.store(hidden, ("row", "s0"), start),
        b.store(state, ("row", "s0"), b.clamp(widened, _LOW, _HIGH)),
    )
    candidate, kept = _arguments(buffers, _CANDIDATE, "u")
    both = _arguments(buffers, "gate", "unit")
    body = b.nest(
        [("t", steps), ("batch", batch)],
        *b.nest(
            [("gate", 2), ("unit", size)],
            *_sums(buffers, hidden, at, "gate", "unit"),
            b.store(gates, ("gate", "unit"), b.clamp(b.add(*both), _LOW, _HIGH)),
        ),
        *b.nest(
            [("u", size)],
            *_sums(buffers, hidden, at, _CANDIDATE, "u"),
            b.store(gates, (_CANDIDATE, "u"), candidate),
            b.store(gates, (_KEPT, "u"), kept),
        ),
        *_renewed(buffers, (gates, state, hidden), at, zero_point, hidden_scale),
    )
    return LoopKernel("gru", (*buffers.values(), gates, state, hidden), (*begin, *body))


def _sums(
    buffers: dict[str, Buffer],
    hidden: Buffer,
    at: tuple[AffineLike, AffineLike],
    gate: AffineLike,
    unit: str,
) -> tuple[Stmt, ...]:
    """The locals ``<unit>_seen`` and ``<unit>_kept``: a unit's sums, with their biases."""
    x, weight, recurrent = (buffers[role] for role in ("input", "weight", "recurrent"))
    i, j = f"{unit}_i", f"{unit}_j"
    seen = b.mul(b.load(x, *at, i), b.load(weight, gate, unit, i))
    kept = b.mul(b.load(hidden, "batch", j), b.load(recurrent, gate, unit, j))
    return (
        Local(f"{unit}_seen", DType.INT32, b.load(buffers["bias"], gate, unit)),
        *b.nest([(i, x.shape[2])], Accumulate(f"{unit}_seen", seen)),
        Local(f"{unit}_kept", DType.INT32, b.load(buffers["recurrent_bias"], gate, unit)),
        *b.nest([(j, hidden.shape[1])], Accumulate(f"{unit}_kept", kept)),
    )


def _arguments(buffers: dict[str, Buffer], gate: AffineLike, unit: str) -> tuple[Expr, Expr]:
    """Both sums as int16 with 12 fractional bits."""

    def requantized(acc: str, number: int) -> Expr:
        scale = (b.load(buffers[role], number, gate, unit) for role in ("multiplier", "shift"))
        return b.clamp(b.call("requantize", Var(acc), *scale), _LOW, _HIGH)

    return requantized(f"{unit}_seen", 0), requantized(f"{unit}_kept", 1)


def _renewed(
    buffers: dict[str, Buffer],
    scratch: tuple[Buffer, Buffer, Buffer],
    at: tuple[AffineLike, AffineLike],
    zero_point: int,
    hidden_scale: tuple[int, int],
) -> tuple[Stmt, ...]:
    """What becomes of the state, unit by unit."""
    gates, state, hidden = scratch
    table, y = buffers["table"], buffers["output"]
    reset = _rounded(b.mul(gate_value("reset_x3", table, LOGISTIC), b.load(gates, _KEPT, "s")))
    argument = b.clamp(b.add(b.load(gates, _CANDIDATE, "s"), reset), _LOW, _HIGH)
    fresh = b.mul(b.sub(1 << 15, Var("z")), gate_value("candidate_x3", table, TANH))
    total = b.add(fresh, b.mul(Var("z"), b.load(state, "batch", "s")))
    scaled = b.add(b.call("requantize", Var("renewed"), *hidden_scale), zero_point)
    return b.nest(
        [("s", gates.shape[1])],
        Local("update_x3", DType.INT32, b.mul(b.load(gates, 0, "s"), 3)),
        Local("reset_x3", DType.INT32, b.mul(b.load(gates, 1, "s"), 3)),
        Local("candidate_x3", DType.INT32, b.mul(argument, 3)),
        Local("z", DType.INT32, gate_value("update_x3", table, LOGISTIC)),
        Local("renewed", DType.INT32, b.clamp(_rounded(total), _LOW, _HIGH)),
        b.store(state, ("batch", "s"), Var("renewed")),
        Local("result", DType.INT32, b.clamp(scaled, INT8_MIN, INT8_MAX)),
        b.store(hidden, ("batch", "s"), Var("result")),
        b.store(y, (*at, "s"), Var("result")),
    )


def _rounded(product: Expr) -> Expr:
    """Without 15 fractional bits."""
    return b.call("shift_right", b.add(product, 1 << 14), 15)
