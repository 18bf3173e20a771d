"""Softmax on int8 integers.

The exponential of the difference to the row's maximum depends on an integer in 0 ... 255 only: it
is a table. What remains at run time is a sum and one reciprocal per row.

Source: TensorFlow Lite Micro ``softmax_common.cc``, ``reference/softmax.h``; ``GetReciprocal`` of
``internal/common.h``.
"""

from __future__ import annotations

import numpy as np

from tinycc_ml.numerics.fixed_point import (
    IntArray,
    IntLike,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)
from tinycc_ml.numerics.transcendental import exp_on_negative_values, one_over_one_plus_x

# The argument of exp() has 5 integer bits, the sum of a row 12.
_DIFFERENCE_BITS, ACCUMULATOR_BITS = 5, 12
# A longer row of equal inputs would overflow the sum.
SOFTMAX_MAX_DEPTH = (1 << ACCUMULATOR_BITS) - 1


def softmax_real_multiplier(beta: float, scale: float) -> float:
    """The factor from input differences to arguments of exp(); TFLM requires it to exceed 1."""
    return min(beta * scale * (1 << (31 - _DIFFERENCE_BITS)), (1 << 31) - 1.0)


def softmax_exp_table(beta: float, scale: float) -> IntArray:
    """``exp(-beta * scale * d)`` for ``d = 0, 1, ...`` with no integer bits.

    Zeros at the end are cut to one, which stands for all larger differences; at most 256 entries.
    """
    # A power of two is split off, as the shift may reach 31 here.
    multiplier, shift = quantize_multiplier(softmax_real_multiplier(beta, scale) / (1 << 31))
    shift += 31
    highest = ((1 << _DIFFERENCE_BITS) - 1) << (31 - _DIFFERENCE_BITS)
    difference = np.arange(min(256, (highest >> shift) + 1), dtype=np.int64)
    scaled = saturating_rounding_doubling_high_mul(-difference << shift, multiplier)
    table = np.zeros(256, np.int64)
    table[: difference.size] = exp_on_negative_values(scaled, _DIFFERENCE_BITS)
    return table[: int(np.flatnonzero(table)[-1]) + 2]


def count_leading_zeros(x: int) -> int:
    """Zero bits above the highest set bit of an unsigned 32-bit number; 32 for 0."""
    return 32 - x.bit_length()


def softmax_scale(total: int) -> int:
    """The reciprocal of a row's sum without its power of two; no integer bits.

    It is 0 for sums so large that every output of the row rounds to 0. TFLM aborts there.

    Args:
        total: The sum with 12 integer bits, positive.
    """
    zeros = count_leading_zeros(total)
    if zeros < 4:
        return 0
    return int(one_over_one_plus_x((total << zeros) - (1 << 31)))


def softmax_exponent(total: int) -> int:
    """The power of two that belongs to :func:`softmax_scale` and an 8-bit output; at most 31."""
    return min(ACCUMULATOR_BITS + 23 - count_leading_zeros(total), 31)


def softmax_int8(x: IntLike, table: IntLike) -> IntArray:
    """Softmax of int8 rows along the last axis; output scale 1/256, zero point -128.

    Args:
        x: Rows of at most ``SOFTMAX_MAX_DEPTH`` integers.
        table: What :func:`softmax_exp_table` returned.
    """
    x, table = np.asarray(x, np.int64), np.asarray(table, np.int64)
    difference = np.minimum(x.max(axis=-1, keepdims=True) - x, table.size - 1)
    exps = table[difference]
    totals = rounding_divide_by_pot(exps, ACCUMULATOR_BITS).sum(axis=-1, keepdims=True)
    scale = np.vectorize(lambda t: softmax_scale(int(t)), otypes=[np.int64])(totals)
    exponent = np.vectorize(lambda t: softmax_exponent(int(t)), otypes=[np.int64])(totals)
    shares = rounding_divide_by_pot(saturating_rounding_doubling_high_mul(scale, exps), exponent)
    result: IntArray = np.clip(shares - 128, -128, 127)
    return result
