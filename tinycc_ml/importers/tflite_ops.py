"""The operators of .tflite files, and what each becomes: one row per operator.

Parameters that TensorFlow Lite passes as constant tensors (axes, paddings, a new shape) become
attributes here, and are no operands any more.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs for the options' fields.
"""

from __future__ import annotations

import math

from tflite.BuiltinOptions import BuiltinOptions

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.flatbuffer import BOOL, FLOAT32, INT8, INT32, Field
from tinycc_ml.importers.tflite_composite import COMPOSITE
from tinycc_ml.importers.tflite_elementwise import ELEMENTWISE
from tinycc_ml.importers.tflite_movement import MOVEMENT
from tinycc_ml.importers.tflite_row import Row, plain
from tinycc_ml.importers.tflite_stateful import STATEFUL
from tinycc_ml.importers.tflite_view import OperatorView
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.arg_extreme import ArgExtremeAttrs
from tinycc_ml.ops.batch_matmul import BatchMatMulAttrs
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.cumulative_sum import CumulativeSumAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.ops.mul import MulAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs
from tinycc_ml.ops.reduce_extreme import ReduceExtremeAttrs
from tinycc_ml.ops.reshape import ReshapeAttrs
from tinycc_ml.ops.resize_bilinear import ResizeBilinearAttrs
from tinycc_ml.ops.softmax import SoftmaxAttrs
from tinycc_ml.ops.take import TakeAttrs, nearest_indices
from tinycc_ml.ops.transpose_conv import TransposeConvAttrs

_ACTIVATION = "fused_activation_function"


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


def _mean(view: OperatorView) -> MeanAttrs:
    axes = {view.axis(axis) for axis in view.integers(1, "axes")}
    return MeanAttrs(tuple(sorted(axes)), view.option(Field(0, "keep_dims"), BOOL, False))


def _arg_extreme(view: OperatorView) -> ArgExtremeAttrs:
    return ArgExtremeAttrs(view.axis(view.one_integer(1, "axis")))


def _cumulative_sum(view: OperatorView) -> CumulativeSumAttrs:
    return CumulativeSumAttrs(
        view.axis(view.one_integer(1, "axis")),
        view.option(Field(0, "exclusive"), BOOL, False),
        view.option(Field(1, "reverse"), BOOL, False),
    )


def _reduce_extreme(view: OperatorView) -> ReduceExtremeAttrs:
    a = _mean(view)
    return ReduceExtremeAttrs(a.axes, a.keep_dims)


def _transpose_conv(view: OperatorView) -> TransposeConvAttrs:
    view.shape(2, rank=4)
    w, y = view.shape(1, rank=4), view.output_shape()
    stride = view.positive(Field(2, "stride_h")), view.positive(Field(1, "stride_w"))
    if len(y) != 4 or view.integers(0, "output shape") != y:
        raise view.damaged(f"an output of {list(y)}, but the shape asked for is another")
    # The padding of the convolution that goes the other way.
    padding = view.padding(Field(0, "padding"), y[1:3], w[1:3], stride)
    activation = view.activation(Field(3, _ACTIVATION))
    return TransposeConvAttrs(stride, (y[1], y[2]), padding.top, padding.left, activation)


def _batch_matmul(view: OperatorView) -> BatchMatMulAttrs:
    return BatchMatMulAttrs(
        view.option(Field(0, "adj_x"), BOOL, False), view.option(Field(1, "adj_y"), BOOL, False)
    )


def _new_size(view: OperatorView) -> tuple[int, int]:
    size = view.integers(1, "size")
    if len(size) != 2 or min(size) < 1:
        raise view.damaged(f"size {list(size[:16])}; it must be two positive numbers")
    return size[0], size[1]


def _resize_bilinear(view: OperatorView) -> ResizeBilinearAttrs:
    # The options begin with two fields that are no longer used.
    align = view.option(Field(2, "align_corners"), BOOL, False)
    return ResizeBilinearAttrs(
        _new_size(view), align, view.option(Field(3, "half_pixel_centers"), BOOL, False)
    )


def _resize_nearest(view: OperatorView) -> TakeAttrs:
    x, size = view.shape(0, rank=4), _new_size(view)
    align = view.option(Field(0, "align_corners"), BOOL, False)
    half = view.option(Field(1, "half_pixel_centers"), BOOL, False)
    rows, columns = (nearest_indices(e, s, align, half) for e, s in zip(x[1:3], size, strict=True))
    return TakeAttrs((None, rows, columns, None))


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
    axis = view.axis(view.option(Field(0, "axis"), INT32))
    return ConcatenationAttrs(axis, view.activation(Field(1, _ACTIVATION)))


_O = BuiltinOptions
ROWS: dict[str, Row] = {
    "ADD": Row("add", _add, _O.AddOptions, 2, 2),
    "ARG_MAX": Row("arg_max", _arg_extreme, _O.ArgMaxOptions, 2, 2, operands=1),
    "ARG_MIN": Row("arg_min", _arg_extreme, _O.ArgMinOptions, 2, 2, operands=1),
    "AVERAGE_POOL_2D": Row("average_pool2d", _pool2d, _O.Pool2DOptions),
    "CONCATENATION": Row("concatenation", _concatenation, _O.ConcatenationOptions, 1, None),
    "CONV_2D": Row("conv2d", _conv2d, _O.Conv2DOptions, 2, 3, bias_axis=0, hybrid="hybrid_conv2d"),
    "CUMSUM": Row("cumulative_sum", _cumulative_sum, _O.CumsumOptions, 2, 2, operands=1),
    "DEPTHWISE_CONV_2D": Row(
        "depthwise_conv2d", _depthwise_conv2d, _O.DepthwiseConv2DOptions, 2, 3, bias_axis=3
    ),
    "DEQUANTIZE": Row("dequantize", plain, _O.DequantizeOptions),
    "FULLY_CONNECTED": Row(
        "fully_connected", _fully_connected, _O.FullyConnectedOptions, 2, 3, bias_axis=0
    ),
    "LOGISTIC": Row("logistic", plain, _O.NONE),
    "MAX_POOL_2D": Row("max_pool2d", _pool2d, _O.Pool2DOptions),
    "MEAN": Row("mean", _mean, _O.ReducerOptions, 2, 2, operands=1),
    "BATCH_MATMUL": Row("batch_matmul", _batch_matmul, _O.BatchMatMulOptions, 2, 2),
    "MUL": Row("mul", _mul, _O.MulOptions, 2, 2),
    "PAD": Row("pad", _pad, _O.PadOptions, 2, 2, operands=1),
    "QUANTIZE": Row("quantize", plain, _O.QuantizeOptions),
    "REDUCE_ALL": Row("reduce_min", _reduce_extreme, _O.ReducerOptions, 2, 2, operands=1),
    "REDUCE_ANY": Row("reduce_max", _reduce_extreme, _O.ReducerOptions, 2, 2, operands=1),
    "REDUCE_MAX": Row("reduce_max", _reduce_extreme, _O.ReducerOptions, 2, 2, operands=1),
    "REDUCE_MIN": Row("reduce_min", _reduce_extreme, _O.ReducerOptions, 2, 2, operands=1),
    "RELU": Row("relu", plain, _O.NONE),
    "RELU6": Row("relu6", plain, _O.NONE),
    "RESHAPE": Row("reshape", _reshape, _O.ReshapeOptions, 1, 2, operands=1),
    "RESIZE_BILINEAR": Row(
        "resize_bilinear", _resize_bilinear, _O.ResizeBilinearOptions, 2, 2, operands=1
    ),
    "RESIZE_NEAREST_NEIGHBOR": Row(
        "take", _resize_nearest, _O.ResizeNearestNeighborOptions, 2, 2, operands=1
    ),
    "SOFTMAX": Row("softmax", _softmax, _O.SoftmaxOptions),
    "SUM": Row("sum", _mean, _O.ReducerOptions, 2, 2, operands=1),
    "TRANSPOSE_CONV": Row(
        "transpose_conv",
        _transpose_conv,
        _O.TransposeConvOptions,
        3,
        4,
        operands=(2, 1, 3),
        bias_axis=0,
    ),
    **COMPOSITE,
    **ELEMENTWISE,
    **MOVEMENT,
    **STATEFUL,
}
