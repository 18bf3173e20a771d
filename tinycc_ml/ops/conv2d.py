"""Two-dimensional convolution.

``output[y, x, o] = act(bias[o] + sum(input[y*sy + ky*dy - top, x*sx + kx*dx - left, i]
* weight[o, ky, kx, i]))`` with NHWC activations and OHWI weights; taps outside the input
contribute nothing.

Source: TensorFlow Lite CONV_2D; integers as in TensorFlow Lite Micro's
``reference_integer_ops::ConvPerChannel``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Accumulate, Buffer, Local, LoopKernel, Stmt
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access, Window
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload, buffers_of
from tinycc_ml.ops.convolution import (
    Accumulation,
    WeightedLayer,
    accumulation,
    check_convolution,
    finish,
    input_zero,
    integerize_convolution,
    multiply_add,
    tap_conditions,
    tap_index,
    weight_of,
)
from tinycc_ml.ops.registry import register
from tinycc_ml.ops.window import Padding, sliding_windows, window_output


@dataclass(frozen=True, slots=True)
class Conv2DAttrs(OpAttrs):
    """Stride and dilation are (vertical, horizontal)."""

    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE


def _layer(bound: BoundNode) -> WeightedLayer:
    a = cast(Conv2DAttrs, bound.attrs)
    return WeightedLayer(a.activation, channel_axis=0, fold_zero_point=a.padding.is_empty)


@register
class Conv2D(OpDef):
    """Inputs: input NHWC, weight OHWI, bias (O,). Output: NHWC."""

    name = "conv2d"
    attrs_type = Conv2DAttrs
    summary = "2-D convolution, any kernel, stride, dilation and padding; fused activation"
    dtypes: ClassVar[tuple[str, ...]] = ("int8", "int16", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a = cast(Conv2DAttrs, attrs)
        x, w, bias = (t.shape for t in inputs)
        if len(x) != 4 or len(w) != 4 or 0 in w or w[3] != x[3] or bias != (w[0],):
            raise UnsupportedError(
                f"input {x}, weight {w}, bias {bias}: expected NHWC, OHWI with as many input "
                "channels, and one bias per filter"
            )
        height, width = window_output(x[1:3], w[1:3], a.stride, a.dilation, a.padding)
        return ((x[0], height, width, w[0]),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if bound.inputs[0].shape[0] != 1:
            return f"batch {bound.inputs[0].shape[0]}; allowed 1"
        return check_convolution(bound, _layer(bound))

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        numbers, constants = integerize_convolution(bound, _layer(bound))
        return Integers(numbers, (("input", 0),), constants)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, zero = cast(Conv2DAttrs, workload.attrs), input_zero(workload)
        w = weight_of(workload, operands)
        x = windows_of(operands["input"], w, a, zero)
        centered = x - np.int16(zero) if zero else x
        products = multiply_add(centered, w.reshape(len(w), -1), workload)
        return (finish(products, workload, operands),)

    def macs(self, workload: Workload) -> int:
        """See the base class."""
        _, kh, kw, in_c = workload.operand("weight").shape
        return workload.operand("output").elements * kh * kw * in_c

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        a = cast(Conv2DAttrs, workload.attrs)
        _, height, width, in_c = workload.operand("input").shape
        _, _, out_w, out_c = workload.operand("output").shape
        kernel = workload.operand("weight").shape[1:3]
        window = Window(
            (height, width, in_c),
            out_w,
            (kernel[0], kernel[1]),
            a.stride,
            a.dilation,
            (a.padding.top, a.padding.left),
        )
        return Access(out_c, (("input", window),))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a, buffers = cast(Conv2DAttrs, workload.attrs), buffers_of(workload)
        x, w, y = buffers[0], buffers[1], buffers[-1]
        return LoopKernel(
            "conv2d", buffers, convolution_loops(a, (x, w, y), accumulation(workload))
        )


def windows_of(x: Array, weight: Array, attrs: Conv2DAttrs, fill: int) -> Array:
    """Per output pixel what its filters are multiplied with: (n, y, x, ky * kx * i)."""
    windows = sliding_windows(
        x, weight.shape[1:3], attrs.stride, attrs.dilation, attrs.padding, fill=fill
    )
    # From (n, y, x, i, ky, kx) to the order of (o, ky, kx, i).
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(*windows.shape[:3], -1)


def convolution_loops(
    attrs: Conv2DAttrs, buffers: tuple[Buffer, Buffer, Buffer], sums: Accumulation
) -> tuple[Stmt, ...]:
    """The loop nest from input and weight to output, with sums in the local ``acc``."""
    x, w, y = buffers
    _, height, width, in_c = x.shape
    _, kh, kw, _ = w.shape
    _, out_h, out_w, out_c = y.shape
    extents = {"oy": out_h, "ox": out_w, "ky": kh, "kx": kw}
    iy = tap_index("oy", "ky", attrs.stride[0], attrs.dilation[0], attrs.padding.top)
    ix = tap_index("ox", "kx", attrs.stride[1], attrs.dilation[1], attrs.padding.left)
    factor = sums.factor(b.load(x, 0, iy, ix, "ic"))
    product = b.mul(factor, b.load(w, "oc", "ky", "kx", "ic"))
    taps = b.nest([("ic", in_c)], Accumulate("acc", sums.term(product)))
    taps = b.nest([("kx", kw)], *b.when(tap_conditions(ix, extents, width), *taps))
    taps = b.nest([("ky", kh)], *b.when(tap_conditions(iy, extents, height), *taps))
    return b.nest(
        [("oy", out_h), ("ox", out_w), ("oc", out_c)],
        Local("acc", sums.dtype, sums.start("oc")),
        *taps,
        b.store(y, (0, "oy", "ox", "oc"), sums.output("oc")),
    )
