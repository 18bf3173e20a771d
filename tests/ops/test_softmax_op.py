from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.single_op import PROBABILITY, Case, assert_same, data, f32, seeds, tensor
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.ops import op
from tinycc_ml.ops.softmax import SoftmaxAttrs


def softmax(shape, scale, zero_point=0, beta=1.0, output=PROBABILITY):
    return Case(
        "SOFTMAX",
        "softmax",
        [tensor(shape, (scale, zero_point))],
        tensor(shape, output),
        SoftmaxAttrs(f32(beta)),
        {"beta": beta},
    )


# Above a scale of 16 the library's shift reaches 31; 2**-25 is nearly its least.
scales = st.floats(-25, 8).map(lambda e: f32(2.0**e)) | st.floats(-6, 1).map(lambda e: f32(2.0**e))


@settings(max_examples=150)
@given(
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple),
    scale=scales,
    beta=st.sampled_from([1.0, 0.5, 2.0, 10.0]) | st.floats(0.5, 4, width=32),
    zero_point=st.integers(-128, 127),
    seed=seeds,
)
def test_exact(shape, scale, beta, zero_point, seed):
    softmax(shape, scale, zero_point, beta).assert_exact(data(seed, shape))


def rows(depth: int, seed: int) -> np.ndarray:
    """All differences to the maximum, uniform, narrow, two-valued and constant rows."""
    rng = np.random.default_rng(seed)
    narrow = [rng.integers(0, width + 1, depth) - 128 for width in (1, 2, 5, 20, 60, 120, 255)]
    constant = [np.full(depth, v) for v in (-128, 0, 127)]
    one_high = np.full(depth, -128)
    one_high[rng.integers(depth)] = 127
    every = (np.arange(depth) * 7 + seed) % 256 - 128
    return np.array([*narrow, *constant, one_high, -one_high - 1, every], np.int8)


@pytest.mark.parametrize("scale", [0.004, 0.03125, 0.0625, 0.11, 0.25, 0.57782, 1.0, 3.0, 15.9])
def test_every_length(scale):
    for depth in range(1, 301):
        x = rows(depth, depth)
        case = softmax(x.shape, scale)
        assert_same(case.reference(x), case.tflm(x))


@settings(max_examples=60)
@given(scale=scales)
def test_every_difference(scale):
    x = np.stack([np.full(256, 127), np.arange(-128, 128)], axis=-1).astype(np.int8)
    case = softmax(x.shape, scale)
    assert_same(case.reference(x), case.tflm(x))


@settings(max_examples=10)
@given(scale=scales, seed=seeds)
def test_many_rows(scale, seed):
    x = data(seed, (400, 12))
    case = softmax(x.shape, scale)
    assert_same(case.reference(x), case.tflm(x))


def test_long_rows():
    # 511 equal elements are the most that the library survives.
    for depth in (500, 511):
        softmax((1, depth), 0.01).assert_exact(np.full((1, depth), 5, np.int8))
    x = np.full((1, 4000), -128, np.int8)
    x[0, 17] = 127
    softmax((1, 4000), 0.1).assert_exact(x)


@pytest.mark.parametrize("depth", [512, 1024, 4095])
def test_rows_where_the_library_aborts_are_all_zero(depth):
    x = np.zeros((1, depth), np.int8)
    assert (softmax(x.shape, 0.1).reference(x) == -128).all()


def test_the_table_is_as_short_as_it_can_be():
    def length(scale):
        return softmax((1, 10), scale).layer().constants[0].array.size

    assert length(0.05) == 256
    assert length(0.25) == 64
    assert length(100.0) == 2


def test_refusals():
    assert "scale 1/256" in softmax((2,), 0.1, output=(1 / 128, -128)).problem()
    assert "zero point -128" in softmax((2,), 0.1, output=(1 / 256, 0)).problem()
    assert "4096 elements" in softmax((1, 4096), 0.1).problem()
    assert "below 2**-26" in softmax((2,), 2.0**-27).problem()
    assert "below 2**-26" in softmax((2,), 0.1, beta=-1.0).problem()
    with pytest.raises(UnsupportedError, match="scalar"):
        op("softmax").infer(SoftmaxAttrs(), [tensor(())])
