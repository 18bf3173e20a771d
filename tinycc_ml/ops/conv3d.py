"""Three-dimensional convolution, in groups of channels.

``output[z, y, x, o] = act(bias[o] + sum(input[z*sz + kz*dz - pz, y*sy + ky*dy - py,
x*sx + kx*dx - px, g*I + i] * weight[o, kz, ky, kx, i]))`` with NDHWC activations and ODHWI weights,
where output ``o`` is in group ``g``; taps outside the input contribute nothing.

Source: ONNX Conv of three dimensions; integers are those of the two-dimensional convolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar, cast

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Accumulate, Local, LoopKernel, affine
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access, Whole
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload, buffers_of
from tinycc_ml.ops.convolution import (
    WeightedLayer,
    accumulation,
    check_convolution,
    finish,
    input_zero,
    integerize_convolution,
    multiply_add,
    tap_conditions,
    tap_index,
)
from tinycc_ml.ops.registry import register

Triple = tuple[int, int, int]
_AXES = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Conv3DAttrs(OpAttrs):
    """Everything is by depth, height, width.

    Attributes:
        stride: Elements between windows.
        dilation: Elements between the taps of a window.
        before: Zeros before the input.
        after: Zeros behind it.
        groups: Each has as many inputs and as many outputs.
        activation: The fused activation.
    """

    stride: Triple = (1, 1, 1)
    dilation: Triple = (1, 1, 1)
    before: Triple = (0, 0, 0)
    after: Triple = (0, 0, 0)
    groups: int = 1
    activation: Activation = Activation.NONE


def _layer(bound: BoundNode) -> WeightedLayer:
    a = cast(Conv3DAttrs, bound.attrs)
    return WeightedLayer(a.activation, 0, fold_zero_point=not any((*a.before, *a.after)))


@register
class Conv3D(OpDef):
    """Inputs: input NDHWC, weight ODHWI, bias (O,). Output: NDHWC."""

    name = "conv3d"
    attrs_type = Conv3DAttrs
    summary = "3-D convolution, any kernel, stride, dilation, padding and groups; fused activation"
    dtypes: ClassVar[tuple[str, ...]] = ("int8", "int16", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a = cast(Conv3DAttrs, attrs)
        x, w, bias = (t.shape for t in inputs)
        if len(x) != 5 or len(w) != 5 or 0 in w or w[4] * a.groups != x[4] or bias != (w[0],):
            raise UnsupportedError(
                f"input {x}, weight {w}, bias {bias}: expected NDHWC, ODHWI with the input "
                f"channels of one of {a.groups} groups, and one bias per filter"
            )
        if w[0] % a.groups or min(*a.stride, *a.dilation, a.groups) < 1:
            raise UnsupportedError(f"{w[0]} filters in {a.groups} groups, stride {a.stride}")
        padded = [e + p + q for e, p, q in zip(x[1:4], a.before, a.after, strict=True)]
        room = [e - s for e, s in zip(padded, _spans(w, a), strict=True)]
        if min(*room, *a.before, *a.after) < 0:
            raise UnsupportedError(f"windows {w[1:4]} do not fit into the padded input {padded}")
        return ((x[0], *(r // s + 1 for r, s in zip(room, a.stride, strict=True)), w[0]),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        return check_convolution(bound, _layer(bound))

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        numbers, constants = integerize_convolution(bound, _layer(bound))
        return Integers(numbers, (("input", 0),), constants)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, w, zero = cast(Conv3DAttrs, workload.attrs), operands["weight"], input_zero(workload)
        windows = _windows(operands["input"], w, a, zero)
        centered = windows - np.int16(zero) if zero else windows
        rows = w.reshape(a.groups, w.shape[0] // a.groups, -1)
        products = [
            multiply_add(x.reshape(*x.shape[:4], -1), row, workload)
            for x, row in zip(np.split(centered, a.groups, axis=-1), rows, strict=True)
        ]
        return (finish(np.concatenate(products, axis=-1), workload, operands),)

    def macs(self, workload: Workload) -> int:
        """See the base class."""
        return workload.operand("output").elements * prod(workload.operand("weight").shape[1:])

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return Access(workload.operand("output").elements, (("input", Whole()),))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a, buffers = cast(Conv3DAttrs, workload.attrs), buffers_of(workload)
        x, w, y = buffers[0], buffers[1], buffers[-1]
        inner, per_group = w.shape[4], y.shape[4] // a.groups
        outputs, taps = ("oz", "oy", "ox"), ("kz", "ky", "kx")
        extents = dict(zip((*outputs, *taps), (*y.shape[1:4], *w.shape[1:4]), strict=True))
        at = [
            tap_index(o, k, s, d, p)
            for o, k, s, d, p in zip(outputs, taps, a.stride, a.dilation, a.before, strict=True)
        ]
        sums = accumulation(workload)
        channel = affine("g") * per_group + affine("o")
        factor = sums.factor(b.load(x, "n", *at, affine("g") * inner + affine("i")))
        product = b.mul(factor, b.load(w, channel, *taps, "i"))
        body = b.nest([("i", inner)], Accumulate("acc", sums.term(product)))
        for axis in (2, 1, 0):
            guard = tap_conditions(at[axis], extents, x.shape[axis + 1])
            body = b.nest([(taps[axis], w.shape[axis + 1])], *b.when(guard, *body))
        loops = [("n", y.shape[0]), *((o, extents[o]) for o in outputs)]
        body = b.nest(
            [*loops, ("g", a.groups), ("o", per_group)],
            Local("acc", sums.dtype, sums.start(channel)),
            *body,
            b.store(y, ("n", *outputs, channel), sums.output(channel)),
        )
        return LoopKernel(self.name, buffers, body)


def _spans(weight: Sequence[int], attrs: Conv3DAttrs) -> list[int]:
    """How far a window reaches in each dimension."""
    return [(k - 1) * d + 1 for k, d in zip(weight[1:4], attrs.dilation, strict=True)]


def _windows(x: Array, weight: Array, attrs: Conv3DAttrs, fill: int) -> Array:
    """All windows, shaped (n, z, y, x, kz, ky, kx, channel)."""
    around = ((0, 0), *zip(attrs.before, attrs.after, strict=True), (0, 0))
    padded = np.pad(x, around, constant_values=fill)
    windows = sliding_window_view(padded, _spans(weight.shape, attrs), axis=_AXES)
    steps = tuple(slice(None, None, s) for s in attrs.stride)
    taps = tuple(slice(None, None, d) for d in attrs.dilation)
    chosen: Array = windows[(slice(None), *steps, slice(None), *taps)]
    return np.moveaxis(chosen, 4, -1)
