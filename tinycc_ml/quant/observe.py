"""Watches the activations of the float network: two passes over the data, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tinycc_ml.errors import DataError
from tinycc_ml.graph import Array, Graph
from tinycc_ml.quant.batch import BatchRunner

BINS = 2048
#: Samples that are computed at once.
BATCH = 25

Progress = Callable[[str, int, int], None]
Samples = Iterable[tuple[Array, ...]]


def no_progress(what: str, done: int, total: int) -> None:
    """Where nobody wants to know how far it is."""


@dataclass(slots=True)
class Observation:
    """What was seen of one value.

    Attributes:
        low: The smallest number.
        high: The largest.
        histogram: Of the numbers, over equal bins from low to high; empty before the second pass.
    """

    low: float = np.inf
    high: float = -np.inf
    histogram: Array = field(default_factory=lambda: np.zeros(BINS, np.int64))

    def extend(self, x: Array) -> None:
        """First pass: the limits."""
        self.low = min(self.low, float(x.min()))
        self.high = max(self.high, float(x.max()))

    def count(self, x: Array) -> None:
        """Second pass: the histogram."""
        span = self.high - self.low
        if span <= 0:
            self.histogram[0] += x.size
            return
        places = ((x.reshape(-1) - np.float32(self.low)) * np.float32(BINS / span)).astype(np.int32)
        self.histogram += np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS)

    @property
    def centers(self) -> Array:
        """The middle of each bin."""
        width = (self.high - self.low) / BINS
        return self.low + width * (np.arange(BINS) + 0.5)


def batches(samples: Samples, size: int = BATCH) -> Iterator[tuple[Array, ...]]:
    """Stacks samples: arrays (samples, *shape of the input)."""
    waiting: list[tuple[Array, ...]] = []
    for sample in samples:
        waiting.append(sample)
        if len(waiting) == size:
            yield tuple(np.stack(column) for column in zip(*waiting, strict=True))
            waiting = []
    if waiting:
        yield tuple(np.stack(column) for column in zip(*waiting, strict=True))


def observe(
    graph: Graph,
    samples: Samples,
    values: frozenset[str],
    *,
    histograms: bool,
    progress: Progress,
    total: int,
) -> dict[str, Observation]:
    """What the named values of a float graph look like over all samples.

    Args:
        graph: The float network.
        samples: Can be iterated more than once.
        values: Which to watch.
        histograms: Whether a second pass counts them.
        progress: Told the pass, the samples done and those in all.
        total: Number of samples.

    Raises:
        DataError: If the network computes what is no finite number.
    """
    runner = BatchRunner(graph)
    seen = {name: Observation() for name in values}
    for label, is_first in (("ranges", True), ("histograms", False)):
        if not is_first and not histograms:
            break
        done = 0
        for batch in batches(samples):
            for name, array in runner.values(batch):
                if name not in seen:
                    continue
                if is_first and not np.isfinite(array).all():
                    raise DataError(
                        f"calibration: value {name} of the float model is not finite for one of "
                        f"the samples {done} ... {done + len(array) - 1}; check model and data"
                    )
                (seen[name].extend if is_first else seen[name].count)(array)
            done += len(batch[0])
            progress(label, done, total)
    return seen
