"""conv2d against TensorFlow Lite Micro; its loop nest against its reference."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.ops.window_cases import WindowCase, window_cases
from tests.ops_support import (
    ACTIVATIONS,
    add_weights,
    biases,
    check_model,
    differential,
    int8_arrays,
    quantizations,
)
from tests.tflite_builder import ModelBuilder


@st.composite
def cases(draw: st.DrawFn) -> tuple[bytes, np.ndarray]:
    window: WindowCase = draw(window_cases(dilated=True))
    in_c, out_c = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    q = draw(quantizations(out_c, window.kernel[0] * window.kernel[1] * in_c))
    x = draw(int8_arrays((1, *window.in_size, in_c)))
    weight = draw(int8_arrays((out_c, *window.kernel, in_c)))
    b = ModelBuilder()
    inputs = [b.input("x", x.shape, "int8", q.input_scale, q.input_zero_point)]
    inputs += add_weights(b, q, weight, draw(st.none() | biases(out_c)), axis=0)
    shape = (1, *window.out_size, out_c)
    y = b.tensor("y", shape, "int8", q.output_scale, q.output_zero_point)
    activation = draw(st.sampled_from(ACTIVATIONS))
    b.operator("CONV_2D", inputs, [y], activation=activation, **window.options)
    b.output(y)
    return b.build(), x


@differential
@given(cases())
def test_equals_tflm(case: tuple[bytes, np.ndarray]) -> None:
    check_model(*case)
