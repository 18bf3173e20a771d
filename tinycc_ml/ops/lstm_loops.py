"""The loops of the integer LSTM: a step computes all gates, then renews cell and hidden state."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

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

if TYPE_CHECKING:  # lstm.py imports this module
    from tinycc_ml.ops.lstm import LstmNumbers

_GATES = 4
_LOW, _HIGH = DType.INT16.min, DType.INT16.max


def lower_lstm(workload: Workload, *, time_major: bool) -> LoopKernel:
    """The loop nest; its scratch holds the four gates' arguments of one step."""
    n = cast("LstmNumbers", workload.numbers)
    buffers = buffers_of(workload)
    size = workload.operand("output").shape[-1]
    gates = Buffer("gates", DType.INT16, (_GATES, size), Role.SCRATCH)
    at: tuple[AffineLike, ...] = ("t", "batch") if time_major else ("batch", "t")
    order = list(zip(map(str, at), workload.operand("input").shape[:2], strict=True))
    body = b.nest(order, *_gate_loops(buffers, gates, at), *_state_loops(n, buffers, gates, at))
    return LoopKernel("lstm", (*buffers, gates), body)


def _gate_loops(
    buffers: tuple[Buffer, ...], gates: Buffer, at: tuple[AffineLike, ...]
) -> tuple[Stmt, ...]:
    """``saturate(requantize(W x + bias) + requantize(R h))`` for all units of all gates."""
    x, weight, recurrent, bias, recurrent_bias, multiplier, shift, _, _, hidden, _ = buffers

    def requantized(acc: str, first: int) -> Expr:
        row = b.load(multiplier, _row(first)), b.load(shift, _row(first))
        return b.clamp(b.call("requantize", Var(acc), *row), _LOW, _HIGH)

    seen = b.mul(b.load(x, *at, "i"), b.load(weight, "gate", "unit", "i"))
    kept = b.mul(b.load(hidden, "batch", "j"), b.load(recurrent, "gate", "unit", "j"))
    total = b.add(requantized("seen", 0), requantized("kept", _GATES))
    return b.nest(
        [("gate", _GATES), ("unit", gates.shape[1])],
        Local("seen", DType.INT32, b.load(bias, "gate", "unit")),
        *b.nest([("i", x.shape[2])], Accumulate("seen", seen)),
        Local("kept", DType.INT32, b.load(recurrent_bias, "gate", "unit")),
        *b.nest([("j", hidden.shape[1])], Accumulate("kept", kept)),
        b.store(gates, ("gate", "unit"), b.clamp(total, _LOW, _HIGH)),
    )


def _state_loops(
    n: LstmNumbers, buffers: tuple[Buffer, ...], gates: Buffer, at: tuple[AffineLike, ...]
) -> tuple[Stmt, ...]:
    """What becomes of cell and hidden state, unit by unit."""
    *_, table, y, hidden, cell = buffers
    names = ("input", "forget", "cell", "output")
    arguments = [
        Local(f"{name}_x3", DType.INT32, b.mul(b.load(gates, i, "s"), 3))
        for i, name in enumerate(names)
    ]
    kept = b.mul(_logistic("forget_x3", table), b.load(cell, "batch", "s"))
    added = b.mul(_logistic("input_x3", table), _tanh("cell_x3", table))
    total = b.add(_scaled(kept, n.forget, _LOW, _HIGH), _scaled(added, n.input, _LOW, _HIGH))
    result = b.mul(_tanh("renewed_x3", table), _logistic("output_x3", table))
    scaled = b.add(b.call("requantize", result, *n.hidden), n.hidden_zero_point)
    return b.nest(
        [("s", gates.shape[1])],
        *arguments,
        Local("renewed", DType.INT32, b.clamp(total, *n.cell_limits)),
        b.store(cell, ("batch", "s"), Var("renewed")),
        Local("renewed_x3", DType.INT32, _tripled(Var("renewed"), n.cell_fraction_bits)),
        Local("result", DType.INT32, b.clamp(scaled, INT8_MIN, INT8_MAX)),
        b.store(y, (*at, "s"), Var("result")),
        b.store(hidden, ("batch", "s"), Var("result")),
    )


def _row(first: int) -> AffineLike:
    return affine("gate") + first


def _scaled(product: Expr, scale: tuple[int, int], low: int, high: int) -> Expr:
    return b.clamp(b.call("requantize", product, *scale), low, high)


def _tripled(x: Expr, fraction_bits: int) -> Expr:
    shift = 12 - fraction_bits
    if shift >= 0:
        return b.mul(x, 3 << shift)
    return b.call("shift_right", b.add(b.mul(x, 3), 1 << (-shift - 1)), -shift)


def _logistic(argument: str, table: Buffer) -> Expr:
    return gate_value(argument, table, LOGISTIC)


def _tanh(argument: str, table: Buffer) -> Expr:
    return gate_value(argument, table, TANH)
