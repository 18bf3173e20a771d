"""Operators that are a table: ``output = table[input - lowest input]``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant
from tinycc_ml.loopir import Lookup, LoopKernel
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics.fixed_point import IntArray
from tinycc_ml.ops.base import Integers, Numbers, Workload
from tinycc_ml.ops.elementwise import elementwise_kernel


def every_input(dtype: DType) -> IntArray:
    """All values of an 8-bit type, ascending."""
    return np.arange(dtype.min, dtype.max + 1, dtype=np.int64)


def lookup_integers(table: Array, dtype: DType) -> Integers:
    """A node whose only constant is its table of outputs, one for each of ``every_input``."""
    constant = Constant(table.astype(dtype.numpy))
    return Integers(Numbers(), (("input", 0),), (("table", constant),))


def lookup_reference(workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
    """See :meth:`OpDef.reference`."""
    lowest = workload.operand("input").dtype.min
    return (operands["table"][operands["input"].astype(np.int64) - lowest],)


def lower_lookup(workload: Workload) -> LoopKernel:
    """See :meth:`OpDef.lower`."""
    lowest = workload.operand("input").dtype.min
    return elementwise_kernel(workload, lambda x: Lookup("table", b.sub(x, lowest)))
