"""Multiplications and reductions for the vector kernels' tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from random import Random

import numpy as np

from tests.kernels.dsp.cases import Case, int8_data
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant, TensorType
from tinycc_ml.kernels.base import Kernel
from tinycc_ml.kernels.mve.mean import MeanMve, SumMve
from tinycc_ml.kernels.mve.mul import MulMve
from tinycc_ml.loopir import Argument, Buffer, CallIntrinsic, For, LoopKernel, Role
from tinycc_ml.numerics import quantize_multiplier
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.mean import MeanAttrs, MeanNumbers
from tinycc_ml.ops.mul import MulAttrs, MulNumbers


class OneInput(MulMve):
    """The kernel with its inputs one behind the other, as the batches have one."""

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        kernel = super().build(workload, constants)
        first, second, *others = kernel.loops.buffers
        x = Buffer("input", DType.INT8, (first.elements + second.elements,), Role.INPUT)
        (loop,) = kernel.loops.body
        assert isinstance(loop, For)
        (call,) = loop.body
        assert isinstance(call, CallIntrinsic)
        starts = {"input0": 0, "input1": first.elements}
        arguments = tuple(
            Argument("input", (a.start[0] + starts[a.buffer],)) if a.buffer in starts else a
            for a in call.arguments
        )
        body = (replace(loop, body=(replace(call, arguments=arguments),)),)
        return replace(kernel, loops=LoopKernel("mul", (x, *others), body))


@dataclass(frozen=True)
class MulCase(Case):
    """Its input is both inputs, one behind the other."""

    @property
    def expected(self) -> np.ndarray:
        shapes = [type_.shape for _, type_ in self.workload.inputs]
        parts = np.split(self.x, [prod(shapes[0])])
        inputs = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        operands = dict(zip(("input0", "input1"), inputs, strict=True))
        (y,) = op("mul").reference(self.workload, operands)
        return y


def draw_mul(r: Random) -> MulNumbers:
    """Scales as trained networks have them, and further apart."""
    multiplier, shift = quantize_multiplier(2.0 ** r.uniform(-20, 0) * r.choice([1.0, 0.01]))
    zeros = [r.choice([-128, 127, 0, r.randint(-128, 127)]) for _ in range(3)]
    low = r.choice([-128, -128, zeros[2], r.randint(-128, 127)])
    return MulNumbers(*zeros, multiplier, shift, low, r.choice([127, r.randint(low, 127)]))


def mul_case(r: Random, scale: int = 1) -> MulCase:
    """Equal shapes, or one that is repeated along the first dimensions of the other."""
    inner = r.choice([1, 3, 8, 11, 16, 21, r.randint(1, 60 * scale)])
    shape: tuple[int, ...] = (1, r.randint(1, 3), r.randint(1, 2 * scale), inner)
    other = r.choice([shape, (1, 1, 1, inner), (inner,), shape[2:]])
    shapes = [shape, other] if r.random() < 0.5 else [other, shape]
    x = np.concatenate([int8_data(r, (prod(s),)) for s in shapes])
    inputs = tuple((f"input{i}", TensorType(s, DType.INT8)) for i, s in enumerate(shapes))
    output = (("output", TensorType(shape, DType.INT8)),)
    workload = Workload("mul", MulAttrs(), draw_mul(r), inputs, (), output)
    return MulCase(OneInput(), workload, (), x)


def all_products_case(r: Random) -> MulCase:
    """Every value multiplied by every value."""
    values = np.arange(-128, 128, dtype=np.int8)
    x = np.concatenate([grid.reshape(-1) for grid in np.meshgrid(values, values)])
    tensor = TensorType((65536,), DType.INT8)
    inputs = (("input0", tensor), ("input1", tensor))
    workload = Workload("mul", MulAttrs(), draw_mul(r), inputs, (), (("output", tensor),))
    return MulCase(OneInput(), workload, (), x)


def mean_case(r: Random, scale: int = 1) -> Case:
    """Means and sums over dimensions that are neighbours."""
    definition = r.choice([MeanMve(), SumMve()])
    # More rows than fit a sum of 16 bits, now and then.
    tall = r.random() < 0.15
    columns = r.choice([3, 8, r.randint(2, 9)]) if tall else r.choice([8, 130, r.randint(2, 40)])
    height, width = r.randint(2, 4 * scale), r.randint(2, 4 * scale)
    if tall:
        height, width = r.choice([(16, 16), (1, 257), (32, 16), (27, 29)])
    shape = (r.choice([1, 1, 3]), height, width, columns)
    axes = r.choice([(1, 2), (1, 2), (1, 2), (1,), (2,)])
    count = prod(shape[i] for i in axes)
    extra = count.bit_length() - 1 if definition.op == "mean" else 0
    multiplier, shift = quantize_multiplier(2.0 ** r.uniform(-3, 1 if extra else -1))
    if definition.op == "mean":
        multiplier, shift = (multiplier << extra) // count, shift - extra
    zeros = [r.choice([-128, 127, 0, r.randint(-128, 127)]) for _ in range(2)]
    numbers = MeanNumbers(-count * zeros[0], multiplier, shift, zeros[1])
    kept = tuple(1 if i in axes else size for i, size in enumerate(shape))
    workload = Workload(
        definition.op,
        MeanAttrs(axes, keep_dims=True),
        numbers,
        (("input", TensorType(shape, DType.INT8)),),
        (),
        (("output", TensorType(kept, DType.INT8)),),
    )
    return Case(definition, workload, (), int8_data(r, shape))
