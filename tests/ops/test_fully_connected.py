"""fully_connected against TensorFlow Lite Micro; its loop nest against its reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ops_support import (
    ACTIVATIONS,
    add_weights,
    biases,
    check_model,
    differential,
    int8_arrays,
    quantizations,
    run_ours,
)
from tests.oracle import run_tflm
from tests.tflite_builder import ModelBuilder
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import TensorType
from tinycc_ml.ops import op
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs


@st.composite
def cases(draw: st.DrawFn) -> tuple[bytes, np.ndarray]:
    in_c, out_c = draw(st.integers(1, 24)), draw(st.integers(1, 8))
    batch = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    q = draw(quantizations(out_c, in_c))
    x = draw(int8_arrays((*batch, in_c)))
    weight = draw(int8_arrays((out_c, in_c)))
    b = ModelBuilder()
    inputs = [b.input("x", x.shape, "int8", q.input_scale, q.input_zero_point)]
    inputs += add_weights(b, q, weight, draw(st.none() | biases(out_c)), axis=0)
    keep_dims = draw(st.booleans())
    shape = (*batch, out_c) if keep_dims else (int(np.prod(batch)), out_c)
    y = b.tensor("y", shape, "int8", q.output_scale, q.output_zero_point)
    activation = draw(st.sampled_from(ACTIVATIONS))
    b.operator("FULLY_CONNECTED", inputs, [y], activation=activation, keep_num_dims=keep_dims)
    b.output(y)
    return b.build(), x


@differential
@given(cases())
def test_equals_tflm(case: tuple[bytes, np.ndarray]) -> None:
    check_model(*case)


def test_input_is_read_as_a_matrix_across_dimensions() -> None:
    b = ModelBuilder()
    x = np.arange(-12, 12, dtype=np.int8).reshape(1, 4, 6)
    weight = np.arange(-4, 4, dtype=np.int8).reshape(2, 4) * np.int8(9)
    inputs = [b.input("x", x.shape, "int8", 0.5, 3), b.constant("w", weight, 0.25, 0), -1]
    y = b.tensor("y", (6, 2), "int8", 2.0, -5)
    b.operator("FULLY_CONNECTED", inputs, [y])
    b.output(y)
    check_model(b.build(), x)


def scaled_bias(input_scale: float, weight_scale: float, count: int) -> np.ndarray:
    """A layer of nothing but a bias, which lies between two products of the scales.

    In double and rounded to float32 they differ in the last bits: one makes 100 of the bias, the
    other 101.
    """
    products = [float(np.float32(input_scale) * np.float32(weight_scale))]
    products.append(input_scale * weight_scale)
    output_scale = float(np.float32(products[0] * 2**23))
    value = round(100.5 * output_scale / (sum(products) / 2))
    b = ModelBuilder()
    x = b.input("x", (1, 1), "int8", input_scale, 0)
    w = b.constant("w", np.zeros((2, 1), np.int8), [weight_scale] * count, [0] * count)
    bias = b.constant("b", np.full(2, value, np.int32), [products[0]] * count, [0] * count)
    y = b.tensor("y", (1, 2), "int8", output_scale, 0)
    b.operator("FULLY_CONNECTED", [x, w, bias], [y])
    b.output(y)
    data, zero = b.build(), np.zeros((1, 1), np.int8)
    (ours,), (theirs,) = run_ours(data, [zero]), run_tflm(data, [zero])
    np.testing.assert_array_equal(ours, theirs)
    return ours


def test_scales_are_multiplied_in_double_per_tensor_too() -> None:
    """Releases of tflite-micro before autumn 2026 fail here: they multiplied in float32."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        input_scale, weight_scale = (float(np.float32(s)) for s in rng.uniform(0.5, 1, 2))
        per_tensor = scaled_bias(input_scale, weight_scale, 1)
        np.testing.assert_array_equal(per_tensor, scaled_bias(input_scale, weight_scale, 2))


@pytest.mark.parametrize("keep_dims", [False, True])
def test_shapes_that_do_not_fit_are_refused(keep_dims: bool) -> None:
    def infer(x: tuple[int, ...], w: tuple[int, ...], bias: tuple[int, ...]) -> None:
        types = [TensorType(shape, DType.INT8) for shape in (x, w, bias)]
        op("fully_connected").infer(FullyConnectedAttrs(keep_dims=keep_dims), types)

    infer((2, 3), (4, 3), (4,))
    for x, w, bias in [
        ((2, 4), (4, 3), (4,)),
        ((2, 3), (4, 3), (3,)),
        ((2, 3), (4, 3, 1), (4,)),
        ((), (4, 3), (4,)),
        ((2, 3), (4, 0), (4,)),
    ]:
        with pytest.raises(UnsupportedError):
            infer(x, w, bias)
