"""The functions of ``math.h`` that float kernels may call: their name in C and their meaning.

C calls the variant for ``float``. How precise that is depends on the C library (glibc and newlib:
mostly the nearest float32, rarely its neighbour); the meaning is the nearest float32, so that tests
compare with a tolerance. Integer kernels call none of them, and need no library.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import DType

HEADER = "math.h"


@dataclass(frozen=True, slots=True)
class MathFunction:
    """A function of the C library on floats.

    Attributes:
        name: Its name in loop IR.
        c_name: Its name in C.
        parameters: (name, dtype) of each parameter; all are float32.
        result: float32.
        meaning: The same in Python: the result in double precision, rounded to float32. Overflow
            gives an infinity, arguments outside the domain NaN, as in C.
    """

    name: str
    c_name: str
    parameters: tuple[tuple[str, DType], ...]
    result: DType
    meaning: Callable[..., float]


#: By name: NumPy's function on doubles.
_UNARY: dict[str, Callable[[float], float]] = {
    "fabs": np.fabs,
    "ceil": np.ceil,
    "floor": np.floor,
    "trunc": np.trunc,
    # To nearest, halves to even.
    "rint": np.rint,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": math.erf,
    "erfc": math.erfc,
}
_BINARY: dict[str, Callable[[float, float], float]] = {
    "pow": np.power,
    "fmod": np.fmod,
    "atan2": np.arctan2,
}


def _rounded(function: Callable[..., float]) -> Callable[..., float]:
    def meaning(*arguments: float) -> float:
        with np.errstate(all="ignore"):
            # Integers would choose NumPy's integer power.
            return float(np.float32(function(*map(float, arguments))))

    return meaning


def _function(name: str, function: Callable[..., float], parameters: str) -> MathFunction:
    floats = tuple((parameter, DType.FLOAT32) for parameter in parameters)
    return MathFunction(name, f"{name}f", floats, DType.FLOAT32, _rounded(function))


MATH: dict[str, MathFunction] = {
    **{name: _function(name, function, "x") for name, function in _UNARY.items()},
    **{name: _function(name, function, "xy") for name, function in _BINARY.items()},
}
