from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.single_op import ALL_INT8, PROBABILITY, Case, data, f32, tensor, zero_points


def logistic(shape, scale, zero_point=0, output=PROBABILITY):
    return Case("LOGISTIC", "logistic", [tensor(shape, (scale, zero_point))], tensor(shape, output))


@settings(max_examples=250)
@given(
    scale=st.floats(-28, 12).map(lambda e: f32(2.0**e)) | st.floats(2**-10, 1, width=32),
    zero_point=zero_points,
)
def test_all_inputs(scale, zero_point):
    logistic((256,), scale, zero_point).assert_exact(ALL_INT8)


@pytest.mark.parametrize("scale", [2.0**e for e in range(-28, 13)])
def test_powers_of_two(scale):
    logistic((256,), scale, -3).assert_exact(ALL_INT8)


def test_shapes():
    logistic((1, 3, 4, 5), 0.1).assert_exact(data(1, (1, 3, 4, 5)))


def test_large_scales_saturate_even_zero():
    zero = np.zeros(1, np.int8)
    assert logistic((1,), 7.99).reference(zero)[0] == 0
    assert logistic((1,), 8.0).reference(zero)[0] == -128
    logistic((1,), 8.0).assert_exact(zero)


def test_refusals():
    assert "scale 1/256" in logistic((1,), 0.1, output=(1 / 128, -128)).problem()
    assert "allowed from" in logistic((1,), 2.0**-29).problem()
