"""How each operator is written: one row for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.exporters.onnx_writer import OnnxWriter
from tinycc_ml.graph import Array, Node, QuantParams
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs
from tinycc_ml.ops.softmax import SoftmaxAttrs
from tinycc_ml.ops.transpose import TransposeAttrs
from tinycc_ml.ops.window import Padding

#: The operator set from which on reductions take their axes as an input.
_AXES_ARE_INPUTS = 18

Row = Callable[[OnnxWriter, Node], None]


def _activated(w: OnnxWriter, node: Node, real: str) -> str:
    activation = getattr(node.attrs, "activation", Activation.NONE)
    low, high = activation.bounds
    if low is None and high is None:
        return real
    if (low, high) == (0.0, None):
        return w.emit("Relu", [real], f"{real}_relu")
    limits = [w.tensor(f"{real}_limit", np.array(v, np.float32)) for v in (low, high)]
    return w.emit("Clip", [real, *limits], f"{real}_clip")


def _label(node: Node) -> str:
    return node.origin.name or node.name


def _weight_and_bias(w: OnnxWriter, node: Node, order: tuple[int, ...], axis: int) -> list[str]:
    """Weight with its dimensions in another order, and bias, dequantized.

    Args:
        w: The writer.
        node: A layer with weights.
        order: For each dimension in the file ours.
        axis: The file's dimension with one index per filter.
    """
    x, weight, bias = node.inputs
    types, constants = w.graph.types, w.graph.constants
    x_quant, quant = types[x].quant, types[weight].quant
    array, steps = constants[weight].array.transpose(order), constants[bias].array
    if x_quant is None or quant is None:
        return [w.tensor(weight, array), w.tensor(bias, steps)]
    dtype = types[weight].dtype
    placed = replace(quant, axis=None if quant.axis is None else axis)
    unit = [float(np.float32(x_quant.scale * scale)) for scale in quant.scales]
    unit_axis = None if quant.axis is None else 0
    bias_quant = QuantParams(tuple(unit), (0,) * len(unit), unit_axis)
    return [
        w.dequantized(w.tensor(weight, array, dtype), placed, dtype),
        w.dequantized(w.tensor(bias, steps), bias_quant, DType.INT32),
    ]


def _pads(p: Padding) -> tuple[int, ...]:
    return (p.top, p.left, p.bottom, p.right)


def _convolution(w: OnnxWriter, node: Node) -> None:
    a = cast("Conv2DAttrs | DepthwiseConv2DAttrs", node.attrs)
    shape = w.graph.types[node.inputs[1]].shape
    is_depthwise = node.op == "depthwise_conv2d"
    channels = w.graph.types[node.inputs[0]].shape[-1]
    order = (3, 0, 1, 2) if is_depthwise else (0, 3, 1, 2)
    result = w.emit(
        "Conv",
        [w.image(node.inputs[0]), *_weight_and_bias(w, node, order, 0)],
        _label(node),
        kernel_shape=shape[1:3],
        strides=a.stride,
        dilations=a.dilation,
        pads=_pads(a.padding),
        group=channels if is_depthwise else 1,
    )
    w.finish(node, _activated(w, node, result), is_image=True)


def _fully_connected(w: OnnxWriter, node: Node) -> None:
    out_c, in_c = w.graph.types[node.inputs[1]].shape
    keep_dims = cast(FullyConnectedAttrs, node.attrs).keep_dims
    shape, x = w.graph.types[node.inputs[0]].shape, w.plain(node.inputs[0])
    output = w.graph.types[node.outputs[0]].shape
    if len(shape) != 2 or shape[1] != in_c:
        x = _reshaped(w, x, (-1, in_c))
    inputs = [x, *_weight_and_bias(w, node, (0, 1), 0)]
    result = _activated(w, node, w.emit("Gemm", inputs, _label(node), transB=1))
    if keep_dims and len(output) != 2:
        result = _reshaped(w, result, (*output[:-1], out_c))
    w.finish(node, result)


def _reshaped(w: OnnxWriter, name: str, shape: tuple[int, ...]) -> str:
    return w.emit("Reshape", [name, w.tensor(f"{name}_shape", np.array(shape, np.int64))], name)


def _pool(w: OnnxWriter, node: Node) -> None:
    a = cast(Pool2DAttrs, node.attrs)
    result = w.emit(
        "AveragePool" if node.op == "average_pool2d" else "MaxPool",
        [w.image(node.inputs[0])],
        _label(node),
        kernel_shape=a.kernel,
        strides=a.stride,
        pads=_pads(a.padding),
    )
    w.finish(node, _activated(w, node, result), is_image=True)


def _elementwise(op_type: str) -> Row:
    def row(w: OnnxWriter, node: Node) -> None:
        activations = [n for n in node.inputs if n not in w.graph.constants]
        # Where all operands are images already, nothing has to be transposed.
        is_image = len(activations) == len(node.inputs) and all(
            n in w.image_names and w.graph.types[n].shape == w.graph.types[node.outputs[0]].shape
            for n in activations
        )
        operands = [w.image(n) if is_image else w.plain(n) for n in node.inputs]
        result = w.emit(op_type, operands, _label(node))
        w.finish(node, _activated(w, node, result), is_image=is_image)

    return row


def _relu6(w: OnnxWriter, node: Node) -> None:
    limits = [w.tensor(f"{node.name}_limit", np.array(v, np.float32)) for v in (0.0, 6.0)]
    w.finish(node, w.emit("Clip", [w.plain(node.inputs[0]), *limits], _label(node)))


def _reshape(w: OnnxWriter, node: Node) -> None:
    shape: Array = np.array(w.graph.types[node.outputs[0]].shape, np.int64)
    inputs = [w.plain(node.inputs[0]), w.tensor(f"{node.name}_shape", shape)]
    w.finish(node, w.emit("Reshape", inputs, _label(node)))


def _transpose(w: OnnxWriter, node: Node) -> None:
    order = cast(TransposeAttrs, node.attrs).permutation
    w.finish(node, w.emit("Transpose", [w.plain(node.inputs[0])], _label(node), perm=order))


def _pad(w: OnnxWriter, node: Node) -> None:
    a = cast(PadAttrs, node.attrs)
    if a.fill is not None:
        raise UnsupportedError(f"{node.name}: padding with {a.fill}; ONNX files take 0")
    pads: Array = np.array([*a.before, *a.after], np.int64)
    inputs = [w.plain(node.inputs[0]), w.tensor(f"{node.name}_pads", pads)]
    w.finish(node, w.emit("Pad", inputs, _label(node)))


def _concatenation(w: OnnxWriter, node: Node) -> None:
    axis = cast(ConcatenationAttrs, node.attrs).axis
    operands = [w.plain(name) for name in node.inputs]
    w.finish(node, w.emit("Concat", operands, _label(node), axis=axis))


def _mean(w: OnnxWriter, node: Node) -> None:
    a, rank = cast(MeanAttrs, node.attrs), len(w.graph.types[node.inputs[0]].shape)
    if a.keep_dims and rank > 2 and a.axes == tuple(range(1, rank - 1)):
        image = w.image(node.inputs[0])
        w.finish(node, w.emit("GlobalAveragePool", [image], _label(node)), is_image=True)
        return
    x = [w.plain(node.inputs[0])]
    keep, axes = int(a.keep_dims), np.array(a.axes, np.int64)
    if w.opset < _AXES_ARE_INPUTS:
        result = w.emit("ReduceMean", x, _label(node), axes=a.axes, keepdims=keep)
    else:
        x.append(w.tensor(f"{node.name}_axes", axes))
        result = w.emit("ReduceMean", x, _label(node), keepdims=keep)
    w.finish(node, result)


def _softmax(w: OnnxWriter, node: Node) -> None:
    beta, x = cast(SoftmaxAttrs, node.attrs).beta, w.plain(node.inputs[0])
    if beta != 1.0:
        x = w.emit("Mul", [x, w.tensor(f"{node.name}_beta", np.array(beta, np.float32))], x)
    w.finish(node, w.emit("Softmax", [x], _label(node), axis=-1))


def _unary(op_type: str) -> Row:
    def row(w: OnnxWriter, node: Node) -> None:
        w.finish(node, w.emit(op_type, [w.plain(node.inputs[0])], _label(node)))

    return row


def _quantize(w: OnnxWriter, node: Node) -> None:
    w.finish(node, w.plain(node.inputs[0]))


def _dequantize(w: OnnxWriter, node: Node) -> None:
    w.plain_names[node.outputs[0]] = w.plain(node.inputs[0])


ROWS: dict[str, Row] = {
    "add": _elementwise("Add"),
    "average_pool2d": _pool,
    "concatenation": _concatenation,
    "conv2d": _convolution,
    "depthwise_conv2d": _convolution,
    "dequantize": _dequantize,
    "exp": _unary("Exp"),
    "fully_connected": _fully_connected,
    "hard_swish": _unary("HardSwish"),
    "logistic": _unary("Sigmoid"),
    "max_pool2d": _pool,
    "mean": _mean,
    "mul": _elementwise("Mul"),
    "pad": _pad,
    "quantize": _quantize,
    "relu": _elementwise("Relu"),
    "relu6": _relu6,
    "reshape": _reshape,
    "softmax": _softmax,
    "sub": _elementwise("Sub"),
    "tanh": _unary("Tanh"),
    "transpose": _transpose,
}
