"""ONNX files to graphs; imports the package `onnx`, so it is imported only where one is read."""

from __future__ import annotations

from tinycc_ml.importers.onnx.importer import import_onnx, import_onnx_bytes

__all__ = ["import_onnx", "import_onnx_bytes"]
