"""The report of what quantization costs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinycc_ml.graph import QuantParams
from tinycc_ml.quant.report import LayerSums


def test_noise_range_and_clipping() -> None:
    sums = LayerSums(QuantParams((0.5,), (-128,)))
    sums.add(np.array([1.0, 2.0], np.float32), np.array([1.0, 2.5], np.float32))
    sums.add(np.array([200.0, -3.0], np.float32), np.array([127.5, 0.0], np.float32))
    report = sums.report("n", "conv2d")
    noise, signal = 0.25 + 72.5**2 + 9, 5 + 200.0**2 + 9
    assert report.sqnr_db == pytest.approx(10 * math.log10(signal / noise))
    assert (report.low, report.high, report.clipped) == (0.0, 127.5, 0.5)


def test_no_noise() -> None:
    sums = LayerSums(QuantParams((1.0,), (0,)))
    sums.add(np.ones(3, np.float32), np.ones(3, np.float32))
    assert sums.report("n", "reshape").sqnr_db == math.inf
