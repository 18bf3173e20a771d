"""Softmax on int16 integers: exponential and reciprocal by tables and linear interpolation.

Source: TensorFlow Lite Micro ``softmax_common.cc``; ``SoftmaxInt16`` of ``reference/softmax.h``,
``LUTPopulateInt16`` and ``LUTLookup`` of ``internal/common.h``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinycc_ml.numerics.fixed_point import (
    IntArray,
    IntLike,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
)

_MIN, _MAX = -(1 << 15), (1 << 15) - 1
_STEPS, _OFFSET_BITS = 512, 7
_HALF = np.float32(0.5)
Real = Callable[[np.ndarray], np.ndarray]


def wide_softmax_multiplier(beta: float, scale: float) -> tuple[int, int]:
    """Multiplier and shift that bring differences of -10 ... 0 to -65535 ... 0."""
    return quantize_multiplier(scale * beta / (10.0 / 65535.0))


def exp_table() -> IntArray:
    """``exp`` of -10 ... 0: 513 numbers with 15 fractional bits."""
    return _table(10.0, _MAX, lambda x: np.exp(x.astype(np.float64)).astype(np.float32))


def reciprocal_table() -> IntArray:
    """``1 / (1 + x)`` of 0 ... 1: 513 numbers with 15 fractional bits."""
    one = np.float32(1)
    return _table(1.0, _MIN, lambda x: one / (one + x))


def _table(extent: float, zero_point: int, function: Real) -> IntArray:
    """Samples of a function, moved so that interpolation errs as little as possible; in float32."""
    scale = np.float32(extent) / np.float32(_MAX - _MIN)
    output_scale = np.float32(2) / np.float32(_MAX - _MIN)
    first = scale * np.float32(_MIN - zero_point)
    last = scale * np.float32(_MAX - zero_point)
    factor = np.float32(1 << 16) / (
        output_scale * np.float32(_MAX) - output_scale * np.float32(_MIN)
    )
    step = (last - first) / np.float32(_STEPS)
    i = np.arange(_STEPS, dtype=np.float32)
    here = _rounded(function(first + i * step) * factor)
    next_ = function(first + (i + np.float32(1)) * step) * factor
    middle = _rounded(function(first + i * step + step * _HALF) * factor)
    error = _rounded((next_ + here) * _HALF) - middle
    end = _rounded(function(last.reshape(1)) * factor)
    samples = np.concatenate([here - _rounded(error * _HALF), end])
    result: IntArray = np.clip(samples, _MIN, _MAX).astype(np.int64)
    return result


def _rounded(x: np.ndarray) -> np.ndarray:
    """To the nearest integer, halves away from zero."""
    exact = x.astype(np.float64)
    return np.copysign(np.floor(np.abs(exact) + 0.5), exact).astype(np.float32)


def looked_up(argument: IntLike, table: IntLike) -> IntArray:
    """A table's function of int16 arguments, by interpolation."""
    argument, table = np.asarray(argument, np.int64), np.asarray(table, np.int64)
    index = (_STEPS // 2) + (argument >> _OFFSET_BITS)
    return between(argument, table[index], table[index + 1])


def between(argument: IntLike, low: IntLike, high: IntLike) -> IntArray:
    """The same, given the two entries that an argument lies between."""
    argument, low = np.asarray(argument, np.int64), np.asarray(low, np.int64)
    offset = argument & ((1 << _OFFSET_BITS) - 1)
    result: IntArray = low + (((np.asarray(high, np.int64) - low) * offset + 64) >> _OFFSET_BITS)
    return result


def sum_argument(total: int) -> int:
    """A row's sum as the argument of the table of reciprocals: its leading bits, 1 ... 2."""
    normalized = total << (total_zeros(total) - 1)
    return min(((normalized + (1 << 13)) >> 14) - 3 * (1 << 15), _MAX)


def total_zeros(total: int) -> int:
    """Zero bits above the highest set bit of a positive sum."""
    return 32 - total.bit_length()


def softmax_int16(
    x: IntLike, multiplier: int, shift: int, exps: IntLike, shares: IntLike
) -> IntArray:
    """Softmax of int16 rows along the last axis; the output's scale is 2**-15.

    Args:
        x: Rows of at most 65535 integers.
        multiplier: What :func:`wide_softmax_multiplier` returned.
        shift: ... with it.
        exps: What :func:`exp_table` returned.
        shares: What :func:`reciprocal_table` returned.
    """
    x = np.asarray(x, np.int64)
    scaled = multiply_by_quantized_multiplier(x - x.max(axis=-1, keepdims=True), multiplier, shift)
    found = looked_up(np.clip(scaled + _MAX, _MIN, _MAX), exps)
    totals = found.sum(axis=-1, keepdims=True)
    arguments = np.vectorize(lambda t: sum_argument(int(t)), otypes=[np.int64])(totals)
    right = 31 - np.vectorize(lambda t: total_zeros(int(t)), otypes=[np.int64])(totals)
    products = found * looked_up(arguments, shares)
    result: IntArray = np.clip((products + (1 << (right - 1))) >> right, 0, _MAX)
    return result
