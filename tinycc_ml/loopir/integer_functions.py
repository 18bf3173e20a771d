"""Scalar functions of integers without quantization: bits, shifts, and numbers modulo 2^n."""

from __future__ import annotations

from collections.abc import Callable

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.scalar_function import ScalarFunction, low_bits_signed

_I32, _U32, _I64, _U64 = DType.INT32, DType.UINT32, DType.INT64, DType.UINT64


def _bits(
    name: str, operator: str, meaning: Callable[[int, int], int], comment: str
) -> list[ScalarFunction]:
    return [
        ScalarFunction(
            f"bits_{name}{suffix}",
            (("x", dtype), ("y", dtype)),
            dtype,
            meaning,
            (),
            comment,
            f"  return x {operator} y;\n",
        )
        for suffix, dtype in (("", _U32), ("_64", _U64))
    ]


INTEGERS = (
    *_bits("and", "&", lambda x, y: x & y, "The bits of both."),
    *_bits("or", "|", lambda x, y: x | y, "The bits of any of two."),
    *_bits("xor", "^", lambda x, y: x ^ y, "The bits of one of two."),
    ScalarFunction(
        "modulo_2_64",
        (("x", _I64),),
        _U64,
        lambda x: x & (2**64 - 1),
        (),
        "x modulo 2^64.",
        "  return (uint64_t)x;\n",
    ),
    ScalarFunction(
        "as_signed_64",
        (("x", _U64),),
        _I64,
        lambda x: low_bits_signed(x, 64),
        (),
        "The int64 that is x modulo 2^64.",
        "  return (int64_t)x;\n",
    ),
    ScalarFunction(
        "low_bits_signed",
        (("x", _U32), ("width", _I32)),
        _I32,
        low_bits_signed,
        (),
        "The lowest bits of x (1 ... 31) as a signed number.",
        """\
  const uint32_t sign = (uint32_t)1 << (width - 1);
  return (int32_t)((x & (2U * sign - 1U)) ^ sign) - (int32_t)sign;
""",
    ),
    ScalarFunction(
        "shift_word_left",
        (("x", _U32), ("n", _U32)),
        _U32,
        lambda x, n: x << n & 0xFFFFFFFF if n < 32 else 0,
        (),
        "x * 2^n modulo 2^32.",
        "  return (n < 32U) ? x << n : 0U;\n",
    ),
    ScalarFunction(
        "shift_word_right",
        (("x", _U32), ("n", _U32)),
        _U32,
        lambda x, n: x >> n if n < 32 else 0,
        (),
        "x / 2^n, rounded down.",
        "  return (n < 32U) ? x >> n : 0U;\n",
    ),
    ScalarFunction(
        "shift_signed_right",
        (("x", _I32), ("n", _U32)),
        _I32,
        lambda x, n: x >> min(n, 31),
        (),
        "x / 2^n, rounded down.",
        "  return x >> ((n < 32U) ? n : 31U);\n",
    ),
)
