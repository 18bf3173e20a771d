"""What elementwise operators of several operands share: NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import prod

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.loopir import Expr, Local, LoopKernel
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access, Elementwise, Whole
from tinycc_ml.ops.base import Workload, buffers_of

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring dimensions that can be one loop: each input varies in all of them or in none."""

    extent: int
    varies: tuple[bool, ...]


def broadcast_shape(*shapes: Shape) -> Shape:
    """The output's shape.

    Raises:
        UnsupportedError: If the shapes do not fit together.
    """
    reverse = tuple(zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1))
    if any(extent not in (1, max(extents)) for extents in reverse for extent in extents):
        raise UnsupportedError(f"shapes {' and '.join(map(str, shapes))} cannot be broadcast")
    return tuple(max(extents) for extents in reversed(reverse))


def broadcast_access(workload: Workload) -> Access:
    """Inputs of the output's size are read in step with it, smaller ones in any order."""
    elements = workload.operand("output").elements
    patterns = tuple(
        (role, Elementwise(1) if type_.elements == elements else Whole())
        for role, type_ in workload.inputs
    )
    return Access(1, patterns, reads_first=True)


def broadcast_kernel(
    workload: Workload,
    value: Callable[..., Expr],
    local: Callable[..., Local] | None = None,
) -> LoopKernel:
    """``output[...] = value(input0[...], input1[...])`` with as few loops as possible.

    Args:
        workload: What to compute.
        value: The output for one element of each input.
        local: What `value` uses more than once, and reads as a variable.
    """
    *operands, y = buffers_of(workload)
    runs = _runs([operand.shape for operand in operands])
    loops = [(f"i{n}", run.extent) for n, run in enumerate(runs)]
    inputs, loads = [], []
    for which, buffer in enumerate(operands):
        varying = [loop for loop, run in zip(loops, runs, strict=True) if run.varies[which]]
        inputs.append(replace(buffer, shape=tuple(extent for _, extent in varying)))
        loads.append(b.load(inputs[-1], *(variable for variable, _ in varying)))
    output = replace(y, shape=tuple(extent for _, extent in loops))
    store = b.store(output, [variable for variable, _ in loops], value(*loads))
    before = () if local is None else (local(*loads),)
    return LoopKernel(workload.op, (*inputs, output), b.nest(loops, *before, store))


def _runs(shapes: list[Shape]) -> list[_Run]:
    runs: list[_Run] = []
    rank = max(map(len, shapes))
    padded = ((1,) * (rank - len(shape)) + shape for shape in shapes)
    for extents in zip(*padded, strict=True):
        if max(extents) == 1:
            continue
        run = _Run(max(extents), tuple(extent != 1 for extent in extents))
        if runs and runs[-1].varies == run.varies:
            run = _Run(prod((runs.pop().extent, run.extent)), run.varies)
        runs.append(run)
    return runs
