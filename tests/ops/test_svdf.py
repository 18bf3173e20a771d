"""SVDF: sequences of inputs against TensorFlow Lite Micro, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops_support import check_sequence
from tests.tflite_builder import ModelBuilder
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.tflite import import_tflite_bytes

STEPS = 4


def svdf(
    seed: int,
    *,
    batch: int = 1,
    inputs: int = 5,
    units: int = 3,
    rank: int = 2,
    memory: int = 4,
    state: str = "int16",
    input_zero_point: int = -7,
    output_zero_point: int = -128,
    activation: str = "RELU",
    state_scale: float = 2.0**-9,
    output_scale: float = 0.04,
    state_zero_point: int = 0,
) -> bytes:
    """A model of one layer with random weights; those over time use the whole range."""
    rng = np.random.default_rng(seed)
    filters = units * rank
    limits = np.iinfo(state)
    time_scale = np.float32(1.5 / limits.max)
    b = ModelBuilder()
    x = b.input("x", (batch, inputs), "int8", 0.02, input_zero_point)
    feature = rng.integers(-127, 128, (filters, inputs)).astype(np.int8)
    time = rng.integers(limits.min, limits.max + 1, (filters, memory)).astype(state)
    bias = rng.integers(-30_000, 30_000, units).astype(np.int32)
    operands = [
        x,
        b.constant("weight_feature", feature, 0.005),
        b.constant("weight_time", time, time_scale),
        b.constant("bias", bias, np.float32(state_scale) * time_scale),
        b.tensor(
            "state",
            (batch, filters * memory),
            state,
            state_scale,
            state_zero_point,
            is_variable=True,
        ),
    ]
    y = b.tensor("y", (batch, units), "int8", output_scale, output_zero_point)
    b.operator("SVDF", operands, [y], rank=rank, activation=activation)
    b.output(y)
    return b.build()


def samples(seed: int, shape: tuple[int, ...]) -> list[list[np.ndarray]]:
    """A sequence that begins at the limits."""
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(STEPS)]
    drawn[0][:], drawn[1][:] = 127, -128
    return [[x] for x in drawn]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.fixed_dictionaries(
        {
            "batch": st.integers(1, 2),
            "inputs": st.integers(1, 9),
            "units": st.integers(1, 4),
            "rank": st.integers(1, 3),
            "memory": st.integers(1, 6),
            "state": st.sampled_from(["int16", "int8"]),
            "input_zero_point": st.integers(-128, 127),
            "state_scale": st.sampled_from([2.0**-12, 2.0**-7, 0.013]),
            "output_scale": st.sampled_from([0.004, 0.04, 0.31]),
        }
    ),
)
def test_sequences_are_those_of_tensorflow_lite_micro(seed, sizes):
    check_sequence(svdf(seed, **sizes), samples(seed, (sizes["batch"], sizes["inputs"])))


def test_sums_over_time_wrap():
    """Full int16 states times full int16 weights leave int32 after a few steps."""
    model = svdf(3, inputs=16, memory=12, rank=4, state_scale=2.0**-14)
    check_sequence(model, samples(3, (1, 16)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"activation": "RELU6"}, "fused activation relu6; allowed none, relu"),
        ({"output_zero_point": 3}, "fused activation relu with output zero point 3"),
        ({"state_zero_point": 2}, "zero point 0"),
        ({"output_scale": 1e-10}, "the output's scale is so small"),
        ({"state_scale": 1e-12, "output_scale": 1e-3}, "exceeds int32"),
    ],
)
def test_what_is_refused(changes, reason):
    with pytest.raises(UnsupportedError, match=reason):
        import_tflite_bytes(svdf(0, **changes), "case.tflite")
