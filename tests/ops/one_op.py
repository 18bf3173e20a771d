"""A model of one operator for TensorFlow Lite Micro, our reference and our loop nest.

For operators that become several nodes, or none; the importer's row is tested along the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.tflite_builder import ModelBuilder

#: A shape with its quantization is an input, an array a parameter; with a quantization a constant.
Operand = Any
Quant = tuple[float, int]


def one_op(
    builtin: str,
    operands: Sequence[Operand],
    outputs: Sequence[tuple[tuple[int, ...], Quant | None]],
    dtype: str = "int8",
    **options: Any,
) -> bytes:
    """The model; operands are ``(shape, quant)``, ``(array, quant)`` or a parameter's array."""
    b = ModelBuilder()
    numbers = []
    for i, operand in enumerate(operands):
        if isinstance(operand, np.ndarray):
            numbers.append(b.constant(f"p{i}", operand))
            continue
        what, quant = operand
        if isinstance(what, np.ndarray):
            numbers.append(b.constant(f"c{i}", what, *(quant or ())))
        else:
            numbers.append(b.input(f"x{i}", what, dtype, *(quant or ())))
    results = [b.tensor(f"y{i}", s, dtype, *(q or ())) for i, (s, q) in enumerate(outputs)]
    b.operator(builtin, numbers, results, **options)
    b.output(*results)
    return b.build()


def i32(*values: int) -> np.ndarray:
    """A parameter: int32 numbers."""
    return np.array(values, np.int32)
