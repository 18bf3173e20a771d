"""Operands brought to a common scale before they are combined.

An input gains bits, then comes to half the larger scale of both; the result comes to the output's.

Source: TensorFlow Lite Micro ``add_common.cc``, ``sub_common.cc``, ``squared_difference.cc``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array
from tinycc_ml.loopir import Expr
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import multiply_by_quantized_multiplier, quantize_multiplier
from tinycc_ml.ops.base import Numbers

#: Bits that int8 inputs of sums gain: 9 + 20 leave room for the sum.
SUM_LEFT_SHIFT = 20


@dataclass(frozen=True, slots=True)
class Scaling:
    """``(x + offset) * multiplier * 2**(shift - 31)``; for the output the offset comes last."""

    offset: int
    multiplier: int
    shift: int


@dataclass(frozen=True, slots=True)
class RescaledNumbers(Numbers):
    """The literals: both inputs come to half the larger scale, their result to the output's."""

    input0: Scaling
    input1: Scaling
    output: Scaling
    output_min: int
    output_max: int


def smaller_than_one(real: float) -> tuple[int, int]:
    """Multiplier and shift of a factor that must not exceed one.

    Raises:
        UnsupportedError: If it does; the library stops there.
    """
    multiplier, shift = quantize_multiplier(real)
    if shift > 0:
        raise UnsupportedError(
            f"the output's scale is 2**{SUM_LEFT_SHIFT} times smaller than an input's; "
            "TensorFlow Lite Micro stops there"
        )
    return multiplier, shift


def scale_input(x: Array, s: Scaling, left_shift: int = SUM_LEFT_SHIFT) -> Array:
    """What values of an input are in the unit that both inputs share."""
    shifted = (x.astype(np.int64) + s.offset) << left_shift
    return multiply_by_quantized_multiplier(shifted, s.multiplier, s.shift)


def scaled_input(x: Expr, s: Scaling, left_shift: int = SUM_LEFT_SHIFT) -> Expr:
    """The same in loop IR."""
    shifted = b.mul(b.add(x, s.offset), 1 << left_shift)
    return b.call("requantize", shifted, s.multiplier, s.shift)


def scale_output(raw: Array, n: RescaledNumbers, dtype: DType = DType.INT8) -> Array:
    """The outputs of results in the common unit."""
    result = multiply_by_quantized_multiplier(raw, n.output.multiplier, n.output.shift)
    return np.clip(result + n.output.offset, n.output_min, n.output_max).astype(dtype.numpy)


def scaled_output(raw: Expr, n: RescaledNumbers) -> Expr:
    """The same in loop IR."""
    result = b.call("requantize", raw, n.output.multiplier, n.output.shift)
    return b.clamp(b.add(result, n.output.offset), n.output_min, n.output_max)
