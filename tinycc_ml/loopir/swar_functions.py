"""Scalar functions of kernels that compute with two numbers in one word."""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.scalar_function import ScalarFunction, low_bits_signed

_I32 = DType.INT32

SWAR = (
    ScalarFunction(
        "shift_right",
        (("x", _I32), ("n", _I32)),
        _I32,
        lambda x, n: x >> n,
        (),
        "x / 2^n, rounded down; 0 <= n <= 31.",
        """\
  return x >> n;
""",
    ),
    ScalarFunction(
        "stream_weight",
        (("word", _I32), ("index", _I32)),
        _I32,
        lambda word, index: (word >> 8 * index & 0xFF) - 128,
        (),
        "The byte of that index (0 ... 3) in a word, less 128.",
        """\
  return (int32_t)(((uint32_t)word >> (8 * index)) & 255U) - 128;
""",
    ),
    ScalarFunction(
        "pair_total",
        (("total", _I32), ("upper", _I32), ("offset", _I32)),
        _I32,
        lambda total, upper, offset: low_bits_signed(total - (upper << 16) + offset, 32),
        (),
        "total - 65536 * upper + offset, modulo 2^32.",
        """\
  return (int32_t)((uint32_t)total - ((uint32_t)upper << 16) + (uint32_t)offset);
""",
    ),
    ScalarFunction(
        "chunk_start",
        (("sum", _I32),),
        _I32,
        lambda sum_: low_bits_signed(0x8000 - sum_ * 128 * 65537, 32),
        (),
        "0x8000 - 128 * 65537 * sum, modulo 2^32.",
        """\
  return (int32_t)(32768U - (uint32_t)sum * 8388736U);
""",
    ),
    ScalarFunction(
        "scale_short",
        (("a", _I32), ("high", _I32), ("low", _I32), ("cut", _I32)),
        _I32,
        lambda a, high, low, cut: low_bits_signed(a * high + (a * low >> cut), 32),
        (),
        "a * high + (a * low >> cut) modulo 2^32; no product exceeds 32 bits.",
        """\
  const uint32_t low_product = ((uint32_t)a * (uint32_t)low) >> cut;
  return (int32_t)((uint32_t)a * (uint32_t)high + low_product);
""",
    ),
    ScalarFunction(
        "add_from",
        (("a", _I32), ("zero", _I32), ("x", _I32), ("extra", _I32)),
        _I32,
        lambda a, zero, x, extra: low_bits_signed(x + (extra if a >= zero else 0), 32),
        (),
        "x, and extra where a >= zero, modulo 2^32.",
        """\
  return (int32_t)((uint32_t)x + ((a >= zero) ? (uint32_t)extra : 0U));
""",
    ),
    ScalarFunction(
        "round_short",
        (("x", _I32), ("rounding", _I32), ("shift", _I32)),
        _I32,
        lambda x, rounding, shift: low_bits_signed((x + rounding & 0xFFFFFFFF) >> shift, 8),
        (),
        "The lowest byte of (x + rounding) / 2^shift, modulo 2^32, as a signed number.",
        """\
  const uint32_t byte = (((uint32_t)x + (uint32_t)rounding) >> shift) & 255U;
  return (int32_t)(byte ^ 128U) - 128;
""",
    ),
    ScalarFunction(
        "pair_low",
        (("word", _I32),),
        _I32,
        lambda word: low_bits_signed(word, 16),
        (),
        "a of a + 65536 * b; a has 16 bits.",
        """\
  return (int32_t)((uint32_t)word << 16) >> 16;
""",
    ),
    ScalarFunction(
        "pair_high",
        (("word", _I32),),
        _I32,
        lambda word: (word - low_bits_signed(word, 16)) >> 16,
        (),
        "b of a + 65536 * b; both have 15 bits.",
        """\
  return (word + 32768) >> 16;
""",
    ),
)
