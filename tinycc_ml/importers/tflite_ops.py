"""The operators of .tflite files, and what each becomes: one row per operator.

Parameters that TensorFlow Lite passes as constant tensors (axes, paddings, a new shape) become
attributes here, and are no operands any more.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs for the options' fields.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tflite.BuiltinOptions import BuiltinOptions

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import OpAttrs
from tinycc_ml.importers.flatbuffer import BOOL, FLOAT32, INT8, INT32, Field
from tinycc_ml.importers.tflite_view import OperatorView
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.ops.mul import MulAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs
from tinycc_ml.ops.reshape import ReshapeAttrs
from tinycc_ml.ops.softmax import SoftmaxAttrs

_ACTIVATION = "fused_activation_function"


@dataclass(frozen=True, slots=True)
class Row:
    """How an operator is imported.

    Attributes:
        op: Our operator.
        attrs: Reads the attributes.
        options_type: The schema's number of the operator's options table; 0 if it has none.
        min_inputs: How many inputs it has at least.
        max_inputs: ... and at most; ``None`` where there is no limit.
        operands: How many of the inputs, from the first, stay operands; ``None`` for all.
        bias_axis: For operators whose third input is an optional bias, the dimension of the second
            input (the weight) that has one index per bias.
    """

    op: str
    attrs: Callable[[OperatorView], OpAttrs]
    options_type: int
    min_inputs: int = 1
    max_inputs: int | None = 1
    operands: int | None = None
    bias_axis: int | None = None


def _conv2d(view: OperatorView) -> Conv2DAttrs:
    x, w = view.shape(0, rank=4), view.shape(1, rank=4)
    stride = view.positive(Field(2, "stride_h")), view.positive(Field(1, "stride_w"))
    dilation = (
        view.positive(Field(5, "dilation_h_factor"), 1),
        view.positive(Field(4, "dilation_w_factor"), 1),
    )
    padding = view.padding(Field(0, "padding"), x[1:3], w[1:3], stride, dilation)
    return Conv2DAttrs(stride, dilation, padding, view.activation(Field(3, _ACTIVATION)))


def _depthwise_conv2d(view: OperatorView) -> DepthwiseConv2DAttrs:
    x, w = view.shape(0, rank=4), view.shape(1, rank=4)
    stride = view.positive(Field(2, "stride_h")), view.positive(Field(1, "stride_w"))
    dilation = (
        view.positive(Field(6, "dilation_h_factor"), 1),
        view.positive(Field(5, "dilation_w_factor"), 1),
    )
    # The multiplier follows from the shapes; newer converters leave it out.
    multiplier = view.option(Field(3, "depth_multiplier"), INT32)
    if multiplier != 0 and multiplier * x[3] != w[3]:
        raise view.damaged(f"depth_multiplier {multiplier} with {x[3]} inputs and {w[3]} outputs")
    padding = view.padding(Field(0, "padding"), x[1:3], w[1:3], stride, dilation)
    return DepthwiseConv2DAttrs(stride, dilation, padding, view.activation(Field(4, _ACTIVATION)))


def _fully_connected(view: OperatorView) -> FullyConnectedAttrs:
    view.shape(1, rank=2)
    if view.option(Field(1, "weights_format"), INT8) != 0:
        raise UnsupportedError("shuffled weights; allowed the default format")
    keep_dims = view.option(Field(2, "keep_num_dims"), BOOL, False)
    return FullyConnectedAttrs(view.activation(Field(0, _ACTIVATION)), keep_dims)


def _add(view: OperatorView) -> AddAttrs:
    return AddAttrs(view.activation(Field(0, _ACTIVATION)))


def _mul(view: OperatorView) -> MulAttrs:
    return MulAttrs(view.activation(Field(0, _ACTIVATION)))


def _pool2d(view: OperatorView) -> Pool2DAttrs:
    x = view.shape(0, rank=4)
    kernel = view.positive(Field(4, "filter_height")), view.positive(Field(3, "filter_width"))
    stride = view.positive(Field(2, "stride_h")), view.positive(Field(1, "stride_w"))
    padding = view.padding(Field(0, "padding"), x[1:3], kernel, stride)
    return Pool2DAttrs(kernel, stride, padding, view.activation(Field(5, _ACTIVATION)))


def _axis(view: OperatorView, axis: int) -> int:
    rank = len(view.shape(0))
    if not -rank <= axis < rank:
        raise view.damaged(f"axis {axis} of {rank}")
    return axis % rank


def _mean(view: OperatorView) -> MeanAttrs:
    axes = {_axis(view, axis) for axis in view.integers(1, "axes")}
    return MeanAttrs(tuple(sorted(axes)), view.option(Field(0, "keep_dims"), BOOL, False))


def _pad(view: OperatorView) -> PadAttrs:
    rank, amounts = len(view.shape(0)), view.integers(1, "paddings")
    if len(amounts) != 2 * rank or any(amount < 0 for amount in amounts):
        raise view.damaged(f"paddings {list(amounts[:16])} for {rank} dimensions")
    return PadAttrs(amounts[0::2], amounts[1::2])


def _reshape(view: OperatorView) -> ReshapeAttrs:
    # TensorFlow Lite Micro takes the shape that the file states for the output; a shape operand
    # that is computed at run time can only repeat it.
    shape = view.output_shape()
    has_operand = len(view.operator.inputs) > 1 and view.operator.inputs[1] >= 0
    if has_operand and len(view.tensor(1).data):
        wanted = view.integers(1, "new shape")
        fits = len(wanted) == len(shape) and all(
            w in (-1, s) for w, s in zip(wanted, shape, strict=True)
        )
        if not fits:
            raise view.damaged(f"new shape {list(wanted[:16])}, but the output is {list(shape)}")
    return ReshapeAttrs(shape)


def _softmax(view: OperatorView) -> SoftmaxAttrs:
    beta = float(view.option(Field(0, "beta"), FLOAT32, 0.0))
    if not (math.isfinite(beta) and beta > 0):
        raise view.damaged(f"beta is {beta}; it must be positive")
    return SoftmaxAttrs(beta)


def _concatenation(view: OperatorView) -> ConcatenationAttrs:
    axis = _axis(view, view.option(Field(0, "axis"), INT32))
    return ConcatenationAttrs(axis, view.activation(Field(1, _ACTIVATION)))


def _plain(view: OperatorView) -> OpAttrs:
    return OpAttrs()


_O = BuiltinOptions
ROWS: dict[str, Row] = {
    "ADD": Row("add", _add, _O.AddOptions, 2, 2),
    "AVERAGE_POOL_2D": Row("average_pool2d", _pool2d, _O.Pool2DOptions),
    "CONCATENATION": Row("concatenation", _concatenation, _O.ConcatenationOptions, 1, None),
    "CONV_2D": Row("conv2d", _conv2d, _O.Conv2DOptions, 2, 3, bias_axis=0),
    "DEPTHWISE_CONV_2D": Row(
        "depthwise_conv2d", _depthwise_conv2d, _O.DepthwiseConv2DOptions, 2, 3, bias_axis=3
    ),
    "DEQUANTIZE": Row("dequantize", _plain, _O.DequantizeOptions),
    "FULLY_CONNECTED": Row(
        "fully_connected", _fully_connected, _O.FullyConnectedOptions, 2, 3, bias_axis=0
    ),
    "LOGISTIC": Row("logistic", _plain, _O.NONE),
    "MAX_POOL_2D": Row("max_pool2d", _pool2d, _O.Pool2DOptions),
    "MEAN": Row("mean", _mean, _O.ReducerOptions, 2, 2, operands=1),
    "MUL": Row("mul", _mul, _O.MulOptions, 2, 2),
    "PAD": Row("pad", _pad, _O.PadOptions, 2, 2, operands=1),
    "QUANTIZE": Row("quantize", _plain, _O.QuantizeOptions),
    "RELU": Row("relu", _plain, _O.NONE),
    "RELU6": Row("relu6", _plain, _O.NONE),
    "RESHAPE": Row("reshape", _reshape, _O.ReshapeOptions, 1, 2, operands=1),
    "SOFTMAX": Row("softmax", _softmax, _O.SoftmaxOptions),
}
