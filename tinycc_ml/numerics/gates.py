"""Logistic function and hyperbolic tangent of 16-bit integers: the gates of recurrent layers.

Arguments have 12 fractional bits, results 15. Both functions come from one table, of the logistic
function at multiples of 1/24, by linear interpolation: ``tanh(x) = 2 logistic(2x) - 1``. Arguments
are therefore multiplied by 3 first.

Source: TensorFlow Lite ``reference/integer_ops/logistic.h``, ``tanh.h`` and the table
``sigmoid_table_uint16`` of ``internal/common.h``, which is not quite the rounded function.
"""

from __future__ import annotations

import numpy as np

from tinycc_ml.numerics.fixed_point import IntArray, IntLike

_TABLE_DIGITS = """
    32768 33451 34133 34813 35493 36169 36843 37513 38180 38841 39498 40149 40794 41432
    42064 42688 43304 43912 44511 45102 45683 46255 46817 47369 47911 48443 48964 49475
    49975 50464 50942 51409 51865 52311 52745 53169 53581 53983 54374 54755 55125 55485
    55834 56174 56503 56823 57133 57433 57724 58007 58280 58544 58800 59048 59288 59519
    59743 59959 60168 60370 60565 60753 60935 61110 61279 61441 61599 61750 61896 62036
    62172 62302 62428 62549 62666 62778 62886 62990 63090 63186 63279 63368 63454 63536
    63615 63691 63765 63835 63903 63968 64030 64090 64148 64204 64257 64308 64357 64405
    64450 64494 64536 64576 64614 64652 64687 64721 64754 64786 64816 64845 64873 64900
    64926 64950 64974 64997 65019 65039 65060 65079 65097 65115 65132 65149 65164 65179
    65194 65208 65221 65234 65246 65258 65269 65280 65291 65301 65310 65319 65328 65337
    65345 65352 65360 65367 65374 65381 65387 65393 65399 65404 65410 65415 65420 65425
    65429 65433 65438 65442 65445 65449 65453 65456 65459 65462 65465 65468 65471 65474
    65476 65479 65481 65483 65485 65488 65489 65491 65493 65495 65497 65498 65500 65501
    65503 65504 65505 65507 65508 65509 65510 65511 65512 65513 65514 65515 65516 65517
    65517 65518 65519 65520 65520 65521 65522 65522 65523 65523 65524 65524 65525 65525
    65526 65526 65526 65527 65527 65528 65528 65528 65529 65529 65529 65529 65530 65530
    65530 65530 65531 65531 65531 65531 65531 65532 65532 65532 65532 65532 65532 65533
    65533 65533 65533 65533 65533 65533 65533 65534 65534 65534 65534 65534 65534 65534
    65534 65534 65534 65535
"""
_TABLE = np.array(_TABLE_DIGITS.split(), np.int64)
#: ``round(2**16 * logistic(i / 24)) - 2**15`` for i = 0 ... 255, about; it fits int16.
GATE_TABLE = (_TABLE - (1 << 15)).astype(np.int16)
_LAST = len(GATE_TABLE) - 1


def logistic_q15(tripled: IntLike) -> IntArray:
    """``logistic(tripled / (3 * 2**12)) * 2**15``."""
    index = gate_index(tripled, 9)
    return logistic_between(tripled, GATE_TABLE[index], GATE_TABLE[index + 1])


def tanh_q15(tripled: IntLike) -> IntArray:
    """``tanh(tripled / (3 * 2**12)) * 2**15``."""
    index = gate_index(tripled, 8)
    return tanh_between(tripled, GATE_TABLE[index], GATE_TABLE[index + 1])


def tripled_argument(x: IntLike, fraction_bits: int) -> IntArray:
    """Three times an int16 argument with so many fractional bits, as one with 12; rounded."""
    shift = 12 - fraction_bits
    tripled = np.asarray(x, np.int64) * 3
    if shift >= 0:
        return tripled << shift
    return (tripled + (1 << (-shift - 1))) >> -shift


def gate_index(tripled: IntLike, fraction_bits: int) -> IntArray:
    """Where in :data:`GATE_TABLE` an argument lies: the lower one of two neighbours.

    Args:
        tripled: The argument.
        fraction_bits: How many of its bits lie between two entries: 9 for the logistic function,
            8 for the hyperbolic tangent.
    """
    index: IntArray = np.minimum(np.abs(np.asarray(tripled, np.int64)) >> fraction_bits, _LAST - 1)
    return index


def logistic_between(tripled: IntLike, low: IntLike, high: IntLike) -> IntArray:
    """``logistic_q15`` of an argument, given the two entries that it lies between."""
    tripled = np.asarray(tripled, np.int64)
    magnitude = np.abs(tripled)
    inside = _interpolated(magnitude, 9, low, high)
    value = np.where(magnitude >> 9 >= _LAST, 0x7FFF << 10, inside)
    signed = np.where(tripled >= 0, value, (1 << 25) - 1 - value)
    result: IntArray = (signed + (1 << 9)) >> 10
    return result


def tanh_between(tripled: IntLike, low: IntLike, high: IntLike) -> IntArray:
    """``tanh_q15`` of an argument, given the two entries that it lies between."""
    tripled = np.asarray(tripled, np.int64)
    magnitude = np.abs(tripled)
    inside = _interpolated(magnitude, 8, low, high)
    value = np.where(magnitude >> 8 >= _LAST, 0xFFFF << 8, inside) - (1 << 23)
    signed = np.where(tripled >= 0, value, -value - 1)
    result: IntArray = (signed + (1 << 7)) >> 8
    return result


def _interpolated(magnitude: IntArray, fraction_bits: int, low: IntLike, high: IntLike) -> IntArray:
    low, high = np.asarray(low, np.int64), np.asarray(high, np.int64)
    fraction = magnitude & ((1 << fraction_bits) - 1)
    result: IntArray = ((low + (1 << 15)) << fraction_bits) + fraction * (high - low)
    return result
