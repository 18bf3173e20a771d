"""Layers with int16 activations, int8 weights and int64 biases, summed up in int64.

All zero points are 0. Sums are requantized once, with a multiplier of 15 bits.

Source: TensorFlow Lite Micro's ``reference_integer_ops`` for int16, and its
``MultiplyByQuantizedMultiplier(int64_t, ...)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant
from tinycc_ml.loopir import AffineLike, Buffer, Expr, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import reduced_multiplier, requantize_wide
from tinycc_ml.numerics.fixed_point import INT32_MAX
from tinycc_ml.ops.base import BoundNode, Numbers
from tinycc_ml.ops.quantized import alike_problem, dtype_problem

_LARGEST_INPUT = -DType.INT16.min
#: What the library's multiplication takes.
_LARGEST_SUM = 1 << 47
_LOWEST_SHIFT, _HIGHEST_SHIFT = -31, 7


@dataclass(frozen=True, slots=True)
class WideNumbers(Numbers):
    """Lowest and highest output."""

    output_min: int
    output_max: int


def is_wide(bound: BoundNode) -> bool:
    """Whether the activations of a layer with weights are int16."""
    return bound.inputs[0].dtype is DType.INT16


def wide_type_problem(bound: BoundNode) -> str | None:
    """Why input, output or bias have other types, or ``None``."""
    return alike_problem(
        [("input", bound.inputs[0]), ("output", bound.outputs[0])]
    ) or dtype_problem("with int16 activations the bias", bound.inputs[2], DType.INT64)


def wide_range_problem(weight: Array, bias: Array, multiplier: Array, shift: Array) -> str | None:
    """Why sums, or what requantization makes of them, exceed what the library takes, or ``None``.

    Args:
        weight: int8, (channels, K).
        bias: int64, (channels,).
        multiplier: int32; of each channel, or one in all.
        shift: Its powers of two.
    """
    if shift.min() < _LOWEST_SHIFT or shift.max() > _HIGHEST_SHIFT:
        return f"output scales ask for a shift of {int(shift.max())}; allowed up to 7"
    # In double: biases may be anything of int64.
    largest = np.abs(weight.astype(np.float64)).sum(axis=1) * _LARGEST_INPUT + np.abs(
        bias.astype(np.float64)
    )
    outputs = largest * multiplier.astype(np.float64) * 2.0 ** (shift.astype(np.float64) - 31)
    if largest.max() >= _LARGEST_SUM or outputs.max() >= INT32_MAX - 1:
        where = int(outputs.argmax())
        return f"sums of channel {where} can reach {largest[where]:.0f}; that is too much"
    return None


def wide_constants(
    own: tuple[tuple[str, Constant], ...], multiplier: Array, shift: Array
) -> tuple[tuple[str, Constant], ...]:
    """The layer's own constants, multipliers of 15 bits, and how far products are shifted down."""
    return (
        *own,
        ("multiplier", Constant(reduced_multiplier(multiplier).astype(np.int16))),
        ("shift", Constant((15 - shift.astype(np.int32)).astype(np.int8))),
    )


def finish_wide(products: Array, numbers: WideNumbers, operands: Mapping[str, Array]) -> Array:
    """The reference's way from sums (float64, exact) to int16 outputs."""
    acc = products.astype(np.int64) + operands["bias"]
    scaled = requantize_wide(acc, operands["multiplier"], operands["shift"])
    return np.clip(scaled, numbers.output_min, numbers.output_max).astype(np.int16)


def wide_output(
    channel: AffineLike, multiplier: Buffer, shift: Buffer, numbers: WideNumbers
) -> Expr:
    """The same in loop IR, of the local ``acc``."""
    index = channel if multiplier.elements > 1 else 0
    factors = b.load(multiplier, index), b.load(shift, index)
    scaled = b.call("requantize_wide", Var("acc"), *factors)
    return b.clamp(scaled, numbers.output_min, numbers.output_max)
