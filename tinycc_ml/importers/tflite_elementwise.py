"""Operators of .tflite files that work element by element."""

from __future__ import annotations

from tflite.BuiltinOptions import BuiltinOptions

from tinycc_ml.importers.flatbuffer import BOOL, Field
from tinycc_ml.importers.tflite_row import Row, plain
from tinycc_ml.importers.tflite_view import OperatorView
from tinycc_ml.ops.difference import SubAttrs
from tinycc_ml.ops.unary import GeluAttrs, LeakyReluAttrs


def _sub(view: OperatorView) -> SubAttrs:
    return SubAttrs(view.activation(Field(0, "fused_activation_function")))


def _leaky_relu(view: OperatorView) -> LeakyReluAttrs:
    return LeakyReluAttrs(view.finite(Field(0, "alpha")))


def _gelu(view: OperatorView) -> GeluAttrs:
    return GeluAttrs(view.option(Field(0, "approximate"), BOOL, False))


_O = BuiltinOptions
ELEMENTWISE: dict[str, Row] = {
    "ABS": Row("abs", plain, _O.AbsOptions),
    "ELU": Row("elu", plain, _O.NONE),
    "GELU": Row("gelu", _gelu, _O.GeluOptions),
    "HARD_SWISH": Row("hard_swish", plain, _O.HardSwishOptions),
    "LEAKY_RELU": Row("leaky_relu", _leaky_relu, _O.LeakyReluOptions),
    "RSQRT": Row("rsqrt", plain, _O.NONE),
    "SQUARED_DIFFERENCE": Row("squared_difference", plain, _O.SquaredDifferenceOptions, 2, 2),
    "SUB": Row("sub", _sub, _O.SubOptions, 2, 2),
    "TANH": Row("tanh", plain, _O.NONE),
}
