from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.single_op import ALL_INT8, Case, data, f32, quants, scales, tensor
from tinycc_ml.ops.clamp import ClampNumbers

OPS = [("RELU", "relu"), ("RELU6", "relu6")]


def unary(which, shape, x, y):
    return Case(*which, [tensor(shape, x)], tensor(shape, y))


@pytest.mark.parametrize("which", OPS, ids=["relu", "relu6"])
@settings(max_examples=200)
@given(x=quants, y=quants)
def test_all_inputs_between_different_quantizations(which, x, y):
    unary(which, (256,), x, y).assert_exact(ALL_INT8)


@pytest.mark.parametrize("which", OPS, ids=["relu", "relu6"])
@settings(max_examples=100)
@given(q=quants)
def test_all_inputs_quantized_alike(which, q):
    case = unary(which, (256,), q, q)
    case.assert_exact(ALL_INT8)
    assert isinstance(case.layer().workload.numbers, ClampNumbers)


@settings(max_examples=200)
@given(scale=scales(), input_steps=st.integers(3, 127), data=st.data())
def test_the_ratio_of_scales_is_not_rounded_to_float32(scale, input_steps, data):
    # So many steps of the input are a whole number and a half of the output's, but for the
    # rounding of scales: the last bits of the ratio decide. Older libraries divided in float32.
    halves = 2 * data.draw(st.integers(0, input_steps - 1)) + 1
    other = f32(scale * 2 * input_steps / halves)
    unary(OPS[0], (256,), (scale, -128), (other, -128)).assert_exact(ALL_INT8)


@pytest.mark.parametrize("which", OPS, ids=["relu", "relu6"])
def test_shapes(which):
    unary(which, (1, 3, 4, 5), (0.1, -5), (0.05, 3)).assert_exact(data(1, (1, 3, 4, 5)))


def test_relu6_ignores_the_quantization_of_the_output_as_the_library_does():
    layers = [unary(OPS[1], (1,), (0.1, -5), y).layer() for y in ((0.1, -5), (0.02, 7))]
    assert layers[0].workload.numbers == layers[1].workload.numbers == ClampNumbers(-5, 55)


def test_refusals():
    assert "int32" in unary(OPS[1], (1,), (1e-20, 0), (1.0, 0)).problem()
    assert "allowed up to 2**22" in unary(OPS[0], (1,), (2.0**23, 0), (1.0, 0)).problem()
    assert "2**30" in unary(OPS[0], (1,), (1e10, 0), (0.1, 0)).problem()
