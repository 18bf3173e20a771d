"""Long short-term memory over a sequence, as Keras defines it.

With the gates ``input``, ``forget``, ``cell`` and ``output``, each of which has weights ``W``
(S, I), recurrent weights ``R`` (S, S) and a bias, and ``h`` (hidden state) and ``c`` (cell state)
being what the step before, or the inference before, has left:

    gate = W x[t] + bias + R h
    c = logistic(forget) * c + logistic(input) * tanh(cell)
    h = output[t] = logistic(output) * tanh(c)

Source: TensorFlow Lite UNIDIRECTIONAL_SEQUENCE_LSTM without peepholes, projection and layer
normalization; integers as in TensorFlow Lite Micro's ``lstm_eval.h``: ``W x + bias`` and ``R h``
are each requantized to int16 with 12 fractional bits and added with saturation; what the functions
return has 15.
"""

from __future__ import annotations

import math
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
    tripled_argument,
)
from tinycc_ml.ops.access import Access, Window
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.floats import FloatNumbers, float_problem, is_float
from tinycc_ml.ops.int8_checks import (
    INT8_MAX,
    INT8_MIN,
    int8_problem,
    scale_problem,
    sum_bounds,
    sum_problem,
)
from tinycc_ml.ops.lstm_float import FloatLstmNumbers, float_reference, lower_float_lstm
from tinycc_ml.ops.lstm_loops import lower_lstm
from tinycc_ml.ops.quantized import bounded_multiplier, integers_problem
from tinycc_ml.ops.registry import register

#: Positions among the node's inputs; the gates come in the order input, forget, cell, output.
_WEIGHTS, _RECURRENT, _BIASES, _HIDDEN, _CELL = range(1, 5), range(5, 9), range(9, 13), 13, 14
_GATES = 4
_INT16 = DType.INT16
#: Scales of what goes into the functions and of what comes out.
_ARGUMENT_SCALE, _RESULT_SCALE = 2.0**-12, 2.0**-15


@dataclass(frozen=True, slots=True)
class LstmAttrs(OpAttrs):
    """The sequence is (B, T, I), or (T, B, I) if `time_major`.

    `cell_clip`: the largest magnitude of the cell state; 0 for no limit.
    """

    time_major: bool = False
    cell_clip: float = 0.0


@dataclass(frozen=True, slots=True)
class LstmNumbers(Numbers):
    """The literals.

    Attributes:
        cell_fraction_bits: The cell state's scale is 2 to the power of minus so many.
        cell_limits: Its lowest and highest value.
        forget: Multiplier and shift of ``logistic(forget) * c``.
        input: ... of ``logistic(input) * tanh(cell)``.
        hidden: ... of ``logistic(output) * tanh(c)``.
        hidden_zero_point: Added to the latter.
    """

    cell_fraction_bits: int
    cell_limits: tuple[int, int]
    forget: tuple[int, int]
    input: tuple[int, int]
    hidden: tuple[int, int]
    hidden_zero_point: int


@register
class Lstm(OpDef):
    """See the module's docstring.

    Inputs: sequence, 4 weights, 4 recurrent weights, 4 biases, hidden state and cell state (B, S).
    Outputs: the hidden states of all steps, the next hidden and cell state.
    """

    name = "lstm"
    attrs_type = LstmAttrs
    summary = "LSTM over a sequence, with state (of int8: int16 cell state)"
    dtypes = ("int8", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        x, hidden, cell = (inputs[i].shape for i in (0, _HIDDEN, _CELL))
        batch = x[1 if cast(LstmAttrs, attrs).time_major else 0] if len(x) == 3 else 0
        size = inputs[_BIASES[0]].shape[-1] if inputs[_BIASES[0]].shape else 0
        expected = {
            "weights": (_WEIGHTS, (size, x[-1] if x else 0)),
            "recurrent weights": (_RECURRENT, (size, size)),
            "biases": (_BIASES, (size,)),
        }
        for what, (positions, shape) in expected.items():
            found = [inputs[i].shape for i in positions]
            if any(each != shape for each in found):
                raise UnsupportedError(f"{what} of shapes {found} with input {x}; expected {shape}")
        if len(x) != 3 or hidden != (batch, size) or cell != (batch, size):
            raise UnsupportedError(
                f"input {x}, states {hidden} and {cell}; expected a batch of sequences and "
                f"{(batch, size)}"
            )
        return ((*x[:2], size), hidden, cell)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound) or _constants_problem(bound)
        return (
            _type_problem(bound)
            or integers_problem(self.integerize, bound)
            or _sums_problem(bound, _WEIGHTS, 0, _BIASES)
            or _sums_problem(bound, _RECURRENT, _HIDDEN, None)
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        states = (("hidden", _HIDDEN, 1), ("cell", _CELL, 2))
        if is_float(bound):
            return Integers(
                _float_numbers(bound),
                (("input", 0),),
                (
                    ("weight", _stacked(bound, _WEIGHTS)),
                    ("recurrent", _stacked(bound, _RECURRENT)),
                    ("bias", _stacked(bound, _BIASES)),
                ),
                states,
            )
        scales = [
            _multiplier(bound, weight, source)
            for weights, source in ((_WEIGHTS, 0), (_RECURRENT, _HIDDEN))
            for weight in weights
        ]
        return Integers(
            _numbers(bound),
            (("input", 0),),
            (
                ("weight", _stacked(bound, _WEIGHTS)),
                ("recurrent", _stacked(bound, _RECURRENT)),
                ("bias", Constant(_folded(bound, _WEIGHTS, 0, _BIASES).astype(np.int32))),
                ("recurrent_bias", Constant(_folded(bound, _RECURRENT, _HIDDEN).astype(np.int32))),
                ("multiplier", Constant(np.array([m for m, _ in scales], np.int32))),
                ("shift", Constant(np.array([s for _, s in scales], np.int8))),
                ("table", Constant(GATE_TABLE)),
            ),
            states,
        )

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        n = workload.numbers
        axis = 0 if cast(LstmAttrs, workload.attrs).time_major else 1
        if isinstance(n, FloatLstmNumbers):
            return float_reference(n, operands, axis)
        n = cast(LstmNumbers, n)
        steps = np.moveaxis(operands["input"], axis, 0).astype(np.int64)
        hidden, cell = (operands[role].astype(np.int64) for role in ("hidden", "cell"))
        outputs = []
        for x in steps:
            gates = _gates(operands, x, hidden)
            cell = _next_cell(n, gates, cell)
            result = tanh_q15(tripled_argument(cell, n.cell_fraction_bits))
            scaled = multiply_by_quantized_multiplier(
                result * logistic_q15(3 * gates[3]), *n.hidden
            )
            hidden = np.clip(scaled + n.hidden_zero_point, INT8_MIN, INT8_MAX)
            outputs.append(hidden)
        sequence = np.moveaxis(np.stack(outputs), 0, axis)
        return sequence.astype(np.int8), hidden.astype(np.int8), cell.astype(np.int16)

    def macs(self, workload: Workload) -> int:
        """See the base class."""
        steps = workload.operand("input").shape[0] * workload.operand("input").shape[1]
        weights = workload.operand("weight").elements + workload.operand("recurrent").elements
        return steps * weights

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        # A step reads its whole input before it writes.
        steps, size = workload.operand("input").elements, workload.operand("output").shape[-1]
        width = workload.operand("input").shape[-1]
        window = Window((steps // width, 1, width), 1, (1, 1))
        return Access(size, (("input", window),), reads_first=True)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        n, time_major = workload.numbers, cast(LstmAttrs, workload.attrs).time_major
        if isinstance(n, FloatLstmNumbers):
            return lower_float_lstm(n, workload, time_major=time_major)
        return lower_lstm(workload, time_major=time_major)


def _gates(operands: Mapping[str, Array], x: Array, hidden: Array) -> Array:
    """The arguments of the four functions: (4, B, S), int16 with 12 fractional bits."""
    parts = []
    for number, (source, weight, bias) in enumerate(
        ((x, "weight", "bias"), (hidden, "recurrent", "recurrent_bias"))
    ):
        sums = np.einsum("bi,gsi->gbs", source, operands[weight].astype(np.int64))
        sums += operands[bias][:, np.newaxis]
        rows = slice(_GATES * number, _GATES * (number + 1))
        multiplier, shift = (
            operands[role][rows].astype(np.int64)[:, np.newaxis, np.newaxis]
            for role in ("multiplier", "shift")
        )
        parts.append(_saturated(multiply_by_quantized_multiplier(sums, multiplier, shift)))
    return _saturated(parts[0] + parts[1])


def _next_cell(n: LstmNumbers, gates: Array, cell: Array) -> Array:
    kept = logistic_q15(3 * gates[1]) * cell
    added = logistic_q15(3 * gates[0]) * tanh_q15(3 * gates[2])
    total = _saturated(multiply_by_quantized_multiplier(kept, *n.forget)) + _saturated(
        multiply_by_quantized_multiplier(added, *n.input)
    )
    limited: Array = np.clip(total, *n.cell_limits)
    return limited


def _saturated(values: Array) -> Array:
    return np.clip(values, _INT16.min, _INT16.max)


def _constants_problem(bound: BoundNode) -> str | None:
    positions = (*_WEIGHTS, *_RECURRENT, *_BIASES)
    computed = next((i for i in positions if bound.constants[i] is None), None)
    return None if computed is None else f"input {computed} is computed at run time"


def _float_numbers(bound: BoundNode) -> FloatLstmNumbers:
    clip = cast(LstmAttrs, bound.attrs).cell_clip
    return FloatLstmNumbers(FloatNumbers(-clip, clip) if clip > 0 else FloatNumbers())


def _type_problem(bound: BoundNode) -> str | None:
    x, hidden, cell = (bound.inputs[i] for i in (0, _HIDDEN, _CELL))
    named = (("input", x), ("output", bound.outputs[0]), ("hidden state", hidden))
    problem = next((p for p in (int8_problem(role, t) for role, t in named) if p), None)
    if problem:
        return problem
    for position in (*_WEIGHTS, *_RECURRENT, *_BIASES):
        type_, is_bias = bound.inputs[position], position in _BIASES
        allowed = DType.INT32 if is_bias else DType.INT8
        if type_.dtype is not allowed or bound.constants[position] is None:
            return f"input {position} is {type_.dtype.value}; allowed constant {allowed.value}"
        if is_bias:
            continue
        if type_.quant is None or len(type_.quant.scales) != 1 or type_.quant.zero_point:
            return f"input {position} is {type_}; it must have one scale and zero point 0"
        problem = scale_problem(f"input {position}", type_.quant)
        if problem:
            return problem
    return _cell_problem(cell)


def _cell_problem(cell: TensorType) -> str | None:
    quant = cell.quant
    if cell.dtype is not _INT16 or quant is None or quant.zero_point or len(quant.scales) != 1:
        return f"the cell state is {cell}; allowed int16 with one scale and zero point 0"
    mantissa, exponent = math.frexp(quant.scale)
    if mantissa != 0.5 or not -15 <= exponent - 1 <= 0:
        return f"the cell state has scale {quant.scale:g}; allowed powers of two, 2**-15 ... 1"
    return None


def _numbers(bound: BoundNode) -> LstmNumbers:
    hidden, cell = bound.inputs[_HIDDEN].quant, bound.inputs[_CELL].quant
    assert hidden and cell  # checked by _type_problem
    clip = cast(LstmAttrs, bound.attrs).cell_clip
    limit = int(min(clip / cell.scale, _INT16.max))
    limits = (-limit, limit) if clip > 0 else (_INT16.min, _INT16.max)
    product = _RESULT_SCALE * _RESULT_SCALE
    return LstmNumbers(
        1 - math.frexp(cell.scale)[1],
        limits,
        quantize_multiplier(_RESULT_SCALE * cell.scale / cell.scale),
        quantize_multiplier(product / cell.scale),
        bounded_multiplier(quantize_multiplier(product / hidden.scale), 30),
        hidden.zero_point,
    )


def _multiplier(bound: BoundNode, weight: int, source: int) -> tuple[int, int]:
    w, x = bound.inputs[weight].quant, bound.inputs[source].quant
    assert w and x  # checked by _type_problem
    return quantize_multiplier(x.scale * w.scale / _ARGUMENT_SCALE)


def _array(bound: BoundNode, position: int) -> Array:
    constant = bound.constants[position]
    assert constant  # checked by _type_problem
    return constant.array


def _stacked(bound: BoundNode, positions: Sequence[int]) -> Constant:
    return Constant(np.stack([_array(bound, position) for position in positions]))


def _folded(
    bound: BoundNode, weights: Sequence[int], source: int, biases: Sequence[int] | None = None
) -> Array:
    """Per gate and unit, the bias less what the zero point of the source adds: (4, S)."""
    quant = bound.inputs[source].quant
    assert quant  # checked by _type_problem
    sums = _stacked(bound, weights).array.astype(np.int64).sum(axis=2)
    bias = _stacked(bound, biases).array.astype(np.int64) if biases else 0
    folded: Array = bias - quant.zero_point * sums
    return folded


def _sums_problem(
    bound: BoundNode, weights: Sequence[int], source: int, biases: Sequence[int] | None
) -> str | None:
    w = _stacked(bound, weights).array.astype(np.int64)
    low, high = sum_bounds(w, 2, _folded(bound, weights, source, biases))
    shift = np.array([[_multiplier(bound, weight, source)[1]] for weight in weights])
    return sum_problem(low, high, np.broadcast_to(shift, low.shape), 0)
