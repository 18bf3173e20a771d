"""mean against TensorFlow Lite Micro; its loop nest against its reference."""

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
from tinycc_ml.ops import op
from tinycc_ml.ops.mean import MeanAttrs


def model(
    x: tuple[int, ...], axes: list[int], *, keep_dims: bool, quant: tuple[float, int, float, int]
) -> bytes:
    reduced = {axis % len(x) for axis in axes}
    shape = [1 if i in reduced else size for i, size in enumerate(x)]
    if not keep_dims:
        shape = [size for i, size in enumerate(x) if i not in reduced]
    b = ModelBuilder()
    source = b.input("x", x, "int8", quant[0], quant[1])
    target = b.tensor("y", shape, "int8", quant[2], quant[3])
    axis = b.constant("axes", np.array(axes, np.int32))
    b.operator("MEAN", [source, axis], [target], keep_dims=keep_dims)
    b.output(target)
    return b.build()


@st.composite
def cases(draw: st.DrawFn) -> tuple[bytes, np.ndarray]:
    rank = draw(st.sampled_from([4, 4, 4, 3, 2, 1]))
    shape = draw(st.tuples(*[st.integers(1, 5)] * rank))
    # Height and width most often; else any axes, negative and repeated ones too.
    general = st.lists(st.integers(-rank, rank - 1), min_size=1, max_size=rank + 1)
    axes = draw(st.sampled_from([[1, 2], [2, 1]]) | general if rank == 4 else general)
    x = draw(int8_arrays(shape))
    scale = draw(scales())
    ratio = draw(st.sampled_from([1.0, 0.5, 0.01, 2.0**34]) | st.floats(0.0625, 4.0, width=32))
    output_scale = float(np.float32(scale * ratio))
    quant = (scale, draw(zero_points()), output_scale, draw(zero_points()))
    # A scalar output is no shape that TensorFlow Lite Micro's Python interface hands out.
    keep_dims = draw(st.booleans()) or len({axis % rank for axis in axes}) == rank
    return model(shape, axes, keep_dims=keep_dims, quant=quant), x


@differential
@given(cases())
def test_equals_tflm(case: tuple[bytes, np.ndarray]) -> None:
    check_model(*case)


@pytest.mark.parametrize("size", [(1, 1), (7, 7), (2, 8), (25, 5), (32, 32)])
def test_large_windows_equal_tflm(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    x = rng.integers(-128, 128, (1, *size, 3), np.int8)
    quant = (0.0235, -128, 0.0117, -128)
    check_model(model(x.shape, [1, 2], keep_dims=False, quant=quant), x)


@pytest.mark.parametrize("axes", [(1, 1), (2, 1), (-1,), (4,)])
def test_axes_must_be_ascending_and_exist(axes: tuple[int, ...]) -> None:
    with pytest.raises(UnsupportedError, match="mean over the axes"):
        op("mean").infer(MeanAttrs(axes), [TensorType((1, 2, 3, 4), DType.INT8)])
