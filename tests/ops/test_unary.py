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
from tinycc_ml.ops.real_functions import REAL_FUNCTIONS, GeluAttrs, SlopeAttrs
from tinycc_ml.ops.unary import Unary

#: In TensorFlow Lite Micro without attributes.
PLAIN = ["ABS", "HARD_SWISH"]


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
@settings(max_examples=30)
@given(x=quants, y=quants)
def test_all_inputs(builtin, x, y):
    case = unary(builtin, x, y)
    assume(case.problem() is None)
    assert np.array_equal(case.reference(ALL_INT8), case.tflm(ALL_INT8))


@settings(max_examples=30)
@given(x=quants, y=quants)
def test_elu(x, y):
    case = unary("ELU", x, y, SlopeAttrs(1.0))
    assume(case.problem() is None)
    assert np.array_equal(case.reference(ALL_INT8), case.tflm(ALL_INT8))


@settings(max_examples=40)
@given(scale=st.floats(-28, 6).map(lambda e: f32(2.0**e)), zero_point=zero_points)
def test_tanh(scale, zero_point):
    case = unary("TANH", (scale, zero_point), (1 / 128, 0))
    assert np.array_equal(case.reference(ALL_INT8), case.tflm(ALL_INT8))


@settings(max_examples=40)
@given(x=quants, y=quants, alpha=st.floats(-2, 2, width=32))
def test_leaky_relu(x, y, alpha):
    case = unary("LEAKY_RELU", x, y, SlopeAttrs(alpha), {"alpha": alpha})
    assume(case.problem() is None)
    assert np.array_equal(case.reference(ALL_INT8), case.tflm(ALL_INT8))


@settings(max_examples=40)
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


def float_inputs():
    random = np.random.default_rng(3)
    values = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, -3.0, 6.0, -100.0, 100.0]
    wide = random.normal(size=60) * 10.0 ** random.integers(-4, 3, 60)
    return np.array([*values, *wide], np.float32)


def float_case(builtin, attrs=None, options=None):
    x = tensor((74,), None, "float32")
    return Case(builtin, builtin.lower(), [x], x, attrs or OpAttrs(), options or {})


@pytest.mark.parametrize("function", REAL_FUNCTIONS, ids=lambda f: f.name)
def test_loops_are_the_reference(function):
    alpha = SlopeAttrs(-0.5, 0.75) if function.name == "clip" else SlopeAttrs(0.3, 0.75)
    attrs = {SlopeAttrs: alpha, GeluAttrs: GeluAttrs()}.get(function.attrs_type)
    graph = float_case(function.name, attrs).integers()
    values = evaluate(graph, [float_inputs()])
    check_lowering(graph.layers[0], values)
    output = Unary(function).int8.output or (0.1, -7)
    graph = unary(function.name, (0.1, 3), output, attrs, None, (3, 5)).integers()
    values = evaluate(graph, [data(1, (3, 5))])
    check_lowering(graph.layers[0], values)


@pytest.mark.parametrize(
    ("builtin", "attrs", "options"),
    [
        *((name, None, {}) for name in (
            "ABS", "CEIL", "COS", "EXP", "FLOOR", "HARD_SWISH", "LOG", "NEG", "ROUND", "RSQRT",
            "SIN", "SQRT", "SQUARE", "TANH",
        )),
        ("ELU", SlopeAttrs(1.0), {}),
        ("LEAKY_RELU", SlopeAttrs(0.25), {"alpha": 0.25}),
    ],
)  # fmt: skip
def test_floats_are_those_of_the_library(builtin, attrs, options):
    case, x = float_case(builtin, attrs, options), float_inputs()
    np.testing.assert_allclose(case.reference(x), case.tflm(x), rtol=3e-7, atol=0)


@pytest.mark.parametrize(
    ("name", "attrs", "expected"),
    [
        ("acos", None, np.arccos), ("acosh", None, np.arccosh), ("asin", None, np.arcsin),
        ("asinh", None, np.arcsinh), ("atan", None, np.arctan), ("atanh", None, np.arctanh),
        ("cosh", None, np.cosh), ("sinh", None, np.sinh), ("tan", None, np.tan),
        ("sign", None, np.sign), ("reciprocal", None, np.reciprocal),
        ("softplus", None, lambda x: np.logaddexp(x, 0)),
        ("softsign", None, lambda x: x / (1 + abs(x))),
        ("clip", SlopeAttrs(-0.5, 2.0), lambda x: np.clip(x, -0.5, 2)),
        ("hard_sigmoid", SlopeAttrs(0.25, 0.5), lambda x: np.clip(x / 4 + 0.5, 0, 1)),
        ("celu", SlopeAttrs(2.0), lambda x: np.where(x < 0, 2 * np.expm1(x / 2), x)),
        ("elu", SlopeAttrs(2.0), lambda x: np.where(x < 0, 2 * np.expm1(x), x)),
        ("selu", SlopeAttrs(1.5, 2.0), lambda x: 2 * np.where(x > 0, x, 1.5 * np.expm1(x))),
    ],
)  # fmt: skip
def test_floats_of_functions_that_only_onnx_has(name, attrs, expected):
    x = float_inputs()
    with np.errstate(all="ignore"):
        wanted = expected(x.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(float_case(name, attrs).reference(x), wanted, rtol=2e-6, atol=1e-7)


def test_int8_of_functions_that_the_library_has_in_float():
    """The rule of its tables: infinite outputs saturate, and no number is zero."""
    case = unary("LOG", (0.05, -100), (0.04, 10))
    with np.errstate(all="ignore"):
        real = np.log((ALL_INT8.astype(np.float64) + 100) * 0.05) / 0.04 + 10
    expected = np.where(np.isnan(real), 10, np.clip(np.nan_to_num(np.round(real)), -128, 127))
    assert np.abs(case.reference(ALL_INT8) - expected).max() <= 1
    assert case.reference(ALL_INT8)[128 - 101 : 128 - 99].tolist() == [10, -128]


def test_refusals():
    assert "scale 0.0078125 and zero point 0" in unary("TANH", (0.1, 0), (0.1, 0)).problem()
    assert "allowed from" in unary("TANH", (2.0**-29, 0), (1 / 128, 0)).problem()
    assert "too small" in unary("ABS", (1.0, 0), (2.0**-24, 0)).problem()
    assert "1/128" in unary("HARD_SWISH", (1.0, 0), (2.0**-9, 0)).problem()
    assert "2**-21" in unary("HARD_SWISH", (2.0**-24, 0), (2.0**-22, 0)).problem()
    assert "2**-11" in unary("RSQRT", (2.0**20, 0), (2.0**20, 0)).problem()
    assert "beyond int32" in unary("ELU", (1e30, 0), (1e-3, 0), SlopeAttrs()).problem()
