from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.ops.single_op import Case, assert_same, data, f32, quants, scales, seeds, tensor

TABLES = [("int8", "int8"), ("int8", "uint8"), ("int8", "int16"), ("uint8", "int8")]
WIDE = [("int16", "int8"), ("int16", "int16")]


def quantize(shape, x, y, source="float32", target="int8"):
    quant = None if source == "float32" else x
    return Case("QUANTIZE", "quantize", [tensor(shape, quant, source)], tensor(shape, y, target))


def dequantize(shape, x, source="int8"):
    return Case(
        "DEQUANTIZE", "dequantize", [tensor(shape, x, source)], tensor(shape, None, "float32")
    )


def any_quant(draw, dtype):
    limits = np.iinfo(dtype)
    zero_point = draw(st.integers(int(limits.min), int(limits.max)))
    return draw(scales()), zero_point


def every(dtype):
    limits = np.iinfo(dtype)
    return np.arange(limits.min, limits.max + 1).astype(dtype)


@pytest.mark.parametrize(("source", "target"), TABLES + WIDE)
@settings(max_examples=40)
@given(draws=st.data())
def test_all_integers(source, target, draws):
    x, y = any_quant(draws.draw, source), any_quant(draws.draw, target)
    values = every(source)
    case = quantize(values.shape, x, y, source, target)
    assume(case.problem() is None)
    assert_same(case.reference(values), case.tflm(values))


@pytest.mark.parametrize(("source", "target"), TABLES + WIDE)
@settings(max_examples=40)
@given(draws=st.data(), seed=seeds)
def test_loops_on_integers(source, target, draws, seed):
    x, y = any_quant(draws.draw, source), any_quant(draws.draw, target)
    case = quantize((2, 3, 5), x, y, source, target)
    assume(case.problem() is None)
    case.assert_exact(data(seed, (2, 3, 5), source))


def around_halves(scale: float, seed: int) -> np.ndarray:
    """Floats whose quotient is at, just below and just above each half, and wild ones."""
    rng = np.random.default_rng(seed)
    halves = (np.arange(-300, 300, dtype=np.float32) + np.float32(0.5)) * np.float32(scale)
    near = [halves, np.nextafter(halves, np.float32(9e9)), np.nextafter(halves, np.float32(-9e9))]
    whole = np.arange(-300, 300, dtype=np.float32) * np.float32(scale)
    spread = (rng.uniform(-300, 300, 600) * scale).astype(np.float32)
    tiny = np.array([0.0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38], np.float32)
    below_half = np.nextafter(np.float32(0.5), np.float32(0)) * np.float32(scale)
    return np.concatenate([*near, whole, spread, tiny, [below_half, -below_half]])


@pytest.mark.parametrize("target", ["int8", "int16"])
@settings(max_examples=100)
@given(draws=st.data(), seed=seeds)
def test_floats(target, draws, seed):
    y = any_quant(draws.draw, target)
    values = around_halves(y[0], seed)
    case = quantize(values.shape, None, y, target=target)
    assert_same(case.reference(values), case.tflm(values))


@settings(max_examples=60)
@given(y=quants, seed=seeds)
def test_any_bits_of_a_float(y, seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2**32, 3000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    with np.errstate(all="ignore"):
        defined = np.abs(values / np.float32(y[0])) < 2.0**31 - 512
    values = values[defined]
    case = quantize(values.shape, None, y)
    assert_same(case.reference(values), case.tflm(values))


@pytest.mark.parametrize("target", ["int8", "int16"])
@settings(max_examples=20)
@given(draws=st.data(), seed=seeds)
def test_loops_on_floats(target, draws, seed):
    y = any_quant(draws.draw, target)
    values = np.random.default_rng(seed).choice(around_halves(y[0], seed), (4, 5))
    quantize(values.shape, None, y, target=target).assert_exact(values)


@pytest.mark.parametrize("zero_point", [-128, -3, 0, 127])
def test_floats_that_the_library_leaves_undefined(zero_point):
    values = np.array([np.nan, -np.nan, np.inf, -np.inf, 3e38, -3e38, 2.0**31], np.float32)
    found = quantize(values.shape, None, (1.0, zero_point)).reference(values)
    assert found.tolist() == [zero_point, zero_point, 127, -128, 127, -128, 127]


@pytest.mark.parametrize("source", ["int8", "uint8", "int16"])
@settings(max_examples=40)
@given(draws=st.data())
def test_dequantize_all(source, draws):
    x = any_quant(draws.draw, source)
    values = every(source)
    case = dequantize(values.shape, x, source)
    assert_same(case.reference(values), case.tflm(values))


@pytest.mark.parametrize("scale", [f32(1e-40), f32(1e-45), f32(3e38), f32(0.1)])
def test_dequantize_extreme_scales(scale):
    values = every("int16")[::7]
    case = dequantize(values.shape, (scale, -5), "int16")
    assert_same(case.reference(values), case.tflm(values))


@settings(max_examples=40)
@given(x=quants, seed=seeds)
def test_dequantize_loops(x, seed):
    dequantize((2, 3, 5), x).assert_exact(data(seed, (2, 3, 5)))


def test_refusals():
    q = (1.0, 0)
    assert "allowed int8, int16" in quantize((1,), None, q, "float32", "uint8").problem()
    assert "allowed float32, int8" in quantize((1,), q, q, "int32", "int8").problem()
    assert "no quantization" in quantize((1,), None, q, "int8", "int8").problem()
    assert "zero point 300" in quantize((1,), None, (1.0, 300)).problem()
    assert "too small" in quantize((1,), (2.0**25, 0), q, "int8", "int8").problem()
    assert "input is int32" in dequantize((1,), q, "int32").problem()
