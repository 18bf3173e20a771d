"""Scalar functions of DSP kernels: halves and bytes of words, and how they requantize."""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.scalar_function import ScalarFunction, low_bits_signed

_I32, _U32 = DType.INT32, DType.UINT32

DSP = (
    ScalarFunction(
        "byte_pair_first",
        (("word", _I32), ("index", _I32)),
        _I32,
        lambda word, index: (low_bits_signed(word >> 16 * index, 16) + 128) >> 8,
        (),
        "f of 256 * f + g, the half of that index (0, 1) in a word; f and g are signed bytes.",
        """\
  const int32_t half = (int32_t)((uint32_t)word << (16 - 16 * index)) >> 16;
  return (half + 128) >> 8;
""",
    ),
    ScalarFunction(
        "byte_pair_second",
        (("word", _I32), ("index", _I32)),
        _I32,
        lambda word, index: low_bits_signed(word >> 16 * index, 8),
        (),
        "g of 256 * f + g, the half of that index (0, 1) in a word; f and g are signed bytes.",
        """\
  return (int32_t)((uint32_t)word << (24 - 16 * index)) >> 24;
""",
    ),
    ScalarFunction(
        "byte_pair_bias",
        (("both", _I32), ("second", _I32)),
        _I32,
        lambda both, second: low_bits_signed(both - second, 32) >> 8,
        (),
        "f of 256 * f + g and g; f has 24 bits.",
        """\
  return (int32_t)((uint32_t)both - (uint32_t)second) >> 8;
""",
    ),
    ScalarFunction(
        "int16_half",
        (("word", _I32), ("index", _I32)),
        _I32,
        lambda word, index: low_bits_signed(word >> 16 * index, 16),
        (),
        "The signed half of that index (0, 1) in a word.",
        """\
  return (int32_t)((uint32_t)word << (16 - 16 * index)) >> 16;
""",
    ),
    ScalarFunction(
        "signed_byte",
        (("word", _I32), ("index", _I32)),
        _I32,
        lambda word, index: low_bits_signed(word >> 8 * index, 8),
        (),
        "The signed byte of that index (0 ... 3) in a word, from the lowest.",
        """\
  return (int32_t)((uint32_t)word << (24 - 8 * index)) >> 24;
""",
    ),
    ScalarFunction(
        "modulo_2_32",
        (("x", _I32),),
        _U32,
        lambda x: x & 0xFFFFFFFF,
        (),
        "x modulo 2^32.",
        """\
  return (uint32_t)x;
""",
    ),
    ScalarFunction(
        "as_signed",
        (("x", _U32),),
        _I32,
        lambda x: low_bits_signed(x, 32),
        (),
        "The int32 that is x modulo 2^32.",
        """\
  return (int32_t)x;
""",
    ),
    ScalarFunction(
        "requantize_relu",
        (("acc", _I32), ("multiplier", _I32), ("rounding", _I32), ("exponent", _I32)),
        _I32,
        lambda acc, multiplier, rounding, exponent: (
            (((acc * multiplier + (1 << 30)) >> 31) + rounding) >> exponent
        ),
        (),
        "(acc * multiplier / 2^31, rounded, + rounding) / 2^exponent, rounded down.",
        """\
  const int64_t product = (int64_t)acc * (int64_t)multiplier;
  const int32_t high = (int32_t)((product + ((int64_t)1 << 30)) >> 31);
  return (high + rounding) >> exponent;
""",
    ),
    ScalarFunction(
        "requantize_signed",
        (("acc", _I32), ("multiplier", _I32), ("rounding", _I32), ("exponent", _I32)),
        _I32,
        lambda acc, multiplier, rounding, exponent: (
            (((acc * multiplier + (1 << 30)) >> 31) + rounding - (acc < 0)) >> exponent
        ),
        (),
        "The same with ties of negative numbers rounded away from zero.",
        """\
  const int64_t product = (int64_t)acc * (int64_t)multiplier;
  const int32_t high = (int32_t)((product + ((int64_t)1 << 30)) >> 31);
  return (high + rounding - ((acc < 0) ? 1 : 0)) >> exponent;
""",
    ),
)
