"""The pure scalar functions that kernels may call: their meaning and their C text.

They are the fixed-point steps of TensorFlow Lite Micro. The C text becomes a ``static inline``
function of the generated file, only where a kernel calls it; ``meaning`` is what the interpreter
runs, and the tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.numerics import fixed_point

_I32 = DType.INT32


@dataclass(frozen=True, slots=True)
class ScalarFunction:
    """A pure function on scalars.

    Attributes:
        name: Its name in loop IR; in C it is prefixed with ``tcml_``.
        parameters: (name, dtype) of each parameter.
        result: The dtype of the value.
        meaning: The same computation in Python on integers.
        requires: Names of the functions that the text calls.
        comment: One sentence for the generated C.
        text: The function's body in C, without braces, indented by two spaces.
    """

    name: str
    parameters: tuple[tuple[str, DType], ...]
    result: DType
    meaning: Callable[..., int]
    requires: tuple[str, ...]
    comment: str
    text: str


def _requantize(acc: int, multiplier: int, shift: int) -> int:
    return int(fixed_point.multiply_by_quantized_multiplier(acc, multiplier, shift))


_ALL = (
    ScalarFunction(
        "doubling_high_mul",
        (("a", _I32), ("b", _I32)),
        _I32,
        lambda a, b: int(fixed_point.saturating_rounding_doubling_high_mul(a, b)),
        (),
        "High word of 2ab, rounded to nearest, ties away from zero; saturates.",
        """\
  const int64_t product = (int64_t)a * (int64_t)b;
  const int64_t nudge = (product >= 0) ? (1 << 30) : (1 - (1 << 30));
  const int64_t result = (product + nudge) / ((int64_t)1 << 31);
  return (result > INT32_MAX) ? INT32_MAX : (int32_t)result;
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
    ScalarFunction(
        "requantize",
        (("acc", _I32), ("multiplier", _I32), ("shift", _I32)),
        _I32,
        _requantize,
        ("doubling_high_mul", "rounding_divide_by_pot"),
        "acc * multiplier * 2^(shift - 31), rounded twice as TensorFlow Lite Micro does.",
        """\
  const int32_t left = (shift > 0) ? shift : 0;
  const int32_t right = (shift > 0) ? 0 : -shift;
  const int32_t shifted = (int32_t)((uint32_t)acc << left);
  return tcml_rounding_divide_by_pot(tcml_doubling_high_mul(shifted, multiplier), right);
""",
    ),
)

FUNCTIONS: dict[str, ScalarFunction] = {function.name: function for function in _ALL}
