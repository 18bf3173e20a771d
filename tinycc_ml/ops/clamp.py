"""Operators that only clamp: input and output are quantized alike, or float32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.loopir import LoopKernel
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.base import Numbers, Workload
from tinycc_ml.ops.elementwise import elementwise_kernel
from tinycc_ml.ops.floats import FloatNumbers, limit, limited


@dataclass(frozen=True, slots=True)
class ClampNumbers(Numbers):
    """Lowest and highest output."""

    low: int
    high: int


def clamp_reference(workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
    """See :meth:`OpDef.reference`."""
    n = workload.numbers
    if isinstance(n, FloatNumbers):
        return (limit(operands["input"], n),)
    n = cast(ClampNumbers, n)
    return (np.clip(operands["input"], n.low, n.high),)


def lower_clamp(workload: Workload) -> LoopKernel:
    """See :meth:`OpDef.lower`."""
    n = workload.numbers
    if isinstance(n, FloatNumbers):
        return elementwise_kernel(workload, partial(limited, numbers=n))
    n = cast(ClampNumbers, n)
    return elementwise_kernel(workload, lambda x: b.clamp(x, n.low, n.high))
