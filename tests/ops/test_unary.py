"""Functions of one operand: all int8 inputs at once, over scales and zero points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.ops.single_op import ALL_INT8, Case, data, f32, quants, tensor, zero_points
from tests.ops_support import check_lowering
from tinycc_ml.graph import OpAttrs
from tinycc_ml.ops import evaluate
from tinycc_ml.ops.unary import FUNCTIONS, GeluAttrs, LeakyReluAttrs

#: In TensorFlow Lite Micro without attributes.
PLAIN = ["ABS", "ELU", "HARD_SWISH"]


def unary(builtin, x, y, attrs=None, options=None, shape=(256,)):
    return Case(
        builtin,
        builtin.lower(),
        [tensor(shape, x)],
        tensor(shape, y),
        attrs or OpAttrs(),
        options or {},
    )


@pytest.mark.parametrize("builtin", PLAIN)
@settings(max_examples=60)
@given(x=quants, y=quants)
def test_all_inputs(builtin, x, y):
    case = unary(builtin, x, y)
    assume(case.problem() is None)
    assert np.array_equal(case.reference(ALL_INT8), case.tflm(ALL_INT8))


@settings(max_examples=80)
@given(scale=st.floats(-28, 6).map(lambda e: f32(2.0**e)), zero_point=zero_points)
def test_tanh(scale, zero_point):
    case = unary("TANH", (scale, zero_point), (1 / 128, 0))
    assert np.array_equal(case.reference(ALL_INT8), case.tflm(ALL_INT8))


@settings(max_examples=80)
@given(x=quants, y=quants, alpha=st.floats(-2, 2, width=32))
def test_leaky_relu(x, y, alpha):
    case = unary("LEAKY_RELU", x, y, LeakyReluAttrs(alpha), {"alpha": alpha})
    assume(case.problem() is None)
    assert np.array_equal(case.reference(ALL_INT8), case.tflm(ALL_INT8))


@settings(max_examples=80)
@given(x=quants, y=quants)
def test_rsqrt(x, y):
    case = unary("RSQRT", x, y, shape=(128 - x[1],))
    assume(case.problem() is None)
    # The library stops at inputs below zero.
    inputs = np.arange(x[1], 128).astype(np.int8)
    assert np.array_equal(case.reference(inputs), case.tflm(inputs))


def test_rsqrt_of_what_has_no_root_is_the_highest_output():
    case = unary("RSQRT", (0.01, 5), (0.01, -128))
    assert (case.reference(ALL_INT8)[: 5 + 128 + 1] == 127).all()


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu(approximate):
    # TensorFlow Lite Micro has no GELU; the exact one is compared with LiteRT in the goldens.
    case = unary("GELU", (0.05, 3), (0.04, -100), GeluAttrs(approximate))
    x = (ALL_INT8.astype(np.float64) - 3) * 0.05
    from math import erf

    exact = np.array([v / 2 * (1 + erf(v / 2**0.5)) for v in x])
    found = (case.reference(ALL_INT8).astype(np.float64) + 100) * 0.04
    inside = exact < 227 * 0.04
    assert np.abs(found - exact)[inside].max() < 0.02 + 0.001 * approximate + 1e-6


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_loops_and_order_of_access(function):
    attrs = {"leaky_relu": LeakyReluAttrs(0.3), "gelu": GeluAttrs()}.get(function.name)
    case = unary(function.name.upper(), (0.1, 3), function.output or (0.1, -7), attrs, None, (3, 5))
    graph = case.integers()
    values = evaluate(graph, [data(1, (3, 5))])
    check_lowering(graph.layers[0], values)


def test_refusals():
    assert "scale 0.0078125 and zero point 0" in unary("TANH", (0.1, 0), (0.1, 0)).problem()
    assert "allowed from" in unary("TANH", (2.0**-29, 0), (1 / 128, 0)).problem()
    assert "too small" in unary("ABS", (1.0, 0), (2.0**-24, 0)).problem()
    assert "1/128" in unary("HARD_SWISH", (1.0, 0), (2.0**-9, 0)).problem()
    assert "2**-21" in unary("HARD_SWISH", (2.0**-24, 0), (2.0**-22, 0)).problem()
    assert "2**-11" in unary("RSQRT", (2.0**20, 0), (2.0**20, 0)).problem()
    assert "beyond int32" in unary("ELU", (1e30, 0), (1e-3, 0)).problem()
