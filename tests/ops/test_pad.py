"""pad against TensorFlow Lite Micro; its loop nest against its reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ops_support import check_model, differential, int8_arrays, scales, zero_points
from tests.tflite_builder import ModelBuilder
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import TensorType
from tinycc_ml.importers.tflite import import_tflite_bytes
from tinycc_ml.ops import op
from tinycc_ml.ops.pad import PadAttrs

Amounts = list[tuple[int, int]]


def model(x: tuple[int, ...], amounts: Amounts, *quant: float) -> bytes:
    """Input scale and zero point, then those of the output where they differ."""
    shape = [size + sum(pair) for size, pair in zip(x, amounts, strict=True)]
    b = ModelBuilder()
    source = b.input("x", x, "int8", quant[0], int(quant[1]))
    target = b.tensor("y", shape, "int8", quant[-2], int(quant[-1]))
    paddings = b.constant("paddings", np.array(amounts, np.int32))
    b.operator("PAD", [source, paddings], [target])
    b.output(target)
    return b.build()


@st.composite
def cases(draw: st.DrawFn) -> tuple[bytes, np.ndarray]:
    rank = draw(st.sampled_from([4, 4, 5, 3, 2, 1]))
    x = draw(int8_arrays(draw(st.tuples(*[st.integers(1, 4)] * rank))))
    pair = st.tuples(st.integers(0, 2), st.integers(0, 2))
    amounts = draw(st.lists(pair, min_size=rank, max_size=rank))
    if rank == 4 and draw(st.booleans()):
        x, amounts = x[:1], [(0, 0), amounts[1], amounts[2], (0, 0)]
    return model(x.shape, amounts, draw(scales()), draw(zero_points())), x


@differential
@given(cases())
def test_equals_tflm(case: tuple[bytes, np.ndarray]) -> None:
    check_model(*case)


@pytest.mark.parametrize(("scale", "zero_point"), [(0.26, 3), (0.25, 4)])
def test_output_must_be_quantized_like_the_input(scale: float, zero_point: int) -> None:
    data = model((1, 2, 2, 1), [(0, 0), (1, 1), (1, 1), (0, 0)], 0.25, 3, scale, zero_point)
    with pytest.raises(UnsupportedError, match="quantized alike"):
        import_tflite_bytes(data, "case.tflite")


@pytest.mark.parametrize(
    ("before", "after"), [((1,), (1, 1)), ((1, 1, 1), (1, 1, 1)), ((-1, 0), (0, 0)), ((), ())]
)
def test_amounts_that_do_not_fit_are_refused(
    before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    with pytest.raises(UnsupportedError, match="expected one number of each"):
        op("pad").infer(PadAttrs(before, after), [TensorType((2, 3), DType.INT8)])
