"""Running sums, and elements at places of run time, against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.one_op import i32, one_op
from tests.ops.single_op import data, quants, seeds
from tests.ops_support import check_lowering, check_model, layer_graph
from tests.tflite_builder import ModelBuilder
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.ops import evaluate

Q = (0.5, 3)


@settings(max_examples=60, deadline=None)
@given(
    x=quants,
    ratio=st.floats(-3, 12),
    axis=st.integers(-3, 2),
    exclusive=st.booleans(),
    reverse=st.booleans(),
    seed=seeds,
)
def test_running_sums_of_int8(x, ratio, axis, exclusive, reverse, seed):
    shape = (2, 7, 3) if seed % 3 else (1, 40, 2)
    y = (float(np.float32(x[0] * 2.0**ratio)), min(-x[1], 127))
    options = {"exclusive": exclusive, "reverse": reverse}
    model = one_op("CUMSUM", [(shape, x), i32(axis)], [(shape, y)], **options)
    check_model(model, data(seed, shape))


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_running_sums_of_floats(exclusive, reverse, axis):
    options = {"exclusive": exclusive, "reverse": reverse}
    shape = (2, 4, 3)
    model = one_op("CUMSUM", [(shape, None), i32(axis)], [(shape, None)], "float32", **options)
    check_model(model, np.random.default_rng(axis).normal(size=shape).astype(np.float32))


def places(dtype, shape, indices, output):
    """GATHER_ND with indices that are an input."""
    b = ModelBuilder()
    quant = Q if dtype == "int8" else ()
    operands = [b.input("x", shape, dtype, *quant), b.input("i", indices, "int32")]
    y = b.tensor("y", output, dtype, *quant)
    b.operator("GATHER_ND", operands, [y])
    b.output(y)
    return b.build()


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_slices_at_places_of_run_time(dtype, axes):
    shape = (3, 4, 5)
    random = np.random.default_rng(axes)
    x = random.integers(-100, 100, shape).astype(dtype)
    indices = np.stack([random.integers(0, e, (2, 2)) for e in shape[:axes]], -1).astype(np.int32)
    model = places(dtype, shape, indices.shape, (2, 2, *shape[axes:]))
    check_model(model, x, indices)
    far = indices * 100 - 150
    graph = layer_graph(model)
    values = evaluate(graph, [x, far])
    near = np.clip(far, 0, np.array(shape[:axes]) - 1)
    np.testing.assert_array_equal(values[graph.outputs[0]], x[tuple(np.moveaxis(near, -1, 0))])
    check_lowering(graph.layers[0], values)


def test_slices_at_constant_places():
    indices = np.array([[1, 2], [0, 3]], np.int32)
    model = one_op("GATHER_ND", [((3, 4, 5), Q), indices], [((2, 5), Q)])
    check_model(model, data(1, (3, 4, 5)))


def update(dtype, shape, part, start_type="int32"):
    b = ModelBuilder()
    quant = Q if dtype == "int8" else ()
    operands = [
        b.input("x", shape, dtype, *quant),
        b.input("u", part, dtype, *quant),
        b.input("s", (len(shape),), start_type),
    ]
    y = b.tensor("y", shape, dtype, *quant)
    b.operator("DYNAMIC_UPDATE_SLICE", operands, [y])
    b.output(y)
    return b.build()


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("start_type", ["int32", "int64"])
@pytest.mark.parametrize("part", [(1, 1, 1), (2, 2, 5), (2, 4, 5), (1, 4, 2)])
@pytest.mark.parametrize("start", [(0, 0, 0), (1, 2, 3), (-5, 9, 1)])
def test_a_part_is_replaced(dtype, start_type, part, start):
    shape = (2, 4, 5)
    x = np.arange(40).reshape(shape).astype(dtype)
    new = (-1 - np.arange(np.prod(part))).reshape(part).astype(dtype)
    check_model(update(dtype, shape, part, start_type), x, new, np.array(start, start_type))


def test_an_update_that_is_too_large():
    with pytest.raises(UnsupportedError, match=r"update \(2, 6, 5\)"):
        layer_graph(update("int8", (2, 4, 5), (2, 6, 5)))


def test_an_axis_that_does_not_exist():
    with pytest.raises(Exception, match="axis"):
        layer_graph(one_op("CUMSUM", [((2, 3), Q), i32(2)], [((2, 3), Q)]))
