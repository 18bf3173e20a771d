"""The operators of ONNX files, and what each becomes: one row per operator.

Source: https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinycc_ml.importers.onnx import rows_elementwise as elementwise
from tinycc_ml.importers.onnx import rows_layers as layers
from tinycc_ml.importers.onnx import rows_quant as quant
from tinycc_ml.importers.onnx import rows_shape as shapes
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.values import Item


@dataclass(frozen=True, slots=True)
class Row:
    """How an operator is imported.

    Attributes:
        translate: Makes nodes of our graph, and says what the outputs stand for.
        min_inputs: How many inputs it has at least.
        max_inputs: ... and at most; ``None`` where there is no limit.
    """

    translate: Callable[[Call], list[Item]]
    min_inputs: int = 1
    max_inputs: int | None = 1


ROWS: dict[str, Row] = {
    "Add": Row(elementwise.add, 2, 2),
    "AveragePool": Row(layers.average_pool),
    "Clip": Row(elementwise.clip, 1, 3),
    "Concat": Row(shapes.concat, 1, None),
    "Constant": Row(shapes.constant, 0, 0),
    "Conv": Row(layers.conv, 2, 3),
    "DequantizeLinear": Row(quant.dequantize_linear, 2, 3),
    "Dropout": Row(shapes.dropout, 1, 3),
    "Flatten": Row(shapes.flatten),
    "Gemm": Row(layers.gemm, 2, 3),
    "GlobalAveragePool": Row(layers.global_average_pool),
    "Identity": Row(shapes.same),
    "MatMul": Row(layers.matmul, 2, 2),
    "MaxPool": Row(layers.max_pool),
    "Mul": Row(elementwise.mul, 2, 2),
    "Pad": Row(shapes.pad, 1, 4),
    "QLinearConv": Row(quant.qlinear_conv, 8, 9),
    "QLinearMatMul": Row(quant.qlinear_matmul, 8, 8),
    "QuantizeLinear": Row(quant.quantize_linear, 2, 3),
    "ReduceMean": Row(shapes.reduce_mean, 1, 2),
    "Relu": Row(elementwise.unary("relu")),
    "Reshape": Row(shapes.reshape, 1, 2),
    "Shape": Row(shapes.shape),
    "Sigmoid": Row(elementwise.unary("logistic")),
    "Size": Row(shapes.size),
    "Softmax": Row(shapes.softmax),
    "Squeeze": Row(shapes.squeeze, 1, 2),
    "Transpose": Row(shapes.transpose),
    "Unsqueeze": Row(shapes.unsqueeze, 1, 2),
}
