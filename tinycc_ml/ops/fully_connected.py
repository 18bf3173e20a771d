"""Fully connected layer.

``output[b, o] = act(bias[o] + sum(input[b, i] * weight[o, i]))``; the input is read as a matrix
with as many columns as the weight, whatever its shape.

Source: TensorFlow Lite FULLY_CONNECTED; integers as in TensorFlow Lite Micro's
``reference_integer_ops::FullyConnected`` and ``FullyConnectedPerChannel``. Scales are multiplied in
double here too; releases of the library before autumn 2026 multiplied input and weight scale in
float32 when the weight was quantized per tensor, which moved some outputs by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import cast

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Accumulate, Local, LoopKernel
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access, Window
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload, buffers_of
from tinycc_ml.ops.convolution import (
    WeightedLayer,
    accumulation,
    check_convolution,
    finish,
    integerize_convolution,
    multiply_add,
    weight_of,
)
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class FullyConnectedAttrs(OpAttrs):
    """`keep_dims`: the output keeps the input's leading dimensions instead of one batch."""

    activation: Activation = Activation.NONE
    keep_dims: bool = False


def _layer(bound: BoundNode) -> WeightedLayer:
    activation = cast(FullyConnectedAttrs, bound.attrs).activation
    return WeightedLayer(activation, channel_axis=0, fold_zero_point=True)


@register
class FullyConnected(OpDef):
    """Inputs: input (..., I), weight (O, I), bias (O,). Output: (B, O) or (..., O)."""

    name = "fully_connected"
    attrs_type = FullyConnectedAttrs
    summary = "Matrix product with constant weights, any batch; fused activation"
    dtypes = ("int8", "int16", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        x, w, bias = (t.shape for t in inputs)
        if len(w) != 2 or min(w) < 1 or bias != (w[0],) or not x or prod(x) % w[1]:
            raise UnsupportedError(
                f"input {x}, weight {w}, bias {bias}: expected as many inputs as the weight has "
                "columns (or a multiple: a batch), and one bias per row"
            )
        if not cast(FullyConnectedAttrs, attrs).keep_dims:
            return ((prod(x) // w[1], w[0]),)
        if x[-1] != w[1]:
            raise UnsupportedError(f"input {x} and weight {w}: the last dimensions must be equal")
        return ((*x[:-1], w[0]),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        return check_convolution(bound, _layer(bound))

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        numbers, constants = integerize_convolution(bound, _layer(bound))
        return Integers(numbers, (("input", 0),), constants)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        w = weight_of(workload, operands)
        products = multiply_add(operands["input"].reshape(-1, w.shape[1]), w, workload)
        y = finish(products, workload, operands)
        return (y.reshape(workload.operand("output").shape),)

    def macs(self, workload: Workload) -> int:
        """See the base class."""
        return workload.operand("output").elements * workload.operand("weight").shape[1]

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        out_c, in_c = workload.operand("weight").shape
        batch = workload.operand("output").elements // out_c
        # A row of the batch is a pixel: one step reads one row of the input.
        return Access(out_c, (("input", Window((batch, 1, in_c), 1, (1, 1))),))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        sums = accumulation(workload)
        x, w, *constants, y = buffers_of(workload)
        out_c, in_c = w.shape
        batch = y.elements // out_c
        # Dense buffers: the same elements, read as matrices.
        x, y = replace(x, shape=(batch, in_c)), replace(y, shape=(batch, out_c))
        product = b.mul(sums.factor(b.load(x, "batch", "ic")), b.load(w, "oc", "ic"))
        body = b.nest(
            [("batch", batch), ("oc", out_c)],
            Local("acc", sums.dtype, sums.start("oc")),
            *b.nest([("ic", in_c)], Accumulate("acc", sums.term(product))),
            b.store(y, ("batch", "oc"), sums.output("oc")),
        )
        return LoopKernel("fully_connected", (x, w, *constants, y), body)
