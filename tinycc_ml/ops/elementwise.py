"""What operators share that compute each output from the input at the same place.

Their kernels see every tensor as a flat array: one loop instead of one per dimension.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tinycc_ml.loopir import Buffer, Expr, LoopKernel, Role
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access, Elementwise
from tinycc_ml.ops.base import Workload, buffers_of


def flat_buffers(workload: Workload) -> tuple[Buffer, ...]:
    """The parameters of a layer function, inputs and outputs as flat arrays."""
    return tuple(
        buffer if buffer.role is Role.CONSTANT else replace(buffer, shape=(buffer.elements,))
        for buffer in buffers_of(workload)
    )


def elementwise_access(workload: Workload) -> Access:
    """Each step reads one element of every input, then writes one."""
    return Access(1, tuple((role, Elementwise(1)) for role, _ in workload.inputs), reads_first=True)


def elementwise_kernel(workload: Workload, value: Callable[[Expr], Expr]) -> LoopKernel:
    """``output[i] = value(input[i])``."""
    buffers = flat_buffers(workload)
    x, y = buffers[0], buffers[-1]
    body = b.nest([("i", y.elements)], b.store(y, ["i"], value(b.load(x, "i"))))
    return LoopKernel(workload.op, buffers, body)
