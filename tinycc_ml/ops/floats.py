"""What operators share that also compute in float32.

A node computes in float32 where its first input is float32. Such a layer has real numbers, those of
a class of their own, by which ``reference`` and ``lower`` know which meaning to take.

References round to float32 after each operation and sum up in the library's order. Kernels may sum
up in any order, and may add products that are not rounded (fused multiply-add): they are compared
within a tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array
from tinycc_ml.loopir import Binary, Expr
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.base import BoundNode, Numbers
from tinycc_ml.ops.quantized import dtype_problem

#: The lowest float32 that is no infinity: what the library starts a maximum with.
LOWEST = float(np.finfo(np.float32).min)


@dataclass(frozen=True, slots=True)
class FloatNumbers(Numbers):
    """The literals of a layer in float32: the limits of its fused activation, if it has any."""

    low: float | None = None
    high: float | None = None


def is_float(bound: BoundNode) -> bool:
    """Whether a node computes in float32."""
    return bound.inputs[0].dtype is DType.FLOAT32


def float_problem(bound: BoundNode) -> str | None:
    """Why a node does not compute in float32 only, or ``None``."""
    for kind, types in (("input", bound.inputs), ("output", bound.outputs)):
        for position, type_ in enumerate(types):
            problem = dtype_problem(f"{kind} {position}", type_, DType.FLOAT32)
            if problem:
                return problem
    return None


def float_numbers(activation: Activation) -> FloatNumbers:
    """The numbers of a layer whose only ones are the limits of its activation."""
    return FloatNumbers(*activation.bounds)


def running_sum(values: Array) -> Array:
    """Sums along the last axis, element by element in float32; 0 where there is none."""
    start = np.zeros((*values.shape[:-1], 1), np.float32)
    # Other than ``sum``, which adds up halves, this is sequential.
    result: Array = np.add.accumulate(np.concatenate([start, values], axis=-1), axis=-1)[..., -1]
    return result


def running_product(x: Array, weight: Array) -> Array:
    """``x @ weight.T``, product by product in float32.

    Args:
        x: (..., K), float32.
        weight: (O, K), float32.
    """
    acc = np.zeros((*x.shape[:-1], len(weight)), np.float32)
    for k in range(weight.shape[1]):
        acc += x[..., k, None] * weight[:, k]
    return acc


def exp(x: Array) -> Array:
    """The float32 nearest to the exponential of each float32."""
    with np.errstate(over="ignore"):
        result: Array = np.exp(x.astype(np.float64)).astype(np.float32)
    return result


def tanh(x: Array) -> Array:
    """The float32 nearest to the hyperbolic tangent of each float32."""
    return np.tanh(x.astype(np.float64)).astype(np.float32)


def limit(values: Array, numbers: FloatNumbers) -> Array:
    """The activation in NumPy, of float32."""
    if numbers.low is not None:
        values = np.maximum(values, np.float32(numbers.low))
    if numbers.high is not None:
        values = np.minimum(values, np.float32(numbers.high))
    return values


def limited(value: Expr, numbers: FloatNumbers) -> Expr:
    """The activation in loop IR."""
    if numbers.low is not None:
        value = Binary("max", value, b.number(numbers.low))
    if numbers.high is not None:
        value = Binary("min", value, b.number(numbers.high))
    return value
