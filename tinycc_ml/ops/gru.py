"""Gated recurrent unit over a sequence in int8, with a state of int16.

With the gates ``z``, ``r`` and ``n``, each of which has weights ``W`` (S, I), recurrent weights
``R`` (S, S) and a bias for both, and the hidden state ``h`` that the step before has left:

    z, r = logistic(W x[t] + b + R h + c)
    n = tanh(W x[t] + b + r * (R h + c))
    h = output[t] = (1 - z) * n + z * h

Source: ONNX GRU with linear_before_reset. No library defines it in integers; here it is done as
TensorFlow Lite Micro does an LSTM: ``W x + b`` and ``R h + c`` are each requantized to int16 with
12 fractional bits and added with saturation; what the functions return has 15, and so has the
state, so that updates much smaller than a step of int8 add up. Only ``R h`` and the output take it
in int8. ``r * (R h + c)`` and the new state are rounded to nearest, ties upward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, Constant, OpAttrs, TensorType
from tinycc_ml.loopir import LoopKernel
from tinycc_ml.numerics import (
    GATE_TABLE,
    logistic_q15,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    tanh_q15,
)
from tinycc_ml.ops.access import Access, Whole
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.gru_loops import lower_gru
from tinycc_ml.ops.int8_checks import (
    INT8_MAX,
    INT8_MIN,
    int8_problem,
    scale_problem,
    sum_bounds,
    sum_problem,
)
from tinycc_ml.ops.quantized import bounded_multiplier, integers_problem
from tinycc_ml.ops.registry import register

GATES = 3
_INPUT, _HIDDEN = 0, 5
#: (weight, what it multiplies, bias) by position.
_SUMS = ((1, _INPUT, 3), (2, _HIDDEN, 4))
_INT16 = DType.INT16
_ARGUMENT_SCALE, _STATE_SCALE = 2.0**-12, 2.0**-15


@dataclass(frozen=True, slots=True)
class GruAttrs(OpAttrs):
    """The sequence is (T, B, I), or (B, T, I) if `batch_first`; `reverse`: its end comes first."""

    batch_first: bool = False
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class GruNumbers(Numbers):
    """The literals.

    Attributes:
        zero_point: Of the hidden state in int8.
        first: Multiplier and shift from the first hidden state to the state.
        hidden: ... from the state to the hidden state.
    """

    zero_point: int
    first: tuple[int, int]
    hidden: tuple[int, int]


@register
class Gru(OpDef):
    """Inputs: sequence, W (3*S, I), R (3*S, S), their biases (3*S,), first hidden state (B, S).

    Output: the hidden states of all steps, quantized as the first one.
    """

    name = "gru"
    attrs_type = GruAttrs
    summary = "GRU over a sequence in int8, with int16 state"
    dtypes = ("int8",)

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        x, *given = (type_.shape for type_ in inputs)
        size = given[1][-1] if given[1] else 0
        if len(x) != 3:
            raise UnsupportedError(f"input {x}: expected a batch of sequences")
        batch = x[0 if cast(GruAttrs, attrs).batch_first else 1]
        rows = GATES * size
        expected = [(rows, x[2]), (rows, size), (rows,), (rows,), (batch, size)]
        if given != expected:
            raise UnsupportedError(f"input {x} with {given}; expected {expected}")
        return ((*x[:2], size),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        return (
            _type_problem(bound)
            or integers_problem(self.integerize, bound)
            or next((p for sums in _SUMS if (p := _sums_problem(bound, *sums))), None)
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        hidden = bound.inputs[_HIDDEN].quant
        assert hidden  # checked by _type_problem
        numbers = GruNumbers(
            hidden.zero_point,
            bounded_multiplier(quantize_multiplier(hidden.scale / _STATE_SCALE), bits=9),
            bounded_multiplier(quantize_multiplier(_STATE_SCALE / hidden.scale), bits=16),
        )
        pairs = [pair for sums in _SUMS for pair in _multipliers(bound, *sums[:2])]
        size = bound.inputs[_HIDDEN].shape[1]
        multiplier, shift = (
            np.array(each).reshape(2, GATES, size) for each in zip(*pairs, strict=True)
        )
        return Integers(
            numbers,
            (("input", _INPUT), ("hidden0", _HIDDEN)),
            (
                ("weight", _by_gate(bound, 1)),
                ("recurrent", _by_gate(bound, 2)),
                ("bias", _folded(bound, 0, size)),
                ("recurrent_bias", _folded(bound, 1, size)),
                ("multiplier", Constant(multiplier.astype(np.int32))),
                ("shift", Constant(shift.astype(np.int8))),
                ("table", Constant(GATE_TABLE)),
            ),
        )

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, n = cast(GruAttrs, workload.attrs), cast(GruNumbers, workload.numbers)
        axis = 1 if a.batch_first else 0
        steps = np.moveaxis(operands["input"], axis, 0).astype(np.int64)
        hidden = operands["hidden0"].astype(np.int64)
        state = _saturated(multiply_by_quantized_multiplier(hidden - n.zero_point, *n.first))
        outputs = []
        for x in steps[::-1] if a.reverse else steps:
            seen, kept = (
                _arguments(operands, number, source) for number, source in enumerate((x, hidden))
            )
            z, r = (logistic_q15(3 * _saturated(seen[i] + kept[i])) for i in (0, 1))
            candidate = tanh_q15(3 * _saturated(seen[2] + _rounded(r * kept[2])))
            state = _saturated(_rounded(((1 << 15) - z) * candidate + z * state))
            scaled = multiply_by_quantized_multiplier(state, *n.hidden) + n.zero_point
            hidden = np.clip(scaled, INT8_MIN, INT8_MAX)
            outputs.append(hidden)
        sequence = np.stack(outputs[::-1] if a.reverse else outputs)
        return (np.ascontiguousarray(np.moveaxis(sequence, 0, axis).astype(np.int8)),)

    def macs(self, workload: Workload) -> int:
        """See the base class."""
        steps = workload.operand("input").shape[0] * workload.operand("input").shape[1]
        weights = workload.operand("weight").elements + workload.operand("recurrent").elements
        return steps * weights

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        elements = workload.operand("output").elements
        return Access(elements, (("input", Whole()), ("hidden0", Whole())))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a, n = cast(GruAttrs, workload.attrs), cast(GruNumbers, workload.numbers)
        literals = n.zero_point, n.first, n.hidden
        return lower_gru(workload, *literals, batch_first=a.batch_first, reverse=a.reverse)


def _arguments(operands: Mapping[str, Array], number: int, source: Array) -> Array:
    """``W x + b`` or ``R h + c``: (3, B, S), int16 with 12 fractional bits."""
    weight, bias = (("weight", "bias"), ("recurrent", "recurrent_bias"))[number]
    sums = np.einsum("bi,gsi->gbs", source, operands[weight].astype(np.int64))
    multiplier, shift = (
        operands[role][number].astype(np.int64)[:, np.newaxis] for role in ("multiplier", "shift")
    )
    sums += operands[bias][:, np.newaxis]
    return _saturated(multiply_by_quantized_multiplier(sums, multiplier, shift))


def _rounded(product: Array) -> Array:
    """Without 15 fractional bits."""
    result: Array = (product + (1 << 14)) >> 15
    return result


def _saturated(values: Array) -> Array:
    return np.clip(values, _INT16.min, _INT16.max)


def _type_problem(bound: BoundNode) -> str | None:
    x, hidden, y = bound.inputs[_INPUT], bound.inputs[_HIDDEN], bound.outputs[0]
    for role, type_ in (("input", x), ("first hidden state", hidden), ("output", y)):
        problem = int8_problem(role, type_)
        if problem:
            return problem
    if hidden.quant != y.quant:
        return f"the first hidden state is {hidden} but the output {y}; allowed are equal scales"
    for position, _, bias in _SUMS:
        w = bound.inputs[position]
        if bound.constants[position] is None or bound.constants[bias] is None:
            return "weight or bias is computed at run time; both must be constants"
        if w.dtype is not DType.INT8 or bound.inputs[bias].dtype is not DType.INT32:
            return f"weight is {w}, bias {bound.inputs[bias]}; allowed int8 and int32"
        if w.quant is None or any(w.quant.zero_points) or w.quant.axis not in (None, 0):
            return f"weight is {w}; it must have zero point 0, and a scale or one per row"
        problem = scale_problem("weight", w.quant)
        if problem:
            return problem
    return None


def _multipliers(bound: BoundNode, weight: int, source: int) -> list[tuple[int, int]]:
    """Multiplier and shift of each row's sum."""
    w, x = bound.inputs[weight], bound.inputs[source].quant
    assert w.quant and x  # checked by _type_problem
    scales = w.quant.scales * (w.shape[0] // len(w.quant.scales))
    return [quantize_multiplier(x.scale * scale / _ARGUMENT_SCALE) for scale in scales]


def _array(bound: BoundNode, position: int) -> Array:
    constant = bound.constants[position]
    assert constant  # checked by _type_problem
    return constant.array


def _by_gate(bound: BoundNode, position: int) -> Constant:
    array = _array(bound, position)
    return Constant(array.reshape(GATES, -1, array.shape[1]))


def _exact_bias(bound: BoundNode, weight: int, source: int, bias: int) -> Array:
    """Per row, the bias less what the zero point of the source adds."""
    quant = bound.inputs[source].quant
    assert quant  # checked by _type_problem
    sums = _array(bound, weight).astype(np.int64).sum(axis=1)
    folded: Array = _array(bound, bias).astype(np.int64) - quant.zero_point * sums
    return folded


def _folded(bound: BoundNode, number: int, size: int) -> Constant:
    folded = _exact_bias(bound, *_SUMS[number])
    return Constant(folded.astype(np.int32).reshape(GATES, size))


def _sums_problem(bound: BoundNode, weight: int, source: int, bias: int) -> str | None:
    w = _array(bound, weight).astype(np.int64)
    low, high = sum_bounds(w, 1, _exact_bias(bound, weight, source, bias))
    shift = np.array([s for _, s in _multipliers(bound, weight, source)])
    return sum_problem(low, high, shift, 0)
