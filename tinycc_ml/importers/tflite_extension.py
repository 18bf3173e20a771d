"""Custom operators of .tflite files that installed packages know."""

from __future__ import annotations

from tinycc_ml.graph import OpAttrs
from tinycc_ml.importers.tflite_reader import CUSTOM, RawOperator
from tinycc_ml.importers.tflite_row import Row
from tinycc_ml.importers.tflite_view import OperatorView
from tinycc_ml.ops.extension import extensions


def extension_row(operator: RawOperator) -> Row | None:
    """How a custom operator is imported; ``None`` where no package knows it."""
    if operator.builtin != CUSTOM:
        return None
    for extension in extensions():
        if extension.tflite == operator.custom_code:
            break
    else:
        return None

    def attrs(view: OperatorView) -> OpAttrs:
        return extension.attrs(view.operator.custom_options)

    return Row(extension.definition.name, attrs, 0, 1, None)
