"""average_pool2d and max_pool2d against TensorFlow Lite Micro; loop nests against references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ops.window_cases import WindowCase, window_cases
from tests.ops_support import (
    ACTIVATIONS,
    check_model,
    differential,
    int8_arrays,
    scales,
    zero_points,
)
from tests.tflite_builder import ModelBuilder
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import TensorType
from tinycc_ml.importers.tflite import import_tflite_bytes
from tinycc_ml.ops import Padding, op
from tinycc_ml.ops.pooling import Pool2DAttrs

OPERATORS = ("AVERAGE_POOL_2D", "MAX_POOL_2D")


def model(
    operator: str, x: tuple[int, ...], y: tuple[int, ...], *quant: float, **options: object
) -> bytes:
    """Input scale and zero point, then those of the output where they differ."""
    b = ModelBuilder()
    source = b.input("x", x, "int8", quant[0], int(quant[1]))
    target = b.tensor("y", y, "int8", quant[-2], int(quant[-1]))
    b.operator(operator, [source], [target], **options)
    b.output(target)
    return b.build()


@st.composite
def cases(draw: st.DrawFn, operator: str) -> tuple[bytes, np.ndarray]:
    window: WindowCase = draw(window_cases(dilated=False))
    channels = draw(st.integers(1, 4))
    x = draw(int8_arrays((1, *window.in_size, channels)))
    options = window.options | {
        "filter_height": window.kernel[0],
        "filter_width": window.kernel[1],
        "activation": draw(st.sampled_from(ACTIVATIONS)),
    }
    shape = (1, *window.out_size, channels)
    return model(operator, x.shape, shape, draw(scales()), draw(zero_points()), **options), x


@differential
@given(cases("AVERAGE_POOL_2D"))
def test_average_equals_tflm(case: tuple[bytes, np.ndarray]) -> None:
    check_model(*case)


@differential
@given(cases("MAX_POOL_2D"))
def test_max_equals_tflm(case: tuple[bytes, np.ndarray]) -> None:
    check_model(*case)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_average_rounds_every_sum_as_tflm(count: int) -> None:
    # All sums near zero, and their halves, of a window of `count`.
    x = np.zeros((1, count, 61, 1), np.int8)
    x[0, 0, :, 0] = np.arange(-30, 31)
    options = {"filter_height": count, "filter_width": 1, "stride_h": 1, "stride_w": 1}
    check_model(
        model("AVERAGE_POOL_2D", x.shape, (1, 1, 61, 1), 0.5, 7, padding="VALID", **options), x
    )


@pytest.mark.parametrize("operator", OPERATORS)
def test_output_must_be_quantized_like_the_input(operator: str) -> None:
    shapes = ((1, 2, 2, 1), (1, 1, 1, 1))
    options = {"filter_height": 2, "filter_width": 2, "stride_h": 1, "stride_w": 1}
    # The library tolerates a difference of 1e-6, and ignores it.
    check_model(
        model(operator, *shapes, 0.25, 3, 0.2500005, 3, padding="VALID", **options),
        np.array([1, 2, 3, 5], np.int8).reshape(1, 2, 2, 1),
    )
    for scale, zero_point in [(0.26, 3), (0.25, 4)]:
        data = model(operator, *shapes, 0.25, 3, scale, zero_point, padding="VALID", **options)
        with pytest.raises(UnsupportedError, match="quantized alike"):
            import_tflite_bytes(data, "case.tflite")


@pytest.mark.parametrize("operator", ["average_pool2d", "max_pool2d"])
@pytest.mark.parametrize(
    "padding", [Padding(top=2), Padding(left=2), Padding(bottom=2), Padding(right=3)]
)
def test_windows_of_nothing_but_padding_are_refused(operator: str, padding: Padding) -> None:
    x = TensorType((1, 4, 4, 1), DType.INT8)
    attrs = Pool2DAttrs((2, 2), (1, 1), padding)
    with pytest.raises(UnsupportedError, match="nothing but padding"):
        op(operator).infer(attrs, [x])
