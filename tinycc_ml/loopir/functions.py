"""The pure scalar functions that kernels may call: their meaning and their C text.

They are the fixed-point steps of TensorFlow Lite Micro, and its rounding of floats. No text may
need a library: no 64-bit division or shift by a variable (compilers call libgcc for these on Arm).
What floats need of ``math.h`` stands in ``math_functions.py`` and has no text. Right shifts of
negative numbers are taken to be arithmetic, as every compiler for the supported targets defines
them. The C text becomes a ``static inline`` function of the generated file, only where a kernel
calls it; ``meaning`` is what the interpreter runs, and the tests hold the two together.
"""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.dsp_functions import DSP
from tinycc_ml.loopir.gate_functions import GATES
from tinycc_ml.loopir.integer_functions import INTEGERS
from tinycc_ml.loopir.math_functions import MATH, MathFunction
from tinycc_ml.loopir.scalar_function import ScalarFunction
from tinycc_ml.loopir.swar_functions import SWAR
from tinycc_ml.loopir.wide_functions import WIDE
from tinycc_ml.numerics import affine_quantize, fixed_point, softmax

_I32, _F32 = DType.INT32, DType.FLOAT32


def _requantize(acc: int, multiplier: int, shift: int) -> int:
    return int(fixed_point.multiply_by_quantized_multiplier(acc, multiplier, shift))


def _quantize(x: float, scale: float, zero_point: int, low: int, high: int) -> int:
    return int(affine_quantize(x, scale, zero_point, (low, high)))


# Of the library's nudges and its truncating division remains floor((2ab + 2^31) / 2^32): adding
# 1 - 2^30 to a negative product and rounding up is adding 2^30 and rounding down.
_FIXED_POINT = (
    ScalarFunction(
        "doubling_high_mul",
        (("a", _I32), ("b", _I32)),
        _I32,
        lambda a, b: int(fixed_point.saturating_rounding_doubling_high_mul(a, b)),
        (),
        "High word of 2ab, rounded to nearest, ties upward; saturates.",
        """\
  const int64_t product = (int64_t)a * (int64_t)b;
  const int64_t high = (product + ((int64_t)1 << 30)) >> 31;
  return (high > INT32_MAX) ? INT32_MAX : (int32_t)high;
""",
    ),
    ScalarFunction(
        "rounding_divide_by_pot",
        (("x", _I32), ("exponent", _I32)),
        _I32,
        lambda x, exponent: int(fixed_point.rounding_divide_by_pot(x, exponent)),
        (),
        "x / 2^exponent, rounded to nearest, ties away from zero; 0 <= exponent <= 31.",
        """\
  const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1U);
  const int32_t remainder = x & mask;
  const int32_t threshold = (mask >> 1) + ((x < 0) ? 1 : 0);
  return (x >> exponent) + ((remainder > threshold) ? 1 : 0);
""",
    ),
    # The multiplier is not negative, so that the product cannot saturate.
    ScalarFunction(
        "requantize",
        (("acc", _I32), ("multiplier", _I32), ("shift", _I32)),
        _I32,
        _requantize,
        ("rounding_divide_by_pot",),
        "acc * multiplier * 2^(shift - 31), rounded twice as TensorFlow Lite Micro does; "
        "multiplier >= 0, -31 <= shift <= 30.",
        """\
  const int32_t left = (shift > 0) ? shift : 0;
  const int32_t right = (shift > 0) ? 0 : -shift;
  const int32_t shifted = (int32_t)((uint32_t)acc << left);
  const int64_t product = (int64_t)shifted * (int64_t)multiplier;
  const int32_t high = (int32_t)((product + ((int64_t)1 << 30)) >> 31);
  return tcml_rounding_divide_by_pot(high, right);
""",
    ),
)

_SOFTMAX = (
    ScalarFunction(
        "count_leading_zeros",
        (("x", _I32),),
        _I32,
        lambda x: softmax.count_leading_zeros(x & 0xFFFFFFFF),
        (),
        "Zero bits above the highest set bit of x as an unsigned number; 32 for 0.",
        """\
  uint32_t bits = (uint32_t)x;
  int32_t zeros = 0;
  while ((zeros < 32) && (bits < 0x80000000U)) {
    bits <<= 1;
    zeros += 1;
  }
  return zeros;
""",
    ),
    # Newton-Raphson from 48/17 - 32/17 d for a denominator d in [1/2, 1). The steps are so small
    # that, unlike the library, their shift by 2 need not saturate.
    ScalarFunction(
        "softmax_scale",
        (("total", _I32),),
        _I32,
        softmax.softmax_scale,
        ("count_leading_zeros", "doubling_high_mul"),
        "Mantissa of 1 / total (12 integer bits, total > 0); 0 where all outputs round to 0.",
        """\
  const int32_t zeros = tcml_count_leading_zeros(total);
  const int32_t denominator = (int32_t)(((uint32_t)total << zeros) >> 1);
  int32_t x = 1515870810 + tcml_doubling_high_mul(denominator, -1010580540);
  int32_t step;
  for (step = 0; step < 3; ++step) {
    const int32_t residual = ((int32_t)1 << 29) - tcml_doubling_high_mul(denominator, x);
    x += tcml_doubling_high_mul(x, residual) * 4;
  }
  if (zeros < 4) {
    return 0;
  }
  return (x >= ((int32_t)1 << 30)) ? INT32_MAX : x * 2;
""",
    ),
    ScalarFunction(
        "softmax_exponent",
        (("total", _I32),),
        _I32,
        softmax.softmax_exponent,
        ("count_leading_zeros",),
        "The shift that belongs to softmax_scale and an 8-bit output; 0 ... 31, total > 0.",
        """\
  const int32_t exponent = 35 - tcml_count_leading_zeros(total);
  return (exponent > 31) ? 31 : exponent;
""",
    ),
)

# Bounds are integers, so that clamping before rounding is the same as after it, and keeps the
# conversion defined. The rest after truncation is exact.
_FLOAT = (
    ScalarFunction(
        "quantize",
        (("x", _F32), ("scale", _F32), ("zero_point", _I32), ("low", _I32), ("high", _I32)),
        _I32,
        _quantize,
        (),
        "round(x / scale) + zero_point, clamped (16 bits); ties away from zero, NaN counts as 0.",
        """\
  const float quotient = x / scale;
  int32_t whole;
  float rest;
  if (quotient <= (float)(low - zero_point)) {
    return low;
  }
  if (quotient >= (float)(high - zero_point)) {
    return high;
  }
  if (!(quotient < (float)(high - zero_point))) {
    return zero_point;
  }
  whole = (int32_t)quotient;
  rest = quotient - (float)whole;
  return zero_point + whole + ((rest >= 0.5F) ? 1 : 0) - ((rest <= -0.5F) ? 1 : 0);
""",
    ),
)

FUNCTIONS: dict[str, ScalarFunction] = {
    function.name: function
    for function in (*_FIXED_POINT, *_SOFTMAX, *WIDE, *GATES, *_FLOAT, *DSP, *SWAR, *INTEGERS)
}

#: All that a :class:`~tinycc_ml.loopir.ir.Call` may name.
CALLABLE: dict[str, ScalarFunction | MathFunction] = {**FUNCTIONS, **MATH}
