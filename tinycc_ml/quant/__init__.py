"""Calibration and post-training quantization: graph to graph."""

from __future__ import annotations
