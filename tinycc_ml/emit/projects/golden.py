"""Samples with known outputs, for a self-test that runs on the board.

The inputs are drawn by a generator of 32 bits that the self-test has in C too, so that only the
outputs take flash.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, TensorType
from tinycc_ml.ops import LayerGraph, evaluate, next_states

#: As `validate` compares floats: relative to the largest magnitude of the tensor.
TOLERANCE = 1e-5
_SAMPLES = 3
_FEWEST_BYTES = 4096
_WORD = 2**32 - 1


@dataclass(frozen=True, slots=True)
class GoldenSample:
    """One inference.

    Attributes:
        seed: What the inputs are drawn from.
        outputs: The model's outputs.
    """

    seed: int
    outputs: tuple[Array, ...]


def golden_samples(graph: LayerGraph) -> tuple[GoldenSample, ...]:
    """Three samples, or one where the outputs are large.

    A model with state sees them as one sequence.

    Args:
        graph: The model as its file has it, so that no graph pass is on both sides.
    """
    output_bytes = sum(graph.types[name].size_bytes for name in graph.outputs)
    count = _SAMPLES if output_bytes * _SAMPLES <= _FEWEST_BYTES else 1
    states: tuple[Array, ...] = tuple(state.initial.array for state in graph.states)
    samples = []
    for seed in range(1, count + 1):
        values = evaluate(graph, draw_inputs(graph, seed), states)
        states = next_states(graph, values)
        samples.append(GoldenSample(seed, tuple(values[name] for name in graph.outputs)))
    return tuple(samples)


def draw_inputs(graph: LayerGraph, seed: int) -> list[Array]:
    """The inputs that the self-test draws from a seed other than 0."""
    state = seed
    inputs = []
    for name in graph.inputs:
        type_ = graph.types[name]
        numbers = np.empty(type_.elements, np.int32)
        for index in range(type_.elements):
            state = _next(state)
            numbers[index] = (state >> 24) - 128
        inputs.append(_elements(numbers, type_))
    return inputs


def _next(state: int) -> int:
    """Marsaglia's xorshift with the triple 13, 17, 5."""
    state ^= state << 13 & _WORD
    state ^= state >> 17
    return state ^ (state << 5 & _WORD)


def _elements(numbers: Array, type_: TensorType) -> Array:
    """Elements of a type from numbers of -128 to 127; in C: :func:`element_text`."""
    match type_.dtype:
        case DType.INT8:
            drawn = numbers
        case DType.UINT8:
            drawn = numbers + 128
        case DType.INT16:
            drawn = numbers * 256
        case DType.FLOAT32:
            drawn = numbers.astype(np.float32) / np.float32(128)
        case _:
            drawn = numbers & 1  # may be an index, or a truth value
    return drawn.astype(type_.dtype.numpy).reshape(type_.shape)


def element_text(dtype: DType) -> str:
    """The C expression of an element from ``number``, of -128 to 127."""
    match dtype:
        case DType.INT8:
            return "(int8_t)number"
        case DType.UINT8:
            return "(uint8_t)(number + 128)"
        case DType.INT16:
            return "(int16_t)(number * 256)"
        case DType.FLOAT32:
            return "(float)number / 128.0F"
        case DType.BOOL:
            return "(number & 1) != 0"
        case _:
            return f"({dtype.c_name})(number & 1)"
