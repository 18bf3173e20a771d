"""Graphs to model files."""

from __future__ import annotations

from tinycc_ml.exporters.onnx_file import export_onnx

__all__ = ["export_onnx"]
