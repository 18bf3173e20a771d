"""Scalar functions of layers with int16 activations."""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.scalar_function import ScalarFunction
from tinycc_ml.numerics import fixed_point, wide_softmax

_I32 = DType.INT32

WIDE = (
    ScalarFunction(
        "requantize_wide",
        (("acc", DType.INT64), ("multiplier", _I32), ("shift", _I32)),
        _I32,
        lambda acc, multiplier, shift: int(fixed_point.requantize_wide(acc, multiplier, shift)),
        (),
        "acc * multiplier / 2^shift, rounded to nearest, ties upward; |acc| < 2^47, "
        "0 <= multiplier < 2^15, 8 <= shift <= 46.",
        """\
  const int64_t product = acc * (int64_t)multiplier;
  return (int32_t)((product + ((int64_t)1 << (shift - 1))) >> shift);
""",
    ),
    ScalarFunction(
        "between_samples",
        (("x", _I32), ("low", _I32), ("high", _I32)),
        _I32,
        lambda x, low, high: int(wide_softmax.between(x, low, high)),
        (),
        "Between two samples of a function, 128 arguments apart.",
        """\
  return low + (((high - low) * (x & 127) + 64) >> 7);
""",
    ),
    ScalarFunction(
        "sum_argument",
        (("total", _I32),),
        _I32,
        wide_softmax.sum_argument,
        ("count_leading_zeros",),
        "The leading bits of a sum (1 ... 2) as an int16 argument (0 ... 1) of 1 / (1 + x); "
        "total > 0.",
        """\
  const uint32_t normalized = (uint32_t)total << (tcml_count_leading_zeros(total) - 1);
  const int32_t argument = (int32_t)((normalized + 8192U) >> 14) - 98304;
  return (argument > 32767) ? 32767 : argument;
""",
    ),
    ScalarFunction(
        "rounded_shift",
        (("x", _I32), ("n", _I32)),
        _I32,
        lambda x, n: (x + (1 << (n - 1))) >> n,
        (),
        "x / 2^n, rounded to nearest, ties upward; 0 <= x <= 2^30, 1 <= n <= 30.",
        """\
  return (x + ((int32_t)1 << (n - 1))) >> n;
""",
    ),
)
