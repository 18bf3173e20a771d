"""Real functions in float32 steps, as the library computes them to fill its tables.

Each takes a float32 value and returns one. The transcendental part is computed in float64 and then
rounded, which is what a good float32 library returns but for rare last bits.
"""

from __future__ import annotations

import math

import numpy as np

_F = np.float32


def elu(x: float) -> float:
    """``x`` where it is positive, else ``exp(x) - 1``.

    Source: TensorFlow Lite Micro ``elu.cc``.
    """
    return x if x >= 0 else float(_F(math.exp(x)) - _F(1))


def gelu(x: float) -> float:
    """``x / 2 * erfc(-x / sqrt(2))``.

    Source: TensorFlow Lite ``reference/gelu.h``.
    """
    argument = _F(x) * _F(-math.sqrt(0.5))
    return float(_F(x) * _F(0.5) * _F(math.erfc(float(argument))))


def gelu_tanh(x: float) -> float:
    """``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))``.

    Source: TensorFlow Lite ``reference/gelu.h``.
    """
    v = _F(x)
    inner = _F(math.sqrt(2 / math.pi)) * (v + _F(0.044715) * v * v * v)
    return float(_F(0.5) * v * (_F(1) + _F(math.tanh(float(inner)))))
