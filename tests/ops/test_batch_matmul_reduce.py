"""BATCH_MATMUL, REDUCE_MAX and REDUCE_MIN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.ops.one_op import i32, one_op
from tests.ops.single_op import data, quants, seeds
from tests.ops_support import check_model, layer_graph
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import TensorType
from tinycc_ml.ops import op
from tinycc_ml.ops.batch_matmul import BatchMatMulAttrs
from tinycc_ml.ops.reduce_extreme import ReduceExtremeAttrs

Q = (0.5, 3)
batches = st.sampled_from(
    [((), ()), ((2,), (2,)), ((3,), (1,)), ((1, 2), (3, 2)), ((2, 1), (2, 3))]
)


@settings(max_examples=30)
@given(
    batch=batches,
    size=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4)),
    adjoint=st.tuples(st.booleans(), st.booleans()),
    q=st.tuples(quants, quants, quants),
    seed=seeds,
)
def test_batch_matmul(batch, size, adjoint, q, seed):
    rows, depth, columns = size
    left = (depth, rows) if adjoint[0] else (rows, depth)
    right = (columns, depth) if adjoint[1] else (depth, columns)
    shapes = (*batch[0], *left), (*batch[1], *right)
    output = (*np.broadcast_shapes(*batch), rows, columns)
    model = one_op(
        "BATCH_MATMUL",
        [(shapes[0], q[0]), (shapes[1], q[1])],
        [(output, q[2])],
        adj_x=adjoint[0],
        adj_y=adjoint[1],
    )
    try:
        layer_graph(model)
    except UnsupportedError:
        assume(False)
    check_model(model, data(seed, shapes[0]), data(seed + 1, shapes[1]))


def test_batch_matmul_refusals():
    x, y = TensorType((2, 3), DType.INT8), TensorType((4, 5), DType.INT8)
    infer = op("batch_matmul").infer
    with pytest.raises(UnsupportedError, match="differ"):
        infer(BatchMatMulAttrs(), [x, y])
    with pytest.raises(UnsupportedError, match="from 2-D"):
        infer(BatchMatMulAttrs(), [x, TensorType((3,), DType.INT8)])
    model = one_op("BATCH_MATMUL", [((2, 3), Q), ((3, 2), Q)], [((2, 2), (2.0**-30, 0))])
    with pytest.raises(UnsupportedError, match="exceeds int32"):
        layer_graph(model)


@settings(max_examples=30)
@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple),
    keep_dims=st.booleans(),
    seed=seeds,
    draw=st.data(),
)
@pytest.mark.parametrize("builtin", ["REDUCE_MAX", "REDUCE_MIN"])
def test_reduce_extreme(builtin, shape, keep_dims, seed, draw):
    axes = draw.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    # The library has no outputs without dimensions here.
    assume(keep_dims or len(axes) < len(shape))
    output = tuple(1 if i in axes else e for i, e in enumerate(shape) if keep_dims or i not in axes)
    model = one_op(builtin, [(shape, Q), i32(*axes)], [(output, Q)], keep_dims=keep_dims)
    check_model(model, data(seed, shape))


def test_reduce_refusals():
    x = TensorType((2, 3), DType.INT8)
    for axes in ((2,), (1, 0), (0, 0)):
        with pytest.raises(UnsupportedError, match="over the axes"):
            op("reduce_max").infer(ReduceExtremeAttrs(axes), [x])
    model = one_op("REDUCE_MAX", [((2, 3), Q), i32(1)], [((2,), (0.5, 4))])
    with pytest.raises(UnsupportedError, match="quantized alike"):
        layer_graph(model)
