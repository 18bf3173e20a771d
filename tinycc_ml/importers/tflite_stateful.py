"""Operators of .tflite files that keep a state in variables, and what each becomes."""

from __future__ import annotations

import math

from tflite.BuiltinOptions import BuiltinOptions

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.flatbuffer import BOOL, FLOAT32, INT8, Field
from tinycc_ml.importers.tflite_row import Row
from tinycc_ml.importers.tflite_view import OperatorView
from tinycc_ml.ops.lstm import LstmAttrs
from tinycc_ml.ops.svdf import SvdfAttrs


def _svdf(view: OperatorView) -> SvdfAttrs:
    if view.operator.inputs[3] < 0:
        raise UnsupportedError("no bias; TensorFlow Lite Micro needs one, of zeros at least")
    activation = view.activation(Field(1, "fused_activation_function"))
    return SvdfAttrs(view.positive(Field(0, "rank")), activation)


#: What a plain LSTM has not, by the position of its first input.
_EXTRAS = {9: "peephole connections", 16: "a projection", 20: "layer normalization"}
_ABSENT_IN_LSTM = frozenset((*range(9, 12), 16, 17, *range(20, 24)))
_TANH = 4


def _lstm(view: OperatorView) -> LstmAttrs:
    inputs = view.operator.inputs
    for position in sorted(_ABSENT_IN_LSTM):
        if position < len(inputs) and inputs[position] >= 0:
            extra = _EXTRAS[max(first for first in _EXTRAS if first <= position)]
            raise UnsupportedError(f"{extra} (input {position}); allowed a plain LSTM")
    if any(inputs[position] < 0 for position in (1, 5, 12)):
        raise UnsupportedError("coupled input and forget gates; allowed a plain LSTM")
    if view.option(Field(0, "fused_activation_function"), INT8) != _TANH:
        raise UnsupportedError("another activation than tanh")
    if view.option(Field(5, "diagonal_recurrent_tensors"), BOOL, False):
        raise UnsupportedError("diagonal recurrent weights; allowed dense ones")
    clip = float(view.option(Field(1, "cell_clip"), FLOAT32, 0.0))
    if not (math.isfinite(clip) and clip >= 0):
        raise view.damaged(f"cell_clip is {clip}")
    return LstmAttrs(view.option(Field(3, "time_major"), BOOL, False), clip)


_O = BuiltinOptions
STATEFUL: dict[str, Row] = {
    "SVDF": Row("svdf", _svdf, _O.SVDFOptions, 5, 5, states=(4,), optional=frozenset((3,))),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Row(
        "lstm",
        _lstm,
        _O.UnidirectionalSequenceLSTMOptions,
        20,
        24,
        states=(18, 19),
        optional=_ABSENT_IN_LSTM | {1, 5, 12},
    ),
}
