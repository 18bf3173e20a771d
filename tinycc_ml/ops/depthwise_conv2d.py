"""Depthwise two-dimensional convolution: each input channel has filters of its own.

``output[y, x, i*m + j] = act(bias[i*m + j] + sum(input[y*sy + ky*dy - top, x*sx + kx*dx - left, i]
* weight[0, ky, kx, i*m + j]))`` for the ``m`` filters ``j`` of input channel ``i``; NHWC
activations; taps outside the input contribute nothing.

Source: TensorFlow Lite DEPTHWISE_CONV_2D; integers as in TensorFlow Lite Micro's
``reference_integer_ops::DepthwiseConvPerChannel``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Accumulate, Local, LoopKernel, affine
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access, Window
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload, buffers_of
from tinycc_ml.ops.convolution import (
    WeightedLayer,
    accumulation,
    check_convolution,
    finish,
    input_zero,
    integerize_convolution,
    tap_conditions,
    tap_index,
    weight_of,
)
from tinycc_ml.ops.registry import register
from tinycc_ml.ops.window import Padding, sliding_windows, window_output


@dataclass(frozen=True, slots=True)
class DepthwiseConv2DAttrs(OpAttrs):
    """Stride and dilation are (vertical, horizontal)."""

    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE


def _layer(bound: BoundNode) -> WeightedLayer:
    a = cast(DepthwiseConv2DAttrs, bound.attrs)
    return WeightedLayer(a.activation, channel_axis=3, fold_zero_point=a.padding.is_empty)


@register
class DepthwiseConv2D(OpDef):
    """Inputs: input NHWC, weight (1, height, width, O), bias (O,). Output: NHWC."""

    name = "depthwise_conv2d"
    attrs_type = DepthwiseConv2DAttrs
    summary = "2-D depthwise convolution, one or more filters per channel; fused activation"
    dtypes = ("int8", "int16", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a = cast(DepthwiseConv2DAttrs, attrs)
        x, w, bias = inputs[0].shape, inputs[1].shape, inputs[2].shape
        if len(x) != 4 or len(w) != 4 or w[0] != 1 or 0 in (*x, *w) or bias != w[3:] or w[3] % x[3]:
            raise UnsupportedError(
                f"input {x}, weight {w}, bias {bias}: expected NHWC, (1, height, width, O) with O "
                "a multiple of the input channels, and one bias per filter"
            )
        height, width = window_output(x[1:3], w[1:3], a.stride, a.dilation, a.padding)
        return ((x[0], height, width, w[3]),)

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
        a, zero = cast(DepthwiseConv2DAttrs, workload.attrs), input_zero(workload)
        wide = np.float32 if workload.dtype.is_float else np.float64
        w = weight_of(workload, operands)[0].astype(wide)
        windows = sliding_windows(
            operands["input"], w.shape[:2], a.stride, a.dilation, a.padding, fill=zero
        )
        products = np.zeros(workload.operand("output").shape, wide)
        multiplier = w.shape[2] // windows.shape[3]
        for ky in range(w.shape[0]):
            for kx in range(w.shape[1]):
                x = windows[..., ky, kx].astype(wide) - zero
                products += np.repeat(x, multiplier, axis=3) * w[ky, kx]
        return (finish(products, workload, operands),)

    def macs(self, workload: Workload) -> int:
        """See the base class."""
        _, kh, kw, _ = workload.operand("weight").shape
        return workload.operand("output").elements * kh * kw

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        a = cast(DepthwiseConv2DAttrs, workload.attrs)
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
        # With one filter per channel, a channel's window is read before its output is written.
        return Access(out_c, (("input", window),), pixel_elements=in_c if in_c == out_c else 0)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a, sums = cast(DepthwiseConv2DAttrs, workload.attrs), accumulation(workload)
        buffers = buffers_of(workload)
        x, w, y = buffers[0], buffers[1], buffers[-1]
        _, height, width, in_c = x.shape
        _, kh, kw, _ = w.shape
        _, out_h, out_w, out_c = y.shape
        filters = out_c // in_c
        # With one filter per channel there is no loop over filters, and "ic" is the output channel.
        oc = affine("ic") * filters + ("filter" if filters > 1 else 0)
        extents = {"oy": out_h, "ox": out_w, "ky": kh, "kx": kw}
        iy = tap_index("oy", "ky", a.stride[0], a.dilation[0], a.padding.top)
        ix = tap_index("ox", "kx", a.stride[1], a.dilation[1], a.padding.left)
        factor = sums.factor(b.load(x, 0, iy, ix, "ic"))
        product = b.mul(factor, b.load(w, 0, "ky", "kx", oc))
        taps = b.when(tap_conditions(ix, extents, width), Accumulate("acc", sums.term(product)))
        taps = b.nest([("kx", kw)], *taps)
        taps = b.nest([("ky", kh)], *b.when(tap_conditions(iy, extents, height), *taps))
        channels = [("ic", in_c)] + ([("filter", filters)] if filters > 1 else [])
        body = b.nest(
            [("oy", out_h), ("ox", out_w), *channels],
            Local("acc", sums.dtype, sums.start(oc)),
            *taps,
            b.store(y, (0, "oy", "ox", oc), sums.output(oc)),
        )
        return LoopKernel("depthwise_conv2d", buffers, body)
