"""Elementwise addition of int8 tensors by two tables, without a multiplication.

An input has 256 values: its contribution to the *output*, scaled by a power of two, is looked up,
so that of TensorFlow Lite's arithmetic an addition, a shift and the clamp remain:

    output = clamp(first[a] + second[b] >> shift)

The shortest shift is taken for which some rounding gives the reference's output for all 65,536
pairs of inputs; that it does is tried on all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.swar.layer import REQUIRES, Isa
from tinycc_ml.kernels.swar.pairs import repeat
from tinycc_ml.loopir import (
    AffineLike,
    Binary,
    Buffer,
    Expr,
    Lookup,
    LoopKernel,
    Role,
    Stmt,
    verify_kernel,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.rescaling import RescaledNumbers, scale_input

_SHIFTS = range(8, 24)
_VALUES = np.arange(-128, 128)
#: What the value -128 has in front of it in a table.
_ZERO = 128
_CYCLES: dict[Isa, int] = {"thumb1": 25, "thumb2": 16}


class AddTables(KernelDef):
    """Inputs of equal shapes."""

    op = "add"

    def __init__(self, isa: Isa) -> None:
        self.isa = isa
        self.name = f"add_s8_tables__{isa}"  # type: ignore[misc]
        self.requires = REQUIRES[isa]  # type: ignore[misc]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        shapes = {type_.shape for _, type_ in (*workload.inputs, *workload.outputs)}
        if len(shapes) > 1:
            return "inputs of different shapes; allowed equal ones"
        return None if _tables(workload) else "no shift and rounding are exact for all pairs"

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        n = cast(RescaledNumbers, workload.numbers)
        found = _tables(workload)
        assert found  # the layer is not refused
        shift, first, second = found
        elements = outputs(workload)
        x0, x1 = (
            Buffer(role, DType.INT8, (elements,), Role.INPUT) for role in ("input0", "input1")
        )
        tables = (
            Buffer("first", DType.INT32, (256,), Role.CONSTANT),
            Buffer("second", DType.INT32, (256,), Role.CONSTANT),
        )
        y = Buffer("output", DType.INT8, (elements,), Role.OUTPUT)
        lowest = int(first.min() + second.min()) >> shift
        highest = int(first.max() + second.max()) >> shift

        def one(at: AffineLike) -> Stmt:
            terms = (
                Lookup(table.name, b.add(b.load(x, at), _ZERO))
                for table, x in zip(tables, (x0, x1), strict=True)
            )
            value: Expr = b.call("shift_right", b.add(*terms), shift)
            if highest > n.output_max:
                value = Binary("min", value, b.value(n.output_max))
            if lowest < n.output_min:
                value = Binary("max", value, b.value(n.output_min))
            return b.store(y, (at,), value)

        loops = LoopKernel(self.op, (x0, x1, *tables, y), repeat(one, elements, "i"))
        return Kernel(self.name, (), verify_kernel(loops), op(self.op).access(workload))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return _CYCLES[self.isa] * outputs(workload)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        found = _tables(workload)
        assert found  # the layer is not refused
        return Constant(found[1].astype(np.int32)), Constant(found[2].astype(np.int32))


@lru_cache(maxsize=8)
def _tables(workload: Workload) -> tuple[int, Array, Array] | None:
    """Shift and tables, the rounding in the first; ``None`` if no shift is exact."""
    n = cast(RescaledNumbers, workload.numbers)
    pairs = np.meshgrid(_VALUES.astype(np.int8), _VALUES.astype(np.int8), indexing="ij")
    (expected,) = op("add").reference(workload, dict(zip(("input0", "input1"), pairs, strict=True)))
    wanted = expected.astype(np.int64)
    contributions = [scale_input(_VALUES, s) * n.output.multiplier for s in (n.input0, n.input1)]
    for shift in _SHIFTS:
        factor = 2.0 ** (n.output.shift - 31 + shift)
        first, second = (np.rint(c * factor).astype(np.int64) for c in contributions)
        total = first[:, np.newaxis] + second
        # (total + rounding) >> shift is the output, or lies beyond the limit that it is at.
        least = np.where(wanted > n.output_min, (wanted << shift) - total, -(1 << 40)).max()
        most = np.where(wanted < n.output_max, (wanted + 1 << shift) - 1 - total, 1 << 40).min()
        if least > most:
            continue
        rounding = (max(int(least), -(1 << 32)) + min(int(most), 1 << 32)) // 2
        first = first + rounding
        total = total + rounding
        ends = (first, second, total)
        if all(x.min() >= INT32_MIN and x.max() <= INT32_MAX for x in ends):
            return shift, first, second
    return None
