"""Model files to graphs."""

from __future__ import annotations

from tinycc_ml.importers.bindings import Bindings, parse_bindings
from tinycc_ml.importers.model_file import import_model
from tinycc_ml.importers.tflite import import_tflite, import_tflite_bytes

__all__ = [
    "Bindings",
    "import_model",
    "import_tflite",
    "import_tflite_bytes",
    "parse_bindings",
]
