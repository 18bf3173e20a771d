"""Which importer a file needs."""

from __future__ import annotations

from pathlib import Path

from tinycc_ml.errors import ModelFileError, UnsupportedError
from tinycc_ml.graph import Graph
from tinycc_ml.importers.flatbuffer import one_line
from tinycc_ml.importers.tflite import import_tflite
from tinycc_ml.importers.tflite_reader import IDENTIFIER


def import_model(path: Path) -> Graph:
    """The network of a model file; its content decides what it is.

    Raises:
        ModelFileError: If the file cannot be read, is no model, or is damaged.
        UnsupportedError: If it is in a format, or holds something, that cannot be compiled.
    """
    name = one_line(path.name)
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ModelFileError(f"{one_line(str(path))}: {reason}") from error
    if head[4:8] == IDENTIFIER:
        return import_tflite(path)
    if path.suffix.lower() == ".onnx":
        raise UnsupportedError(
            f"{name}: ONNX files cannot be compiled yet; convert the model to an int8 .tflite file"
        )
    what = "the file is not a TensorFlow Lite model" if head else "the file is empty"
    raise ModelFileError(f"{name}: {what}; allowed .tflite ('TFL3' at offset 4)")
