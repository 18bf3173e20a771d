"""Two-dimensional average pooling.

``output[y, x, c] = act(mean(input[y*sy + ky - top, x*sx + kx - left, c]))`` over the elements of
the window that lie inside the input; the mean is rounded to nearest, halves away from zero.

Source: TensorFlow Lite AVERAGE_POOL_2D; integers as in TensorFlow Lite Micro's
``reference_integer_ops::AveragePool``. Quantized values are averaged as they are: halves go away
from the quantized 0, not from the zero point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array
from tinycc_ml.loopir import (
    Accumulate,
    Affine,
    Binary,
    Cast,
    Expr,
    Literal,
    Local,
    LoopKernel,
    Stmt,
    Var,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics.fixed_point import INT32_MAX
from tinycc_ml.ops.base import BoundNode, Numbers, Workload, buffers_of
from tinycc_ml.ops.convolution import tap_conditions, tap_index
from tinycc_ml.ops.floats import FloatNumbers, limit, limited, running_sum
from tinycc_ml.ops.pooling import Pool2DAttrs, Pooling, PoolNumbers
from tinycc_ml.ops.registry import register
from tinycc_ml.ops.window import sliding_windows


@register
class AveragePool2D(Pooling):
    """Input: NHWC. Output: NHWC, quantized alike."""

    name = "average_pool2d"
    summary = "2-D average pooling, any window, stride and padding; fused activation"

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        kh, kw = cast(Pool2DAttrs, bound.attrs).kernel
        x = bound.inputs[0].dtype
        if x.is_integer and kh * kw * (1 - x.min) > INT32_MAX:
            return f"window {kh}x{kw}: its sum can exceed int32"
        return super().check(bound)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, n = cast(Pool2DAttrs, workload.attrs), workload.numbers
        values = operands["input"].astype(np.float32 if workload.dtype.is_float else np.int64)
        windows, inside = (
            sliding_windows(v, a.kernel, a.stride, (1, 1), a.padding, fill=0)
            for v in (values, np.ones_like(values[..., :1]))
        )
        count = inside.sum(axis=(4, 5))
        if isinstance(n, FloatNumbers):
            return (limit(running_sum(windows.reshape(*windows.shape[:4], -1)) / count, n),)
        n, acc = cast(PoolNumbers, n), windows.sum(axis=(4, 5))
        mean = np.sign(acc) * ((np.abs(acc) + count // 2) // count)
        return (np.clip(mean, n.output_min, n.output_max).astype(workload.dtype.numpy),)

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
        rows = _count("rows", ("ky", kh), iy, extents, height)
        columns = _count("columns", ("kx", kw), ix, extents, width)
        taken: Expr | int = kh * kw
        if rows or columns:
            taken = b.mul(Var("rows") if rows else kh, Var("columns") if columns else kw)
        mean = _float_mean(taken, n) if isinstance(n, FloatNumbers) else _integer_mean(taken, n)
        taps = b.when(
            tap_conditions(ix, extents, width), Accumulate("acc", b.load(x, 0, iy, ix, "c"))
        )
        taps = b.nest([("kx", kw)], *taps)
        taps = b.nest([("ky", kh)], *b.when(tap_conditions(iy, extents, height), *taps))
        pixel = b.nest(
            [("c", channels)],
            Local("acc", mean.zero.dtype, mean.zero),
            *taps,
            b.store(y, (0, "oy", "ox", "c"), mean.output),
        )
        row = b.nest([("ox", out_w)], *columns, *mean.size, *pixel)
        return LoopKernel("average_pool2d", (x, y), b.nest([("oy", out_h)], *rows, *row))


@dataclass(frozen=True, slots=True)
class _Mean:
    """What is computed for a window: its size, and the output for the local ``acc``."""

    zero: Literal
    size: tuple[Stmt, ...]
    output: Expr


def _integer_mean(taken: Expr | int, numbers: Numbers) -> _Mean:
    n = cast(PoolNumbers, numbers)
    if isinstance(taken, int):
        size: tuple[Stmt, ...] = ()
        mean = mean_of_sum(taken)
    else:
        half = Local("half", DType.INT32, b.div(Var("count"), 2))
        size = (Local("count", DType.INT32, taken), half)
        mean = rounded_mean(Var("count"), Var("half"), b.sub(0, Var("half")))
    return _Mean(Literal(0), size, b.clamp(mean, n.output_min, n.output_max))


def _float_mean(taken: Expr | int, n: FloatNumbers) -> _Mean:
    if isinstance(taken, int):
        return _Mean(b.number(0.0), (), limited(b.div(Var("acc"), b.number(taken)), n))
    size = Local("count", DType.FLOAT32, Cast(DType.FLOAT32, taken))
    return _Mean(b.number(0.0), (size,), limited(b.div(Var("acc"), Var("count")), n))


def _count(
    name: str, loop: tuple[str, int], index: Affine, extents: dict[str, int], in_size: int
) -> tuple[Stmt, ...]:
    """Counts the rows or columns of a window inside the input; nothing where it is all of them."""
    conditions = tap_conditions(index, extents, in_size)
    if not conditions:
        return ()
    # A variable of its own: those of the taps are taken.
    tap = f"{loop[0]}_{name}"
    inside = b.inside(index.substitute(loop[0], tap), in_size)
    counting = b.nest([(tap, loop[1])], *b.when([inside], Accumulate(name, Literal(1))))
    return (Local(name, DType.INT32, Literal(0)), *counting)


def mean_of_sum(count: int) -> Expr:
    """The mean of so many elements, not yet clamped, for the local ``acc`` that holds their sum."""
    return rounded_mean(count, count // 2, -(count // 2))


def rounded_mean(count: b.Value, half: b.Value, negative_half: b.Value) -> Expr:
    """``acc / count`` rounded to nearest, halves away from zero, with one truncating division.

    What is added is half the count with the sign of the sum. ``clamp(acc, -half, half)`` is that,
    or, where the sum is smaller than the half, too small to make a difference.
    """
    nudge = Binary("min", Binary("max", Var("acc"), b.value(negative_half)), b.value(half))
    return b.div(b.add(Var("acc"), nudge), count)
