"""Scalar functions of recurrent layers: logistic and tanh of 16-bit integers from a table.

The table is an operand of the kernel, as an array; see :mod:`tinycc_ml.numerics.gates`.
"""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.scalar_function import ScalarFunction
from tinycc_ml.numerics import gates

_I32 = DType.INT32

GATES = (
    ScalarFunction(
        "gate_index",
        (("tripled", _I32), ("fraction_bits", _I32)),
        _I32,
        lambda tripled, fraction_bits: int(gates.gate_index(tripled, fraction_bits)),
        (),
        "The entry of the table of gates at or below |tripled|, but for the last one.",
        """\
  const int32_t index = ((tripled < 0) ? -tripled : tripled) >> fraction_bits;
  return (index > 254) ? 254 : index;
""",
    ),
    ScalarFunction(
        "logistic_between",
        (("tripled", _I32), ("low", _I32), ("high", _I32)),
        _I32,
        lambda tripled, low, high: int(gates.logistic_between(tripled, low, high)),
        (),
        "2^15 logistic(tripled / 12288), between two entries of the table of gates.",
        """\
  const int32_t magnitude = (tripled < 0) ? -tripled : tripled;
  int32_t value = ((low + 32768) << 9) + (magnitude & 511) * (high - low);
  if (magnitude >= 130560) {
    value = 32767 << 10;
  }
  return (((tripled < 0) ? (1 << 25) - 1 - value : value) + 512) >> 10;
""",
    ),
    ScalarFunction(
        "tanh_between",
        (("tripled", _I32), ("low", _I32), ("high", _I32)),
        _I32,
        lambda tripled, low, high: int(gates.tanh_between(tripled, low, high)),
        (),
        "2^15 tanh(tripled / 12288), between two entries of the table of gates.",
        """\
  const int32_t magnitude = (tripled < 0) ? -tripled : tripled;
  int32_t value = ((low + 32768) << 8) + (magnitude & 255) * (high - low);
  if (magnitude >= 65280) {
    value = 65535 << 8;
  }
  value -= 1 << 23;
  return (((tripled < 0) ? -1 - value : value) + 128) >> 8;
""",
    ),
)
