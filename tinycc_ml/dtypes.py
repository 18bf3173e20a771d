"""Element types: sizes, C names, limits."""

from __future__ import annotations

from enum import Enum

import numpy as np
import numpy.typing as npt


class DType(Enum):
    """An element type; the value is the name used in dumps, manifests and kernel names."""

    BOOL = "bool"
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
        """The NumPy dtype of the same meaning."""
        return np.dtype(self.value)

    @property
    def size_bytes(self) -> int:
        """Bytes of one element."""
        return int(self.numpy.itemsize)

    @property
    def c_name(self) -> str:
        """The C type, from ``<stdint.h>`` where there is one."""
        return {DType.BOOL: "bool", DType.FLOAT32: "float"}.get(self, f"{self.value}_t")

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
        return 0 if self is DType.BOOL else int(np.iinfo(self.value).min)

    @property
    def max(self) -> int:
        """The highest value of an integer type; 1 for ``bool``."""
        return 1 if self is DType.BOOL else int(np.iinfo(self.value).max)

    @property
    def short_name(self) -> str:
        """The suffix in kernel names: ``s8``, ``u8``, ``s16``, ``f32`` ..."""
        kind = {"i": "s", "u": "u", "f": "f", "b": "b"}[self.numpy.kind]
        return f"{kind}{8 * self.size_bytes}"


def from_numpy(dtype: npt.DTypeLike) -> DType:
    """The element type of a NumPy dtype.

    Raises:
        ValueError: If no element type corresponds to it.
    """
    return DType(np.dtype(dtype).name)
