"""Elementwise addition of int8 tensors by tables: about nine instructions per element.

An input has 256 values, so that its scaled contribution to the sum is looked up; of TensorFlow
Lite's arithmetic remains the requantization of the sum, as in
:mod:`tinycc_ml.kernels.dsp.requantize`. That is exact is not argued: all 65,536 pairs are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.dsp.add_assembly import TABLE_WORDS, AddTile, add_intrinsic
from tinycc_ml.loopir import (
    Argument,
    Buffer,
    CallIntrinsic,
    LoopKernel,
    Role,
    affine,
    verify_kernel,
)
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.rescaling import RescaledNumbers, scale_input

_VALUES = np.arange(-128, 128)


class AddDsp(KernelDef):
    """Inputs of equal shapes; no activation, or one that the saturation to int8 covers."""

    name = "add_s8__dsp_table"
    op = "add"
    requires = frozenset({"dsp"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        n = cast(RescaledNumbers, workload.numbers)
        shapes = {type_.shape for _, type_ in (*workload.inputs, *workload.outputs)}
        if len(shapes) > 1:
            return f"shapes {sorted(shapes)} are broadcast; allowed are equal ones"
        if (n.output_min, n.output_max) != (-128, 127):
            return f"outputs are clamped to {n.output_min} ... {n.output_max}; allowed -128 ... 127"
        if not -31 <= n.output.shift <= -1:
            return f"the sum is shifted by {n.output.shift}; allowed -31 ... -1"
        return None if _is_exact(workload) else "rounding in one step is not exact"

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        tile = _tile(workload)
        roles = ("input0", "input1")
        inputs = (Buffer(role, DType.INT8, (tile.elements,), Role.INPUT) for role in roles)
        buffers = (
            *inputs,
            Buffer("tables", DType.INT32, (TABLE_WORDS,), Role.CONSTANT),
            Buffer("output", DType.INT8, (tile.elements,), Role.OUTPUT),
        )
        arguments = tuple(Argument(buffer.name, (affine(0),)) for buffer in buffers)
        loops = LoopKernel(self.op, buffers, (CallIntrinsic(add_intrinsic(tile), arguments),))
        # Whole words are read before their elements are written: earlier than promised.
        return Kernel(self.name, (), verify_kernel(loops), op(self.op).access(workload))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return 10 * outputs(workload)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        first, second, rounding = _tables(workload)
        multiplier = cast(RescaledNumbers, workload.numbers).output.multiplier
        words = np.concatenate([[multiplier, rounding], first, second])
        return (Constant(words.astype(np.int32)),)


def _tile(workload: Workload) -> AddTile:
    n = cast(RescaledNumbers, workload.numbers)
    corrects_sign = n.output_min < n.output.offset
    return AddTile(workload.operand("output").elements, -n.output.shift, corrects_sign)


def _tables(workload: Workload) -> tuple[Array, Array, int]:
    """What each value of each input adds to twice the sum, and the rounding."""
    n = cast(RescaledNumbers, workload.numbers)
    first, second = (2 * scale_input(_VALUES, s) for s in (n.input0, n.input1))
    exponent = -n.output.shift
    rounding = (1 << exponent - 1) + (n.output.offset << exponent)
    return first, second, rounding


def _is_exact(workload: Workload) -> bool:
    """Whether the tile's arithmetic gives the reference's output for every pair of inputs."""
    n, tile = cast(RescaledNumbers, workload.numbers), _tile(workload)
    first, second, rounding = _tables(workload)
    total = first[:, np.newaxis] + second
    high = (total * n.output.multiplier + (1 << 31)) >> 32
    sums = high + rounding - tile.corrects_sign * (total < 0)
    fits = all(x.min() >= INT32_MIN and x.max() <= INT32_MAX for x in (total, sums))
    fits = fits and INT32_MIN < rounding <= INT32_MAX
    found = np.clip(sums >> tile.exponent, -128, 127)
    pairs = np.meshgrid(_VALUES.astype(np.int8), _VALUES.astype(np.int8), indexing="ij")
    inputs = dict(zip(("input0", "input1"), pairs, strict=True))
    (expected,) = op(workload.op).reference(workload, inputs)
    return fits and np.array_equal(found, expected)
