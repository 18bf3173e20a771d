"""Operators of .tflite files that work element by element."""

from __future__ import annotations

from tflite.BuiltinOptions import BuiltinOptions

from tinycc_ml.graph import OpAttrs
from tinycc_ml.importers.flatbuffer import BOOL, Field
from tinycc_ml.importers.tflite_row import Row, plain
from tinycc_ml.importers.tflite_view import OperatorView
from tinycc_ml.ops.difference import SubAttrs
from tinycc_ml.ops.real_functions import GeluAttrs, SlopeAttrs


def _sub(view: OperatorView) -> SubAttrs:
    return SubAttrs(view.activation(Field(0, "fused_activation_function")))


def _elu(view: OperatorView) -> OpAttrs:
    return SlopeAttrs(1.0)


def _leaky_relu(view: OperatorView) -> SlopeAttrs:
    return SlopeAttrs(view.finite(Field(0, "alpha")))


def _gelu(view: OperatorView) -> GeluAttrs:
    return GeluAttrs(view.option(Field(0, "approximate"), BOOL, False))


_O = BuiltinOptions
ELEMENTWISE: dict[str, Row] = {
    "ABS": Row("abs", plain, _O.AbsOptions),
    "CEIL": Row("ceil", plain, _O.NONE),
    "COS": Row("cos", plain, _O.CosOptions),
    "ELU": Row("elu", _elu, _O.NONE),
    "EXP": Row("exp", plain, _O.ExpOptions),
    "FLOOR": Row("floor", plain, _O.NONE),
    "GELU": Row("gelu", _gelu, _O.GeluOptions),
    "HARD_SWISH": Row("hard_swish", plain, _O.HardSwishOptions),
    "LEAKY_RELU": Row("leaky_relu", _leaky_relu, _O.LeakyReluOptions),
    "LOG": Row("log", plain, _O.NONE),
    "NEG": Row("neg", plain, _O.NegOptions),
    "ROUND": Row("round", plain, _O.NONE),
    "RSQRT": Row("rsqrt", plain, _O.NONE),
    "SIGN": Row("sign", plain, _O.SignOptions),
    "SIN": Row("sin", plain, _O.NONE),
    "SQRT": Row("sqrt", plain, _O.NONE),
    "SQUARE": Row("square", plain, _O.SquareOptions),
    "SQUARED_DIFFERENCE": Row("squared_difference", plain, _O.SquaredDifferenceOptions, 2, 2),
    "SUB": Row("sub", _sub, _O.SubOptions, 2, 2),
    "TANH": Row("tanh", plain, _O.NONE),
}
