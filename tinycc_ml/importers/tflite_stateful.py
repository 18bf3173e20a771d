"""Operators of .tflite files that keep a state in variables, and what each becomes."""

from __future__ import annotations

from tflite.BuiltinOptions import BuiltinOptions

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.flatbuffer import Field
from tinycc_ml.importers.tflite_row import Row
from tinycc_ml.importers.tflite_view import OperatorView
from tinycc_ml.ops.svdf import SvdfAttrs


def _svdf(view: OperatorView) -> SvdfAttrs:
    if view.operator.inputs[3] < 0:
        raise UnsupportedError("no bias; TensorFlow Lite Micro needs one, of zeros at least")
    activation = view.activation(Field(1, "fused_activation_function"))
    return SvdfAttrs(view.positive(Field(0, "rank")), activation)


_O = BuiltinOptions
STATEFUL: dict[str, Row] = {
    "SVDF": Row("svdf", _svdf, _O.SVDFOptions, 5, 5, states=(4,), optional=frozenset((3,))),
}
