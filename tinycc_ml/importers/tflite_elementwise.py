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
    "ADD_N": Row("add_n", plain, _O.AddNOptions, 2, None),
    "CAST": Row("cast", plain, _O.CastOptions),
    "CEIL": Row("ceil", plain, _O.NONE),
    "COS": Row("cos", plain, _O.CosOptions),
    "ELU": Row("elu", _elu, _O.NONE),
    "EQUAL": Row("equal", plain, _O.EqualOptions, 2, 2),
    "EXP": Row("exp", plain, _O.ExpOptions),
    "FLOOR": Row("floor", plain, _O.NONE),
    "FLOOR_DIV": Row("floor_div", plain, _O.FloorDivOptions, 2, 2),
    "FLOOR_MOD": Row("floor_mod", plain, _O.FloorModOptions, 2, 2),
    "GELU": Row("gelu", _gelu, _O.GeluOptions),
    "GREATER": Row("greater", plain, _O.GreaterOptions, 2, 2),
    "GREATER_EQUAL": Row("greater_equal", plain, _O.GreaterEqualOptions, 2, 2),
    "HARD_SWISH": Row("hard_swish", plain, _O.HardSwishOptions),
    "LEAKY_RELU": Row("leaky_relu", _leaky_relu, _O.LeakyReluOptions),
    "LESS": Row("less", plain, _O.LessOptions, 2, 2),
    "LESS_EQUAL": Row("less_equal", plain, _O.LessEqualOptions, 2, 2),
    "LOG": Row("log", plain, _O.NONE),
    "LOGICAL_AND": Row("logical_and", plain, _O.LogicalAndOptions, 2, 2),
    "LOGICAL_NOT": Row("logical_not", plain, _O.LogicalNotOptions),
    "LOGICAL_OR": Row("logical_or", plain, _O.LogicalOrOptions, 2, 2),
    "MAXIMUM": Row("maximum", plain, _O.MaximumMinimumOptions, 2, 2),
    "MINIMUM": Row("minimum", plain, _O.MaximumMinimumOptions, 2, 2),
    "NEG": Row("neg", plain, _O.NegOptions),
    "NOT_EQUAL": Row("not_equal", plain, _O.NotEqualOptions, 2, 2),
    "POW": Row("pow", plain, _O.PowOptions, 2, 2),
    "PRELU": Row("prelu", plain, _O.NONE, 2, 2),
    "ROUND": Row("round", plain, _O.NONE),
    "RSQRT": Row("rsqrt", plain, _O.NONE),
    "SELECT_V2": Row("select", plain, _O.SelectV2Options, 3, 3),
    "SIGN": Row("sign", plain, _O.SignOptions),
    "SIN": Row("sin", plain, _O.NONE),
    "SQRT": Row("sqrt", plain, _O.NONE),
    "SQUARE": Row("square", plain, _O.SquareOptions),
    "SQUARED_DIFFERENCE": Row("squared_difference", plain, _O.SquaredDifferenceOptions, 2, 2),
    "SUB": Row("sub", _sub, _O.SubOptions, 2, 2),
    "TANH": Row("tanh", plain, _O.NONE),
}
