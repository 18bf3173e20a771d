"""Convolutions by ``arm_convolve_wrapper_s8`` and ``arm_depthwise_conv_wrapper_s8``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import outputs
from tinycc_ml.kernels.cmsis_nn.base import (
    CmsisNNKernel,
    LibraryCall,
    context,
    dims,
    scales,
    tile,
)
from tinycc_ml.kernels.cmsis_nn.buffer_sizes import ConvSizes, conv_bytes, depthwise_bytes
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.convolution import ConvNumbers
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs

_ARGUMENTS = (
    *("&context", "&params", "&scales", "&input_dims", "input"),
    *("&filter_dims", "weight", "&bias_dims", "bias", "&output_dims", "output"),
)


class _Convolution(CmsisNNKernel):
    """Any kernel, stride, dilation and padding."""

    #: Estimated cycles of a multiply-accumulate, by instruction set.
    mac_cycles: ClassVar[dict[str, float]]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        if workload.operand("input").shape[0] != 1:
            return f"batch {workload.operand('input').shape[0]}; allowed 1"
        padding = cast(Conv2DAttrs, workload.attrs).padding
        # It is told of the padding above and on the left only. Of a 1x1 layer without these it
        # expects none at all, and of a line as much behind it, or one more.
        if workload.operand("weight").shape[1:3] == (1, 1) and not padding.is_empty:
            return f"padding {padding} around a 1x1 kernel; allowed none"
        if workload.operand("input").shape[1] == 1 and not 0 <= padding.right - padding.left <= 1:
            return f"padding {padding}; allowed is as much on the right as on the left, or one more"
        return None

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        macs = op(self.op).macs(workload)
        return int(macs * self.mac_cycles[self.isa]) + 8 * outputs(workload)


class Conv2DCmsisNN(_Convolution):
    """One filter per output channel, over all input channels."""

    op = "conv2d"
    prefix = "conv2d_s8"
    mac_cycles: ClassVar[dict[str, float]] = {"mve": 0.4, "dsp": 1.7, "c": 5.0}

    def call(self, workload: Workload) -> LibraryCall:
        """See the base class."""
        sizes = _sizes(workload)
        return _call("arm_convolve_wrapper_s8", workload, sizes, conv_bytes(sizes, self.isa))


class DepthwiseCmsisNN(_Convolution):
    """Filters over one channel each."""

    op = "depthwise_conv2d"
    prefix = "depthwise_conv2d_s8"
    mac_cycles: ClassVar[dict[str, float]] = {"mve": 1.5, "dsp": 6.0, "c": 10.0}

    def call(self, workload: Workload) -> LibraryCall:
        """See the base class."""
        sizes = _sizes(workload)
        size = depthwise_bytes(sizes, self.isa)
        return _call("arm_depthwise_conv_wrapper_s8", workload, sizes, size)


def _sizes(workload: Workload) -> ConvSizes:
    a = cast(Conv2DAttrs | DepthwiseConv2DAttrs, workload.attrs)
    _, in_h, in_w, in_c = workload.operand("input").shape
    _, out_h, out_w, out_c = workload.operand("output").shape
    _, kernel_h, kernel_w, _ = workload.operand("weight").shape
    return ConvSizes(
        (in_h, in_w),
        in_c,
        (out_h, out_w),
        out_c,
        (kernel_h, kernel_w),
        a.stride,
        a.dilation,
        (a.padding.top, a.padding.left),
    )


def _call(function: str, workload: Workload, s: ConvSizes, scratch_bytes: int) -> LibraryCall:
    n = cast(ConvNumbers, workload.numbers)
    offsets = f"{-n.input_zero_point}, {n.output_zero_point}"
    if "depthwise" in function:
        kind = "cmsis_nn_dw_conv_params"
        offsets += f", {s.out_channels // s.in_channels}"
    else:
        kind = "cmsis_nn_conv_params"
    windows = ", ".join(tile(*pair) for pair in (s.stride, s.padding, s.dilation))
    limits = f"{{{n.output_min}, {n.output_max}}}"
    weight = workload.operand("weight").shape
    objects = (
        context(scratch_bytes),
        f"{kind} params = {{{offsets}, {windows}, {limits}}}",
        scales(),
        dims("input_dims", 1, *s.in_size, s.in_channels),
        dims("filter_dims", *weight),
        dims("bias_dims", 1, 1, 1, s.out_channels),
        dims("output_dims", 1, *s.out_size, s.out_channels),
    )
    return LibraryCall(function, objects, _ARGUMENTS, scratch_bytes)
