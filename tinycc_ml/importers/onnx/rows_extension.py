"""Operators of other domains that installed packages know."""

from __future__ import annotations

from onnx.helper import get_attribute_value

from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.rows import Row
from tinycc_ml.importers.onnx.values import Item, identity
from tinycc_ml.ops.extension import Extension, extensions


def extension_row(kind: str) -> Row | None:
    """How an operator, with its domain, is imported; ``None`` where no package knows it."""
    found = next((e for e in extensions() if e.onnx == kind), None)
    return None if found is None else Row(lambda call: _translated(call, found), 1, None)


def _translated(call: Call, extension: Extension) -> list[Item]:
    """One node with one output; operands are stored in the order of the file's dimensions."""
    given = {name: get_attribute_value(a) for name, a in call.attributes.items()}
    names = [call.builder.stored(item, identity(len(item.shape))) for item in call.items()]
    return [call.emit(extension.definition.name, names, attrs=extension.attrs(given))]
