"""Logistic function and hyperbolic tangent of int16, from the table of gates.

The input is brought to three times its value with 12 fractional bits; outputs have 15.

Source: TensorFlow Lite Micro ``logistic_common.cc``, ``tanh.cc``; ``reference/integer_ops``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, Constant, TensorType
from tinycc_ml.loopir import Buffer, Expr, Local, Lookup, LoopKernel, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import GATE_TABLE, logistic_q15, tanh_q15
from tinycc_ml.numerics.fixed_point import IntArray, IntLike
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, Workload
from tinycc_ml.ops.elementwise import flat_buffers
from tinycc_ml.ops.quantized import alike_problem, integers_problem

_LARGEST = (1 << 15) - 1
_MAX_SHIFT = 31
_RESULT_BITS, _ARGUMENT_BITS = 15, 12
#: How far from a power of two a scale may be, in powers of two, to count as one.
_NEAR = 1e-3


@dataclass(frozen=True, slots=True)
class GateNumbers(Numbers):
    """``(input * multiplier + half) >> shift`` is three times the argument."""

    multiplier: int
    shift: int


@dataclass(frozen=True, slots=True)
class Gate:
    """One of both functions.

    Attributes:
        fraction_bits: Of an argument's distance between two entries of the table.
        loop: What interpolates, in loop IR.
        numpy: The function of arguments.
        exact: By which powers of two (0: 2**-12) input scales may exceed the table's, so that they
            are exact factors.
    """

    fraction_bits: int
    loop: str
    numpy: Callable[[IntLike], IntArray]
    exact: tuple[int, ...]


LOGISTIC = Gate(9, "logistic_between", logistic_q15, (0,))
TANH = Gate(8, "tanh_between", tanh_q15, (0, 1))


def is_gate(bound: BoundNode) -> bool:
    """Whether the input of one of the functions is int16."""
    return bound.inputs[0].dtype is DType.INT16


def gate_problem(bound: BoundNode, gate: Gate) -> str | None:
    """See :meth:`OpDef.check`."""
    x, y = bound.inputs[0], bound.outputs[0]
    problem = alike_problem([("input", x), ("output", y)]) or _output_problem(y)
    return problem or integers_problem(lambda node: gate_integers(node, gate), bound)


def _output_problem(y: TensorType) -> str | None:
    assert y.quant  # checked by alike_problem
    exponent = _near_power(y.quant.scale)
    return None if exponent == -_RESULT_BITS else f"output is {y}; it must have scale 2**-15"


def gate_integers(bound: BoundNode, gate: Gate) -> Integers:
    """See :meth:`OpDef.integerize`.

    Raises:
        UnsupportedError: If the input's scale is too large.
    """
    quant = bound.inputs[0].quant
    assert quant  # checked by gate_problem
    constants = (("table", Constant(GATE_TABLE)),)
    return Integers(_numbers(quant.scale, gate), (("input", 0),), constants)


def _numbers(scale: float, gate: Gate) -> GateNumbers:
    exponent = _near_power(scale)
    if exponent is not None and exponent + _ARGUMENT_BITS in gate.exact:
        return GateNumbers(3 << (exponent + _ARGUMENT_BITS), 0)
    multiplier, shift = scale * 4096.0 * 3.0, 0
    while multiplier <= _LARGEST / 2 and shift < _MAX_SHIFT:
        multiplier, shift = multiplier * 2, shift + 1
    if multiplier >= _LARGEST + 1:
        raise UnsupportedError(f"the input's scale is {scale:g}; allowed up to 2.6")
    return GateNumbers(int(multiplier), shift)


def _near_power(scale: float) -> int | None:
    """The exponent of a scale that is a power of two, as the library finds it, or ``None``."""
    exponent = np.float32(math.log(scale)) * np.float32(1 / np.log(np.float32(2)))
    nearest = math.floor(float(exponent) + 0.5)
    return nearest if abs(float(exponent) - nearest) < _NEAR else None


def gate_reference(
    workload: Workload, operands: Mapping[str, Array], gate: Gate
) -> tuple[Array, ...]:
    """See :meth:`OpDef.reference`."""
    n = cast(GateNumbers, workload.numbers)
    product = operands["input"].astype(np.int64) * n.multiplier
    tripled = (product + _half(n)) >> n.shift
    return (gate.numpy(tripled).astype(np.int16),)


def _half(numbers: GateNumbers) -> int:
    return 1 << (numbers.shift - 1) if numbers.shift else 0


def lower_gate(workload: Workload, gate: Gate) -> LoopKernel:
    """See :meth:`OpDef.lower`."""
    n, buffers = cast(GateNumbers, workload.numbers), flat_buffers(workload)
    x, table, y = buffers
    tripled = b.add(b.mul(b.load(x, "i"), n.multiplier), _half(n))
    if n.shift:
        tripled = b.call("shift_right", tripled, n.shift)
    body = b.nest(
        [("i", y.elements)],
        Local("tripled", DType.INT32, tripled),
        b.store(y, ["i"], gate_value("tripled", table, gate)),
    )
    return LoopKernel(workload.op, buffers, body)


def gate_value(argument: str, table: Buffer, gate: Gate) -> Expr:
    """The function of three times an argument, which a local holds."""
    index = b.call("gate_index", Var(argument), gate.fraction_bits)
    low, high = (Lookup(table.name, b.add(index, step)) for step in (0, 1))
    return b.call(gate.loop, Var(argument), low, high)
