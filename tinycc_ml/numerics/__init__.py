"""Bit-exact fixed-point arithmetic in NumPy: the only statement of the numbers."""

from __future__ import annotations

from tinycc_ml.numerics.activations import logistic_int8, requantize
from tinycc_ml.numerics.affine import affine_dequantize, affine_quantize
from tinycc_ml.numerics.fixed_point import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    reduced_multiplier,
    requantize_wide,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap_int32,
)
from tinycc_ml.numerics.gates import GATE_TABLE, logistic_q15, tanh_q15, tripled_argument
from tinycc_ml.numerics.int4 import pack_int4, packed_bytes, unpack_int4
from tinycc_ml.numerics.quantization import quantized_clamp, round_half_away
from tinycc_ml.numerics.softmax import (
    ACCUMULATOR_BITS,
    SOFTMAX_MAX_DEPTH,
    softmax_exp_table,
    softmax_int8,
    softmax_real_multiplier,
)
from tinycc_ml.numerics.wide_softmax import (
    exp_table,
    reciprocal_table,
    softmax_int16,
    wide_softmax_multiplier,
)

__all__ = [
    "ACCUMULATOR_BITS",
    "GATE_TABLE",
    "SOFTMAX_MAX_DEPTH",
    "affine_dequantize",
    "affine_quantize",
    "exp_table",
    "logistic_int8",
    "logistic_q15",
    "multiply_by_quantized_multiplier",
    "pack_int4",
    "packed_bytes",
    "quantize_multiplier",
    "quantized_clamp",
    "reciprocal_table",
    "reduced_multiplier",
    "requantize",
    "requantize_wide",
    "round_half_away",
    "rounding_divide_by_pot",
    "saturating_rounding_doubling_high_mul",
    "softmax_exp_table",
    "softmax_int8",
    "softmax_int16",
    "softmax_real_multiplier",
    "tanh_q15",
    "tripled_argument",
    "unpack_int4",
    "wide_softmax_multiplier",
    "wrap_int32",
]
