"""Bit-exact fixed-point arithmetic in NumPy: the only statement of the numbers."""

from __future__ import annotations

from tinycc_ml.numerics.fixed_point import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap_int32,
)
from tinycc_ml.numerics.quantization import quantized_clamp, round_half_away

__all__ = [
    "multiply_by_quantized_multiplier",
    "quantize_multiplier",
    "quantized_clamp",
    "round_half_away",
    "rounding_divide_by_pot",
    "saturating_rounding_doubling_high_mul",
    "wrap_int32",
]
