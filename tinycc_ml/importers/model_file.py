"""Which importer a file needs."""

from __future__ import annotations

from pathlib import Path

from tinycc_ml.errors import DataError, ModelFileError
from tinycc_ml.graph import Graph
from tinycc_ml.importers.bindings import Bindings
from tinycc_ml.importers.flatbuffer import one_line
from tinycc_ml.importers.tflite import import_tflite
from tinycc_ml.importers.tflite_reader import IDENTIFIER

#: Protocol buffers have no signature; this is the key of an ONNX file's first field.
_ONNX_IR_VERSION = 8


def import_model(path: Path, bindings: Bindings | None = None) -> Graph:
    """The network of a model file; its content decides what it is.

    Args:
        path: The file.
        bindings: Numbers for dimensions that the file leaves open.

    Raises:
        ModelFileError: If the file cannot be read, is no model, or is damaged.
        UnsupportedError: If it is in a format, or holds something, that cannot be compiled.
        DataError: If bindings are given for a file without open dimensions.
    """
    name = one_line(path.name)
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ModelFileError(f"{one_line(str(path))}: {reason}") from error
    if head[4:8] == IDENTIFIER:
        if bindings:
            raise DataError(f"{name}: --shape and --dim are for ONNX files; this one is TFLite")
        return import_tflite(path)
    if head and (path.suffix.lower() == ".onnx" or head[0] == _ONNX_IR_VERSION):
        # Only here: the package `onnx` takes long to import.
        from tinycc_ml.importers.onnx import import_onnx

        return import_onnx(path, bindings)
    what = "the file is neither a TFLite nor an ONNX model" if head else "the file is empty"
    raise ModelFileError(f"{name}: {what}; allowed .tflite ('TFL3' at offset 4) and .onnx")
