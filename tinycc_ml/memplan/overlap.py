"""From an execution to overlaps: which outputs may lie over which dying inputs, and how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tinycc_ml.memplan.distance import safe_distance_bytes
from tinycc_ml.memplan.execution import Execution, Step, WriteOrder
from tinycc_ml.memplan.problem import Overlap, WholePixels


def overlaps(
    execution: Execution, roots: Mapping[str, str], last: Mapping[str, int]
) -> tuple[Overlap, ...]:
    """Every overlap that saves something.

    Forward only: the kernels write in ascending order.

    Args:
        execution: With orders for the steps that promise one.
        roots: Per buffer, the buffer that owns its storage.
        last: Per storage, the last step that needs it. A storage with several views dies with the
            last of them.
    """
    kept = {roots[name] for name in execution.outputs}
    return tuple(
        overlap
        for index, step in enumerate(execution.steps)
        if step.order is not None
        for dying in dict.fromkeys(roots[name] for name in step.reads)
        if last[dying] == index and dying not in kept
        for overlap in _overlap(execution, step, step.order, dying, roots)
    )


def _overlap(
    execution: Execution, step: Step, order: WriteOrder, dying: str, roots: Mapping[str, str]
) -> tuple[Overlap, ...]:
    """At most one."""
    (written,) = step.writes
    ordered = [read for read in order.reads if roots[read.name] == dying]
    unordered = {name for name in step.reads if roots[name] == dying} - {r.name for r in ordered}
    if unordered:
        return ()
    # A value may be read twice, by two parameters or through two views.
    # Further below than its own size the dying buffer is disjoint anyway, and so it is further
    # above than the size of the output.
    low_bytes, high_bytes = -execution.size_bytes[dying], execution.size_bytes[written]

    def distance_bytes(order: WriteOrder) -> int:
        least_bytes = max(safe_distance_bytes(order, read) for read in ordered)
        return min(max(least_bytes, low_bytes), high_bytes)

    overlap = Overlap(written, dying, distance_bytes(order))
    if order.pixel_bytes:
        # Whole pixels apart, a byte is only overwritten by one of the same place in a pixel.
        least_bytes = distance_bytes(replace(order, reads_first=True))
        overlap = replace(overlap, pixels=WholePixels(order.pixel_bytes, least_bytes))
    return (overlap,) if overlap.least_bytes < high_bytes else ()
