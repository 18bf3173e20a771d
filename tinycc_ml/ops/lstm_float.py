"""The LSTM in float32, operation by operation as TensorFlow Lite Micro's ``EvalLstm<float>``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array
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
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.base import Numbers, Workload, buffers_of
from tinycc_ml.ops.floats import FloatNumbers, limit, limited, running_product, tanh
from tinycc_ml.ops.logistic import float_logistic, logistic

_GATES = 4
_F32 = DType.FLOAT32


@dataclass(frozen=True, slots=True)
class FloatLstmNumbers(Numbers):
    """The limits of the cell state."""

    cell: FloatNumbers


def float_reference(
    n: FloatLstmNumbers, operands: Mapping[str, Array], axis: int
) -> tuple[Array, ...]:
    """The hidden states of all steps, then hidden and cell state after the last.

    Args:
        n: The literals.
        operands: By role; weights and biases of the gates input, forget, cell, output.
        axis: Which dimension of the input is time.
    """
    hidden, cell = operands["hidden"], operands["cell"]
    outputs = []
    for x in np.moveaxis(operands["input"], axis, 0):
        gates = [
            (running_product(x, operands["weight"][gate]) + operands["bias"][gate])
            + running_product(hidden, operands["recurrent"][gate])
            for gate in range(_GATES)
        ]
        added = float_logistic(gates[0]) * tanh(gates[2])
        cell = limit(float_logistic(gates[1]) * cell + added, n.cell)
        hidden = tanh(cell) * float_logistic(gates[3])
        outputs.append(hidden)
    return np.moveaxis(np.stack(outputs), 0, axis), hidden, cell


def lower_float_lstm(n: FloatLstmNumbers, workload: Workload, *, time_major: bool) -> LoopKernel:
    """The loop nest; its scratch holds the four gates' arguments of one step."""
    buffers = buffers_of(workload)
    size = workload.operand("output").shape[-1]
    gates = Buffer("gates", _F32, (_GATES, size), Role.SCRATCH)
    at: tuple[AffineLike, ...] = ("t", "batch") if time_major else ("batch", "t")
    order = list(zip(map(str, at), workload.operand("input").shape[:2], strict=True))
    body = b.nest(order, *_gate_loops(buffers, gates, at), *_state_loops(n, buffers, gates, at))
    return LoopKernel("lstm", (*buffers, gates), body)


def _gate_loops(
    buffers: tuple[Buffer, ...], gates: Buffer, at: tuple[AffineLike, ...]
) -> tuple[Stmt, ...]:
    x, weight, recurrent, bias, _, hidden, _ = buffers
    seen = b.mul(b.load(x, *at, "i"), b.load(weight, "gate", "unit", "i"))
    kept = b.mul(b.load(hidden, "batch", "j"), b.load(recurrent, "gate", "unit", "j"))
    total = b.add(b.add(Var("seen"), b.load(bias, "gate", "unit")), Var("kept"))
    return b.nest(
        [("gate", _GATES), ("unit", gates.shape[1])],
        Local("seen", _F32, b.number(0.0)),
        *b.nest([("i", x.shape[2])], Accumulate("seen", seen)),
        Local("kept", _F32, b.number(0.0)),
        *b.nest([("j", hidden.shape[1])], Accumulate("kept", kept)),
        b.store(gates, ("gate", "unit"), total),
    )


def _state_loops(
    n: FloatLstmNumbers, buffers: tuple[Buffer, ...], gates: Buffer, at: tuple[AffineLike, ...]
) -> tuple[Stmt, ...]:
    *_, y, hidden, cell = buffers
    admitted, forgotten, candidate, shown = (b.load(gates, gate, "s") for gate in range(_GATES))
    kept = b.mul(logistic(forgotten), b.load(cell, "batch", "s"))
    added = b.mul(logistic(admitted), _tanh_of(candidate))
    result = b.mul(_tanh_of(Var("renewed")), logistic(shown))
    return b.nest(
        [("s", gates.shape[1])],
        Local("renewed", _F32, limited(b.add(kept, added), n.cell)),
        b.store(cell, ("batch", "s"), Var("renewed")),
        Local("result", _F32, result),
        b.store(y, (*at, "s"), Var("result")),
        b.store(hidden, ("batch", "s"), Var("result")),
    )


def _tanh_of(x: Expr) -> Expr:
    return b.call("tanh", x)
