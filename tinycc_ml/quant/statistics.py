"""What rounding of weights has to know of a layer's inputs: means and second moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinycc_ml.graph import Array


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of a layer's input rows, of the float network and of the quantized one.

    Attributes:
        float_mean: Of the float rows, (groups, K).
        mean: Of the quantized rows, as real numbers, (groups, K).
        covariance: Of the quantized rows, (groups, K, K).
        cross: Covariance of float rows (first) with quantized rows, (groups, K, K).
    """

    float_mean: Array
    mean: Array
    covariance: Array
    cross: Array


class MomentSums:
    """Sums up moments, batch by batch."""

    def __init__(self) -> None:
        self.count = 0
        self.shift: tuple[Array, Array] | None = None
        self.first: list[Array] = []
        self.second: list[Array] = []

    def add(self, float_rows: Array, rows: Array) -> None:
        """Adds rows (groups, n, K) of both networks, float32."""
        if self.shift is None:
            # Variances are small against squares of means: both are taken from near the means.
            self.shift = tuple(
                r.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
                for r in (float_rows, rows)
            )
        assert self.shift is not None
        x, y = float_rows - self.shift[0], rows - self.shift[1]
        firsts = [v.sum(axis=1, dtype=np.float64) for v in (x, y)]
        seconds = [(v.transpose(0, 2, 1) @ y).astype(np.float64) for v in (x, y)]
        if self.count:
            firsts = [a + b for a, b in zip(self.first, firsts, strict=True)]
            seconds = [a + b for a, b in zip(self.second, seconds, strict=True)]
        self.first, self.second = firsts, seconds
        self.count += rows.shape[1]

    def moments(self) -> Moments:
        """The moments of all rows added."""
        assert self.shift is not None
        x, y = (sums / self.count for sums in self.first)
        products = [
            sums / self.count - v[:, :, None] * y[:, None, :]
            for sums, v in zip(self.second, (x, y), strict=True)
        ]
        return Moments(self.shift[0][:, 0] + x, self.shift[1][:, 0] + y, products[1], products[0])


def damped(covariance: Array, damping: float) -> Array:
    """A covariance that can be inverted: a share of its mean variance on the diagonal."""
    k = covariance.shape[-1]
    variance = np.trace(covariance, axis1=1, axis2=2)[:, None, None] / k
    result: Array = covariance + np.eye(k) * (damping * variance + 1e-12)
    return result


def compensated(matrices: Array, m: Moments, damping: float) -> Array:
    """The weights that make of quantized inputs what the given ones make of float inputs.

    The least squares solution of ``w' y = w x`` over centred rows, drawn towards ``w`` where the
    inputs say little.

    Args:
        matrices: (groups, filters, K).
        m: The moments of the inputs.
        damping: Weight of ``w' = w``, as a share of the mean variance.
    """
    k = m.covariance.shape[-1]
    ridge = damped(m.covariance, damping)
    pull = ridge - m.covariance
    target = matrices @ (m.cross + pull)
    solved: Array = np.linalg.solve(ridge, target.transpose(0, 2, 1)).transpose(0, 2, 1)
    assert solved.shape[-1] == k
    return solved
