"""Element types: sizes, C names, limits."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt


class DType(Enum):
    """An element type; the value is the name used in dumps, manifests and kernel names."""

    BOOL = "bool"
    #: Of constants only: two elements share a byte in flash, the first in its lower half.
    INT4 = "int4"
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """The NumPy dtype of the same meaning; for ``int4``, of which NumPy has none, int8."""
        return np.dtype("int8" if self is DType.INT4 else self.value)

    @property
    def size_bytes(self) -> int:
        """Bytes of one element; of ``int4``, of the two that share one."""
        return int(self.numpy.itemsize)

    @property
    def bits(self) -> int:
        """Bits of one element in memory."""
        return 4 if self is DType.INT4 else 8 * self.size_bytes

    @property
    def c_name(self) -> str:
        """The C type of what is addressed, from ``<stdint.h>`` where there is one."""
        special = {DType.BOOL: "bool", DType.FLOAT32: "float", DType.INT4: "uint8_t"}
        return special.get(self, f"{self.value}_t")

    @property
    def is_integer(self) -> bool:
        """Whether elements are integers (``bool`` is not)."""
        return self.numpy.kind in "iu"

    @property
    def is_float(self) -> bool:
        """Whether elements are real numbers."""
        return self.numpy.kind == "f"

    @property
    def min(self) -> int:
        """The lowest value of an integer type; 0 for ``bool``."""
        return -8 if self is DType.INT4 else 0 if self is DType.BOOL else int(self._info.min)

    @property
    def max(self) -> int:
        """The highest value of an integer type; 1 for ``bool``."""
        return 7 if self is DType.INT4 else 1 if self is DType.BOOL else int(self._info.max)

    @property
    def _info(self) -> np.iinfo[np.signedinteger[Any]]:
        return np.iinfo(self.value)

    @property
    def short_name(self) -> str:
        """The suffix in kernel names: ``s4``, ``s8``, ``u8``, ``s16``, ``f32`` ..."""
        kind = {"i": "s", "u": "u", "f": "f", "b": "b"}[self.numpy.kind]
        return f"{kind}{self.bits}"


#: The types of values that are computed when the model runs.
VALUE_TYPES = tuple(dtype for dtype in DType if dtype is not DType.INT4)


def from_numpy(dtype: npt.DTypeLike) -> DType:
    """The element type of a NumPy dtype.

    Raises:
        ValueError: If no element type corresponds to it.
    """
    return DType(np.dtype(dtype).name)
