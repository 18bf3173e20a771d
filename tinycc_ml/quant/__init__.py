"""Calibration and post-training quantization: graph to graph."""

from __future__ import annotations

from tinycc_ml.quant.calibrate import Calibration, calibrate
from tinycc_ml.quant.observe import Progress, no_progress
from tinycc_ml.quant.options import Interface, QuantizeOptions
from tinycc_ml.quant.quantizer import Quantized, quantize_graph
from tinycc_ml.quant.ranges import METHODS
from tinycc_ml.quant.report import LayerReport
from tinycc_ml.quant.rounding import ROUNDINGS
from tinycc_ml.quant.samples import Samples, from_arrays, from_iterable, open_samples

__all__ = [
    "METHODS",
    "ROUNDINGS",
    "Calibration",
    "Interface",
    "LayerReport",
    "Progress",
    "QuantizeOptions",
    "Quantized",
    "Samples",
    "calibrate",
    "from_arrays",
    "from_iterable",
    "no_progress",
    "open_samples",
    "quantize_graph",
]
