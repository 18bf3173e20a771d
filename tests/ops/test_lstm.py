"""LSTM: sequences against TensorFlow Lite Micro, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops_support import check_sequence
from tests.tflite_builder import ModelBuilder
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.tflite import import_tflite_bytes
from tinycc_ml.numerics import logistic_q15, tanh_q15, tripled_argument

RUNS = 3
TANH = 4


def lstm(
    seed: int,
    *,
    batch: int = 1,
    steps: int = 2,
    inputs: int = 3,
    size: int = 4,
    time_major: bool = False,
    cell_clip: float = 0.0,
    input_zero_point: int = -9,
    hidden_zero_point: int = 4,
    cell_scale: float = 2.0**-11,
    weight_scale: float = 0.02,
    recurrent_scale: float = 0.01,
    hidden_scale: float = 1 / 128,
    cell_zero_point: int = 0,
    activation: int = TANH,
    peephole: bool = False,
) -> bytes:
    """A model of one layer with random weights."""
    rng = np.random.default_rng(seed)
    b = ModelBuilder()

    def weight(name: str, columns: int, scale: float) -> int:
        array = rng.integers(-127, 128, (size, columns)).astype(np.int8)
        # The gates have scales of their own.
        return b.constant(name, array, np.float32(scale * rng.uniform(0.7, 1.4)))

    def shape(width: int) -> tuple[int, ...]:
        return (steps, batch, width) if time_major else (batch, steps, width)

    x = b.input("x", shape(inputs), "int8", 0.05, input_zero_point)
    weights = [weight(f"w{i}", inputs, weight_scale) for i in range(4)]
    recurrent = [weight(f"r{i}", size, recurrent_scale) for i in range(4)]
    peepholes = [b.constant("p", np.ones(size, np.int16), 1.0) if peephole else -1, -1, -1]
    biases = [
        b.constant(f"b{i}", rng.integers(-2000, 2000, size).astype(np.int32), 0.05 * weight_scale)
        for i in range(4)
    ]
    hidden = b.tensor("h", (batch, size), "int8", hidden_scale, hidden_zero_point, is_variable=True)
    cell = b.tensor("c", (batch, size), "int16", cell_scale, cell_zero_point, is_variable=True)
    y = b.tensor("y", shape(size), "int8", hidden_scale, hidden_zero_point)
    operands = [x, *weights, *recurrent, *peepholes, *biases, -1, -1, hidden, cell, *[-1] * 4]
    options: dict[str, Any] = {"fused_activation_function": activation, "cell_clip": cell_clip}
    b.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", operands, [y], time_major=time_major, **options)
    b.output(y)
    return b.build()


def samples(seed: int, shape: tuple[int, ...]) -> list[list[np.ndarray]]:
    """Runs of which the first two are at the limits."""
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(RUNS)]
    drawn[0][:], drawn[1][:] = 127, -128
    return [[x] for x in drawn]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.fixed_dictionaries(
        {
            "batch": st.integers(1, 2),
            "steps": st.integers(1, 3),
            "inputs": st.integers(1, 5),
            "size": st.integers(1, 5),
            "time_major": st.booleans(),
            "cell_clip": st.sampled_from([0.0, 0.3, 100.0]),
            "input_zero_point": st.integers(-128, 127),
            "hidden_zero_point": st.integers(-128, 127),
            "cell_scale": st.sampled_from([2.0**-11, 2.0**-15, 2.0**-12, 2.0**-13, 2.0**-6]),
            "weight_scale": st.sampled_from([0.001, 0.02, 0.2]),
            "recurrent_scale": st.sampled_from([0.001, 0.01, 0.3]),
            "hidden_scale": st.sampled_from([1 / 128, 0.0041]),
        }
    ),
)
def test_sequences_are_those_of_tensorflow_lite_micro(seed, sizes):
    order = ("steps", "batch") if sizes["time_major"] else ("batch", "steps")
    shape = (*(sizes[axis] for axis in order), sizes["inputs"])
    check_sequence(lstm(seed, **sizes), samples(seed, shape))


def test_functions_of_the_gates_are_near_the_real_ones():
    x = np.arange(-(2**15), 2**15)
    real = x / 2.0**12
    tripled = tripled_argument(x, 12)
    assert np.abs(logistic_q15(tripled) / 2.0**15 - 1 / (1 + np.exp(-real))).max() < 4e-5
    assert np.abs(tanh_q15(tripled) / 2.0**15 - np.tanh(real)).max() < 8e-5


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"cell_scale": 0.3}, "the cell state has scale 0.3; allowed powers of two"),
        ({"cell_zero_point": 1}, "the cell state is .* zero point 0"),
        ({"activation": 1}, "another activation than tanh"),
        ({"peephole": True}, "peephole connections"),
        ({"hidden_scale": 1e-11}, "the output's scale is too small"),
        ({"weight_scale": 3e5}, "exceeds int32"),
    ],
)
def test_what_is_refused(changes, reason):
    with pytest.raises(UnsupportedError, match=reason):
        import_tflite_bytes(lstm(0, **changes), "case.tflite")
