"""Integers of 4 bits, two in a byte.

Element ``2 i`` is the lower half of byte ``i``, element ``2 i + 1`` the upper half; the last upper
half is 0 where the number of elements is odd. Elements follow each other without a gap, whatever
the shape.

Source: TensorFlow Lite ``PackInt8IntoDenseInt4`` and ``UnpackDenseInt4IntoInt8``; ONNX INT4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_SIGN = 8


def packed_bytes(elements: int) -> int:
    """Bytes that so many integers of 4 bits take."""
    return (elements + 1) // 2


def pack_int4(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """The bytes of integers -8 ... 7, in the order of their memory.

    Raises:
        ValueError: If one does not fit.
    """
    flat = np.asarray(array).reshape(-1)
    if flat.size and (flat.min() < -_SIGN or flat.max() >= _SIGN):
        raise ValueError(f"{flat.min()} ... {flat.max()} does not fit 4 bits")
    halves = np.zeros(2 * packed_bytes(flat.size), np.uint8)
    halves[: flat.size] = flat.astype(np.int8).view(np.uint8) & 15
    packed = halves[0::2] | halves[1::2] << 4
    return packed.astype(np.uint8)


def unpack_int4(packed: npt.NDArray[np.uint8], shape: tuple[int, ...]) -> npt.NDArray[np.int8]:
    """The int8 array of that shape whose elements are packed.

    Raises:
        ValueError: If there are too few or too many bytes.
    """
    elements = int(np.prod(shape, dtype=np.int64))
    if packed.shape != (packed_bytes(elements),):
        raise ValueError(f"{packed.shape} bytes for shape {shape}")
    halves = np.stack([packed & 15, packed >> 4], axis=1).reshape(-1)[:elements].astype(np.int8)
    return ((halves ^ _SIGN) - _SIGN).astype(np.int8).reshape(shape)
