"""Exact sums of two lanes in one register: chunks that cannot overflow into each other.

``sum = 0x8000 + w0*x0 + w1*x1 + ...`` over words ``x = a + 65536*b`` holds in its upper half the
sum of the ``b``, undisturbed, as long as that of the ``a`` stays within 16 bits. A chunk is a run
of weights for which it does whatever the data; at its end (a *flush*)

    total += sum;  upper += sum >> 16

and at the very end the sum of the ``b`` is `upper` and that of the ``a`` is
``total - 0x8000 * flushes - (upper << 16)`` modulo 2^32: both exact, for any number of chunks.
"""

from __future__ import annotations

from dataclasses import dataclass

_LOW, _HIGH = -(1 << 15), (1 << 15) - 1


@dataclass
class Chunk:
    """What the lane of a chunk can hold so far."""

    low: int = 0
    high: int = 0

    def takes(self, weight: int) -> bool:
        """Adds a weight if the lane still cannot overflow; else the chunk has to end first."""
        low, high = self.low + min(-128 * weight, 127 * weight), self.high
        high += max(-128 * weight, 127 * weight)
        if low < _LOW or high > _HIGH:
            return False
        self.low, self.high = low, high
        return True
