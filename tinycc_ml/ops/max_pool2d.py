"""Two-dimensional max pooling.

``output[y, x, c] = act(max(input[y*sy + ky - top, x*sx + kx - left, c]))`` over the elements of
the window that lie inside the input.

Source: TensorFlow Lite MAX_POOL_2D; integers as in TensorFlow Lite Micro's
``reference_integer_ops::MaxPool``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.loopir import Assign, Binary, Literal, Local, LoopKernel, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.base import Workload, buffers_of
from tinycc_ml.ops.convolution import tap_conditions, tap_index
from tinycc_ml.ops.floats import LOWEST, FloatNumbers, limit, limited
from tinycc_ml.ops.pooling import Pool2DAttrs, Pooling, PoolNumbers
from tinycc_ml.ops.registry import register
from tinycc_ml.ops.window import sliding_windows


@register
class MaxPool2D(Pooling):
    """Input: NHWC. Output: NHWC, quantized alike."""

    name = "max_pool2d"
    summary = "2-D max pooling, any window, stride and padding; fused activation"

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, n, x = cast(Pool2DAttrs, workload.attrs), workload.numbers, operands["input"]
        lowest = LOWEST if isinstance(n, FloatNumbers) else workload.dtype.min
        windows = sliding_windows(x, a.kernel, a.stride, (1, 1), a.padding, fill=lowest)
        if isinstance(n, FloatNumbers):
            return (limit(windows.max(axis=(4, 5)), n),)
        n = cast(PoolNumbers, n)
        return (
            np.clip(windows.max(axis=(4, 5)), n.output_min, n.output_max).astype(
                workload.dtype.numpy
            ),
        )

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a, n = cast(Pool2DAttrs, workload.attrs), workload.numbers
        x, y = buffers_of(workload)
        _, height, width, channels = x.shape
        _, out_h, out_w, _ = y.shape
        (kh, kw), p = a.kernel, a.padding
        extents = {"oy": out_h, "ox": out_w, "ky": kh, "kx": kw}
        iy = tap_index("oy", "ky", a.stride[0], 1, p.top)
        ix = tap_index("ox", "kx", a.stride[1], 1, p.left)
        larger = Binary("max", Var("highest"), b.load(x, 0, iy, ix, "c"))
        taps = b.when(tap_conditions(ix, extents, width), Assign("highest", larger))
        taps = b.nest([("kx", kw)], *taps)
        taps = b.nest([("ky", kh)], *b.when(tap_conditions(iy, extents, height), *taps))
        if isinstance(n, FloatNumbers):
            lowest, output = b.number(LOWEST), limited(Var("highest"), n)
        else:
            limits = cast(PoolNumbers, n)
            # Every window holds an element, and none is lower than the clamp once it is applied.
            lowest = Literal(limits.output_min)
            output = Binary("min", Var("highest"), Literal(limits.output_max))
        body = b.nest(
            [("oy", out_h), ("ox", out_w), ("c", channels)],
            Local("highest", lowest.dtype, lowest),
            *taps,
            b.store(y, (0, "oy", "ox", "c"), output),
        )
        return LoopKernel("max_pool2d", (x, y), body)
