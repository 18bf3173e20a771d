"""What elementwise operators demand of quantization."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import TensorType
from tinycc_ml.ops.base import BoundNode, Integers
from tinycc_ml.ops.int8_checks import scale_problem


def dtype_problem(role: str, type_: TensorType, *allowed: DType) -> str | None:
    """Why an element type is not supported, or ``None``."""
    if type_.dtype in allowed:
        return None
    return f"{role} is {type_.dtype.value}; allowed {', '.join(d.value for d in allowed)}"


def quantized_problem(role: str, type_: TensorType, *allowed: DType) -> str | None:
    """Why a tensor is no usable activation of one of these integer types, or ``None``."""
    problem = dtype_problem(role, type_, *allowed)
    if problem:
        return problem
    quant, dtype = type_.quant, type_.dtype
    if quant is None:
        return f"{role} has no quantization parameters"
    if quant.axis is not None or len(quant.scales) != 1:
        return f"{role} is quantized per channel; allowed per tensor"
    if not dtype.min <= quant.zero_point <= dtype.max:
        return f"{role} has zero point {quant.zero_point}; allowed {dtype.min} ... {dtype.max}"
    return scale_problem(role, quant)


def activation_problem(role: str, type_: TensorType) -> str | None:
    """Why a tensor is no usable activation of int8 or int16, or ``None``; int16 has no offset."""
    problem = quantized_problem(role, type_, DType.INT8, DType.INT16)
    if problem is None and type_.dtype is DType.INT16 and type_.quant and type_.quant.zero_point:
        return f"{role} is int16 with zero point {type_.quant.zero_point}; allowed 0"
    return problem


def alike_problem(types: Sequence[tuple[str, TensorType]]) -> str | None:
    """Why tensors are no usable activations of one element type, int8 or int16, or ``None``."""
    first = types[0][1].dtype
    for role, type_ in types:
        problem = activation_problem(role, type_)
        if problem is None and type_.dtype is not first:
            problem = f"{role} is {type_.dtype.value}; allowed {first.value}"
        if problem:
            return problem
    return None


def probability_problem(type_: TensorType) -> str | None:
    """Why an int8 output cannot hold 0 ... 1 as the library fixes it, or ``None``."""
    quant = type_.quant
    if quant is not None and (quant.scale, quant.zero_point) == (1 / 256, -128):
        return None
    return f"output is {type_}; it must have scale 1/256 and zero point -128"


def integers_problem(integerize: Callable[[BoundNode], Integers], bound: BoundNode) -> str | None:
    """Why the real numbers of a node have no fixed-point form, or ``None``."""
    try:
        integerize(bound)
    except UnsupportedError as error:
        return str(error)
    return None


def bounded_multiplier(pair: tuple[int, int], bits: int) -> tuple[int, int]:
    """A multiplier and shift for sums of so many bits, if no product can exceed int32.

    Raises:
        UnsupportedError: If one could; the library's own arithmetic is undefined there.
    """
    if pair[1] > 30 - bits:
        raise UnsupportedError(
            f"the output's scale is too small for its inputs': outputs would be 2**{pair[1]} times "
            f"the integers computed; allowed up to 2**{30 - bits}"
        )
    return pair
