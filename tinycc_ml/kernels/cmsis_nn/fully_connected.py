"""Fully connected layers by ``arm_fully_connected_s8`` and ``..._per_channel_s8``."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import TensorType
from tinycc_ml.kernels.base import outputs
from tinycc_ml.kernels.cmsis_nn.base import CmsisNNKernel, LibraryCall, dims, scales
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.convolution import ConvNumbers

_CYCLES = {"mve": 0.4, "dsp": 1.7, "c": 5.0}


class FullyConnectedCmsisNN(CmsisNNKernel):
    """Any batch.

    The zero point of the input is folded into the bias. Then the sums of the weights that the
    vector form wants in its buffer, which hold the bias too, are the bias.
    """

    op = "fully_connected"
    prefix = "fully_connected_s8"

    def call(self, workload: Workload) -> LibraryCall:
        """See the base class."""
        n = cast(ConvNumbers, workload.numbers)
        channels, inputs = workload.operand("weight").shape
        batch = outputs(workload) // channels
        alike = workload.operand("multiplier").elements == 1
        limits = f"{{{n.output_min}, {n.output_max}}}"
        objects = (
            f"cmsis_nn_context context = {{(void *)bias, {4 * channels}}}",
            f"cmsis_nn_fc_params params = {{{-n.input_zero_point}, 0, {n.output_zero_point}, "
            f"{limits}}}",
            "cmsis_nn_per_tensor_quant_params scales = {multiplier[0], shift[0]}"
            if alike
            else scales(),
            dims("input_dims", batch, 1, 1, inputs),
            dims("filter_dims", inputs, 1, 1, channels),
            dims("bias_dims", 1, 1, 1, channels),
            dims("output_dims", batch, 1, 1, channels),
        )
        arguments = (
            *("&context", "&params", "&scales", "&input_dims", "input"),
            *("&filter_dims", "weight", "&bias_dims", "bias", "&output_dims", "output"),
        )
        kind = "s8" if alike else "per_channel_s8"
        return LibraryCall(f"arm_fully_connected_{kind}", objects, arguments)

    def as_passed(self, workload: Workload) -> Workload:
        """With one multiplier and shift where all channels share them."""
        if workload.operand("multiplier").elements > 1:
            return super().as_passed(workload)
        word = TensorType((1,), DType.INT32)
        constants = tuple(
            (role, word if role in ("multiplier", "shift") else type_)
            for role, type_ in workload.constants
        )
        return replace(workload, constants=constants)

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return int(op(self.op).macs(workload) * _CYCLES[self.isa]) + 8 * outputs(workload)
