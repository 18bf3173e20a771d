"""What quantization costs, layer by layer, on the calibration samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, QuantParams


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer of the quantized network beside the float one; both got the same samples.

    Attributes:
        name: The node's.
        op: Its operator.
        sqnr_db: Signal to noise of its output, the noise of all layers before included; infinite
            where there is none.
        low: The lowest number that its output can be.
        high: The highest.
        clipped: Share of the float network's numbers that lie outside.
    """

    name: str
    op: str
    sqnr_db: float
    low: float
    high: float
    clipped: float


class LayerSums:
    """Sums up what a report says of one value, batch by batch."""

    def __init__(self, quant: QuantParams) -> None:
        self.quant = quant
        ends = np.array([DType.INT8.min, DType.INT8.max]) - quant.zero_point
        self.low, self.high = (float(end) for end in ends * quant.scale)
        self.signal = self.noise = 0.0
        self.clipped = self.count = 0

    def add(self, expected: Array, found: Array) -> None:
        """Adds a batch.

        Args:
            expected: Of the float network.
            found: Real numbers that the integers stand for.
        """
        difference = (expected - found).astype(np.float64)
        self.signal += float(np.square(expected, dtype=np.float64).sum())
        self.noise += float(np.square(difference).sum())
        # Half a step is rounding, not clipping.
        room = self.quant.scale / 2
        beyond = (expected < self.low - room) | (expected > self.high + room)
        self.clipped += int(beyond.sum())
        self.count += expected.size

    def report(self, name: str, op: str) -> LayerReport:
        """The report of the layer that computes the value."""
        ratio = math.inf if self.noise == 0 else self.signal / self.noise
        decibels = 10 * math.log10(ratio) if ratio > 0 else -math.inf
        clipped = self.clipped / max(self.count, 1)
        return LayerReport(name, op, decibels, self.low, self.high, clipped)
