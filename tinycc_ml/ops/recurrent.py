"""LSTM, GRU and simple recurrent layer of ONNX, in float32, in one or both directions.

With ``W`` (D, G*H, I), ``R`` (D, G*H, H) and the halves ``b``, ``c`` of the bias (D, 2*G*H), G
gates of H units in each of D directions, ``x`` being a step of the sequence and ``h`` the hidden
state:

    rnn   h = f(W x + R h + b + c)
    gru   z, r = logistic(W x + R h + b + c)
          n = tanh(W x + R (r * h) + b + c), or tanh(W x + r * (R h + c) + b)
          h = (1 - z) * n + z * h
    lstm  i, o, f, n = W x + R h + b + c
          s = logistic(f + p_f * s) * s + logistic(i + p_i * s) * tanh(n)
          h = logistic(o + p_o * s) * tanh(s)

Source: ONNX operators LSTM, GRU and RNN. States are inputs and outputs: nothing outlives an
inference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import LoopKernel
from tinycc_ml.ops.access import Access, Whole
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload
from tinycc_ml.ops.floats import FloatNumbers, exp, float_problem, limit, running_product, tanh
from tinycc_ml.ops.recurrent_loops import lower_recurrent
from tinycc_ml.ops.registry import register

#: Gates by kind.
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
_ONE = np.float32(1)


@dataclass(frozen=True, slots=True)
class RecurrentAttrs(OpAttrs):
    """What is computed.

    Attributes:
        kind: ``lstm``, ``gru`` or ``rnn``.
        reverse: For each direction whether it begins with the last step.
        batch_first: Sequences are (B, T, I) and states (B, D, H), else (T, B, I) and (D, B, H).
        activation: ``tanh``, ``relu`` or ``logistic``; only of `rnn`.
        clip: The largest magnitude of what the functions are given; 0 for no limit.
        linear_before_reset: The second formula for ``n`` of `gru`.
        has_peepholes: Whether a last input (D, 3*H) has ``p_i``, ``p_o``, ``p_f``.
    """

    kind: str
    reverse: tuple[bool, ...] = (False,)
    batch_first: bool = False
    activation: str = "tanh"
    clip: float = 0.0
    linear_before_reset: bool = False
    has_peepholes: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        """The inputs, in their order."""
        cell = ("cell0",) if self.kind == "lstm" else ()
        peepholes = ("peephole",) if self.has_peepholes else ()
        return ("input", "weight", "recurrent", "bias", "hidden0", *cell, *peepholes)


@register
class Recurrent(OpDef):
    """Inputs: sequence, W, R, bias, first hidden state, for `lstm` cell state and peepholes.

    Outputs: all hidden states (T, D, B, H) or (B, T, D, H), the last one, the last cell state.
    """

    name = "recurrent"
    attrs_type = RecurrentAttrs
    summary = "LSTM, GRU and simple recurrent layer of ONNX, one or both directions"
    dtypes = ("float32",)

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a = cast(RecurrentAttrs, attrs)
        x, w, r = (t.shape for t in inputs[:3])
        if len(x) != 3 or len(w) != 3 or len(r) != 3 or len(inputs) != len(a.roles):
            raise UnsupportedError(f"input {x}, weights {w} and {r}: expected 3 dimensions each")
        (time, batch), size, directions = (x[1::-1] if a.batch_first else x[:2]), r[2], w[0]
        rows = GATES[a.kind] * size
        state = (batch, directions, size) if a.batch_first else (directions, batch, size)
        expected = {
            "weight": (directions, rows, x[2]),
            "recurrent": (directions, rows, size),
            "bias": (directions, 2 * rows),
            "hidden0": state,
            "cell0": state,
            "peephole": (directions, 3 * size),
        }
        for role, type_ in zip(a.roles[1:], inputs[1:], strict=True):
            if type_.shape != expected[role]:
                raise UnsupportedError(f"{role} {type_.shape}; expected {expected[role]}")
        if directions != len(a.reverse):
            raise UnsupportedError(f"{directions} directions; expected {len(a.reverse)}")
        whole = (
            (batch, time, directions, size) if a.batch_first else (time, directions, batch, size)
        )
        return (whole, state, state) if a.kind == "lstm" else (whole, state)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        return float_problem(bound)

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        a = cast(RecurrentAttrs, bound.attrs)
        numbers = FloatNumbers(-a.clip, a.clip) if a.clip > 0 else FloatNumbers()
        return Integers(numbers, tuple((role, i) for i, role in enumerate(a.roles)))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, n = cast(RecurrentAttrs, workload.attrs), cast(FloatNumbers, workload.numbers)
        x = operands["input"].swapaxes(0, 1) if a.batch_first else operands["input"]
        sequences, hidden, cells = [], [], []
        for direction, reverse in enumerate(a.reverse):
            one = _Direction(a, n, operands, direction)
            outputs = [one.step(each) for each in (x[::-1] if reverse else x)]
            sequences.append(np.stack(outputs[::-1] if reverse else outputs))
            hidden.append(one.hidden)
            cells.append(one.cell)
        axis = 1 if a.batch_first else 0
        whole = np.stack(sequences, axis=1)  # (T, D, B, H)
        results = [np.ascontiguousarray(whole.transpose(2, 0, 1, 3) if a.batch_first else whole)]
        results.append(np.stack(hidden, axis=axis))
        if a.kind == "lstm":
            results.append(np.stack(cells, axis=axis))
        return tuple(results)

    def macs(self, workload: Workload) -> int:
        """See the base class."""
        steps = workload.operand("input").shape[0] * workload.operand("input").shape[1]
        weights = workload.operand("weight").elements + workload.operand("recurrent").elements
        return steps * weights

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        reads = tuple((role, Whole()) for role, _ in workload.inputs)
        return Access(workload.operand("output0").elements, reads)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a, n = cast(RecurrentAttrs, workload.attrs), cast(FloatNumbers, workload.numbers)
        return lower_recurrent(a, n, workload)


class _Direction:
    """One direction while its sequence runs."""

    def __init__(
        self, a: RecurrentAttrs, n: FloatNumbers, operands: Mapping[str, Array], direction: int
    ) -> None:
        def state(role: str) -> Array:
            array = operands[role]
            return array[:, direction] if a.batch_first else array[direction]

        self.a, self.n = a, n
        self.size = operands["recurrent"].shape[2]
        self.weight, self.recurrent = (
            operands["weight"][direction],
            operands["recurrent"][direction],
        )
        self.bias = operands["bias"][direction].reshape(2, GATES[a.kind], self.size)
        self.hidden = state("hidden0")
        self.cell = state("cell0") if a.kind == "lstm" else self.hidden
        self.peephole = np.zeros((3, self.size), np.float32)
        if a.has_peepholes:
            self.peephole = operands["peephole"][direction].reshape(3, self.size)

    def step(self, x: Array) -> Array:
        """The hidden state after one more step, (B, H)."""
        self.hidden = {"rnn": self._rnn, "gru": self._gru, "lstm": self._lstm}[self.a.kind](x)
        return self.hidden

    def _sum(self, x: Array, hidden: Array, gate: int) -> Array:
        rows = slice(gate * self.size, (gate + 1) * self.size)
        both = np.concatenate([self.weight[rows], self.recurrent[rows]], axis=1)
        acc = running_product(np.concatenate([x, hidden], axis=1), both)
        total: Array = (acc + self.bias[0, gate]) + self.bias[1, gate]
        return total

    def _rnn(self, x: Array) -> Array:
        total = limit(self._sum(x, self.hidden, 0), self.n)
        return {"tanh": tanh, "logistic": _logistic, "relu": _relu}[self.a.activation](total)

    def _gru(self, x: Array) -> Array:
        z, r = (_logistic(limit(self._sum(x, self.hidden, gate), self.n)) for gate in (0, 1))
        if self.a.linear_before_reset:
            rows = slice(2 * self.size, 3 * self.size)
            seen = running_product(x, self.weight[rows]) + self.bias[0, 2]
            kept = running_product(self.hidden, self.recurrent[rows]) + self.bias[1, 2]
            total = seen + r * kept
        else:
            total = self._sum(x, r * self.hidden, 2)
        candidate = tanh(limit(total, self.n))
        hidden: Array = (_ONE - z) * candidate + z * self.hidden
        return hidden

    def _lstm(self, x: Array) -> Array:
        i, o, f, candidate = (self._sum(x, self.hidden, gate) for gate in range(4))
        if self.a.has_peepholes:
            i, f = i + self.peephole[0] * self.cell, f + self.peephole[2] * self.cell
        i, f, candidate = (limit(each, self.n) for each in (i, f, candidate))
        self.cell = _logistic(f) * self.cell + _logistic(i) * tanh(candidate)
        if self.a.has_peepholes:
            o = o + self.peephole[1] * self.cell
        return _logistic(limit(o, self.n)) * tanh(self.cell)


def _logistic(x: Array) -> Array:
    result: Array = _ONE / (_ONE + exp(-x))
    return result


def _relu(x: Array) -> Array:
    return np.maximum(x, np.float32(0))
