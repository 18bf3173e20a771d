"""What the pooling operators share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import OpAttrs, TensorType
from tinycc_ml.ops.access import Access, Window
from tinycc_ml.ops.activation import Activation, output_clamp
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.floats import float_numbers, float_problem, is_float
from tinycc_ml.ops.int8_checks import different_problem
from tinycc_ml.ops.quantized import alike_problem, integers_problem
from tinycc_ml.ops.window import Padding, window_output

#: How far input and output scale may differ; the library ignores so small a difference.
_SCALE_TOLERANCE = 1e-6
#: A damaged file may ask for windows of 2**31 columns, nearly all of them padding.
_MAX_WINDOW_ELEMENTS = 1 << 16


@dataclass(frozen=True, slots=True)
class Pool2DAttrs(OpAttrs):
    """Kernel and stride are (vertical, horizontal); padding is absent, not zero."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class PoolNumbers(Numbers):
    """Lowest and highest output."""

    output_min: int
    output_max: int


class Pooling(OpDef):
    """A window that slides over each channel. Input: NHWC. Output: NHWC, quantized alike."""

    attrs_type = Pool2DAttrs
    dtypes = ("int8", "int16", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a, x = cast(Pool2DAttrs, attrs), inputs[0].shape
        if len(x) != 4:
            raise UnsupportedError(f"input {x}: expected NHWC")
        if prod(a.kernel) > _MAX_WINDOW_ELEMENTS:
            raise UnsupportedError(
                f"a window of {a.kernel[0]}x{a.kernel[1]}; "
                f"allowed are up to {_MAX_WINDOW_ELEMENTS} elements"
            )
        out = window_output((x[1], x[2]), a.kernel, a.stride, (1, 1), a.padding)
        for i, first in enumerate((a.padding.top, a.padding.left)):
            if first >= a.kernel[i] or (out[i] - 1) * a.stride[i] - first >= x[1 + i]:
                raise UnsupportedError(f"padding {a.padding}: a window holds nothing but padding")
        return ((x[0], *out, x[3]),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if bound.inputs[0].shape[0] != 1:
            return f"batch {bound.inputs[0].shape[0]}; allowed 1"
        if is_float(bound):
            return float_problem(bound)
        x, y = bound.inputs[0], bound.outputs[0]
        return (
            alike_problem([("input", x), ("output", y)])
            or different_problem(x, y, _SCALE_TOLERANCE)
            or integers_problem(self.integerize, bound)
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        activation = cast(Pool2DAttrs, bound.attrs).activation
        if is_float(bound):
            return Integers(float_numbers(activation), (("input", 0),))
        return Integers(PoolNumbers(*output_clamp(activation, bound.outputs[0])), (("input", 0),))

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        a = cast(Pool2DAttrs, workload.attrs)
        _, height, width, channels = workload.operand("input").shape
        window = Window(
            (height, width, channels),
            workload.operand("output").shape[2],
            a.kernel,
            a.stride,
            padding=(a.padding.top, a.padding.left),
        )
        return Access(channels, (("input", window),))
