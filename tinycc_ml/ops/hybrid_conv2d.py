"""Convolution of float32 activations with int8 weights, in integers.

The whole input is quantized to int8 when the layer runs: ``q = round(input * 127 / highest)`` with
the largest magnitude of the input, which 127 stands for. Then ``output = act(sum(q * weight)
* (highest / 127 * weight_scale) + bias)``; taps outside the input contribute nothing.

Source: TensorFlow Lite CONV_2D with a weight that is quantized per tensor (``EvalHybrid``,
``SymmetricQuantizeFloats``); TensorFlow Lite Micro has no such kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array
from tinycc_ml.loopir import (
    Assign,
    Binary,
    Buffer,
    Cast,
    Compare,
    Literal,
    Local,
    LoopKernel,
    Role,
    Select,
    Stmt,
    Var,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import affine_quantize
from tinycc_ml.numerics.fixed_point import INT32_MAX
from tinycc_ml.ops.access import Access, Whole
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, Workload, buffers_of
from tinycc_ml.ops.conv2d import Conv2D, Conv2DAttrs, convolution_loops, windows_of
from tinycc_ml.ops.convolution import Accumulation, constants_problem, multiply_add
from tinycc_ml.ops.floats import FloatNumbers, float_numbers, limit, limited
from tinycc_ml.ops.int8_checks import scale_problem
from tinycc_ml.ops.quantized import dtype_problem
from tinycc_ml.ops.registry import register

#: What the largest magnitude becomes; -128 is left out.
_STEPS = 127


@dataclass(frozen=True, slots=True)
class HybridNumbers(Numbers):
    """The scale of the weight, and the limits of the fused activation."""

    weight_scale: float
    limits: FloatNumbers


@register
class HybridConv2D(Conv2D):
    """Inputs: input NHWC in float32, weight OHWI in int8, bias (O,) in float32. Output: NHWC."""

    name = "hybrid_conv2d"
    summary = "2-D convolution of float32 activations with int8 weights, quantized per tensor"
    dtypes = ("float32",)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        x, w, bias = bound.inputs
        if x.shape[0] != 1:
            return f"batch {x.shape[0]}; allowed 1"
        problem = (
            dtype_problem("input", x, DType.FLOAT32)
            or dtype_problem("weight", w, DType.INT8)
            or dtype_problem("bias", bias, DType.FLOAT32)
            or dtype_problem("output", bound.outputs[0], DType.FLOAT32)
            or constants_problem(bound)
        )
        if problem:
            return problem
        if w.quant is None or len(w.quant.scales) != 1 or w.quant.zero_point != 0:
            return f"weight {w}; with float32 activations allowed are one scale and zero point 0"
        if w.elements // w.shape[0] * _STEPS * 128 > INT32_MAX:
            return f"weight {w}: sums can exceed int32"
        return scale_problem("weight", w.quant)

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        _, weight, bias = bound.constants
        quant = bound.inputs[1].quant
        assert weight and bias and quant  # checked by check
        limits = float_numbers(cast(Conv2DAttrs, bound.attrs).activation)
        constants = (("weight", weight), ("bias", bias))
        return Integers(HybridNumbers(quant.scale, limits), (("input", 0),), constants)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, n = cast(Conv2DAttrs, workload.attrs), cast(HybridNumbers, workload.numbers)
        x, w = operands["input"], operands["weight"]
        highest = np.abs(x).max(initial=np.float32(0))
        scale = highest / np.float32(_STEPS) if highest else np.float32(1)
        inverse = np.float32(_STEPS) / highest if highest else np.float32(0)
        quantized = affine_quantize(x * inverse, 1.0, 0, (-_STEPS, _STEPS))
        products = multiply_add(windows_of(quantized, w, a, 0), w.reshape(len(w), -1), workload)
        acc = products.astype(np.float32)
        factor = np.float32(scale) * np.float32(n.weight_scale)
        return (limit(acc * factor + operands["bias"], n.limits),)

    def access(self, workload: Workload) -> Access:
        """All of the input is read before the first output is written."""
        elements = workload.operand("output").elements
        return Access(elements, (("input", Whole()),), reads_first=True)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class; what is quantized lies in scratch."""
        a, n = cast(Conv2DAttrs, workload.attrs), cast(HybridNumbers, workload.numbers)
        x, w, bias, y = buffers_of(workload)
        quantized = Buffer("quantized", DType.INT8, x.shape, Role.SCRATCH)
        scaled = b.mul(Cast(DType.FLOAT32, Var("acc")), Var("factor"))
        sums = Accumulation(
            DType.INT32,
            lambda channel: Literal(0),
            lambda x: x,
            lambda channel: limited(b.add(scaled, b.load(bias, channel)), n.limits),
        )
        body = (*_quantized(x, quantized, n), *convolution_loops(a, (quantized, w, y), sums))
        return LoopKernel(self.name, (x, w, bias, y, quantized), body)


def _quantized(x: Buffer, quantized: Buffer, n: HybridNumbers) -> tuple[Stmt, ...]:
    """Statements that fill the scratch, and define ``factor``: what a sum is multiplied with."""
    _, height, width, channels = x.shape
    value = b.load(x, 0, "my", "mx", "mc")
    magnitude = Binary("max", value, b.sub(b.number(0.0), value))
    is_zero = Compare("==", Var("highest"), b.number(0.0))
    steps = b.number(_STEPS)
    scaled = b.mul(b.load(x, 0, "qy", "qx", "qc"), Var("inverse"))
    rounded = b.call("quantize", scaled, b.number(1.0), 0, -_STEPS, _STEPS)
    return (
        Local("highest", DType.FLOAT32, b.number(0.0)),
        *b.nest(
            [("my", height), ("mx", width), ("mc", channels)],
            Assign("highest", Binary("max", Var("highest"), magnitude)),
        ),
        Local("scale", DType.FLOAT32, Select(is_zero, b.number(1.0), b.div(Var("highest"), steps))),
        Local(
            "inverse", DType.FLOAT32, Select(is_zero, b.number(0.0), b.div(steps, Var("highest")))
        ),
        *b.nest(
            [("qy", height), ("qx", width), ("qc", channels)],
            b.store(quantized, (0, "qy", "qx", "qc"), rounded),
        ),
        Local("factor", DType.FLOAT32, b.mul(Var("scale"), b.number(n.weight_scale))),
    )
