"""Operators that are computed by several of ours, and PRELU."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.ops.one_op import i32, one_op
from tests.ops.single_op import data, quants, seeds
from tests.ops_support import check_lowering, check_model, layer_graph
from tests.oracle import run_tflm
from tests.tflite_builder import ModelBuilder
from tinycc_ml.errors import ModelFileError, UnsupportedError
from tinycc_ml.ops import evaluate

Q = (0.5, 3)


def check_real(model: bytes, *inputs: np.ndarray) -> None:
    """Of floats: reference and loops are equal, the library's outputs nearly."""
    graph = layer_graph(model)
    values = evaluate(graph, inputs)
    for name, expected in zip(graph.outputs, run_tflm(model, inputs), strict=True):
        np.testing.assert_allclose(
            values[name].reshape(expected.shape), expected, rtol=2e-6, atol=1e-6
        )
    for layer in graph.layers:
        check_lowering(layer, values)


def real(seed, shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32) * 3


@settings(max_examples=30)
@given(q=st.tuples(quants, quants, quants), seed=seeds)
def test_prelu(q, seed):
    model = one_op("PRELU", [((2, 3, 4), q[0]), ((4,), q[1])], [((2, 3, 4), q[2])])
    try:
        layer_graph(model)
    except UnsupportedError:
        assume(False)
    check_model(model, data(seed, (2, 3, 4)), data(seed + 1, (4,)))


def test_prelu_of_floats():
    model = one_op("PRELU", [((2, 3), None), ((3,), None)], [((2, 3), None)], "float32")
    check_real(model, real(1, (2, 3)), real(2, (3,)))


@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6"])
def test_div(activation):
    operands = [((2, 3), None), ((3,), None)]
    model = one_op("DIV", operands, [((2, 3), None)], "float32", activation=activation)
    check_real(model, real(1, (2, 3)), np.abs(real(2, (3,))) + 1)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_add_n(count):
    shape = (2, 3)
    model = one_op("ADD_N", [(shape, None)] * count, [(shape, None)], "float32")
    check_real(model, *(real(i, shape) for i in range(count)))


def test_add_n_of_integers():
    for count in (2, 3, 7):
        model = one_op("ADD_N", [((9,), Q)] * count, [((9,), (1.7, -4))])
        check_model(model, *(data(i, (9,)) for i in range(count)))
    with pytest.raises(UnsupportedError, match="up to 14"):
        layer_graph(one_op("ADD_N", [((9,), Q)] * 15, [((9,), Q)]))
    with pytest.raises(UnsupportedError, match="different types or quantization"):
        layer_graph(one_op("ADD_N", [((9,), Q), ((9,), (0.25, 3))], [((9,), Q)]))


@pytest.mark.parametrize("builtin", ["L2_NORMALIZATION", "LOG_SOFTMAX"])
def test_rows_of_floats(builtin):
    model = one_op(builtin, [((3, 5), None)], [((3, 5), None)], "float32")
    check_real(model, real(1, (3, 5)))
    with pytest.raises(UnsupportedError, match="allowed float32"):
        layer_graph(one_op(builtin, [((3, 5), Q)], [((3, 5), Q)]))


def test_l2_pool():
    options = {"padding": "SAME", "stride_h": 2, "stride_w": 1, "filter_height": 2}
    model = one_op(
        "L2_POOL_2D",
        [((1, 5, 4, 2), None)],
        [((1, 3, 4, 2), None)],
        "float32",
        filter_width=3,
        **options,
    )
    check_real(model, real(1, (1, 5, 4, 2)))


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("paddings", [((0, 0), (1, 2)), ((2, 1), (0, 3))])
def test_mirror_pad(mode, paddings):
    shape = (3, 4)
    output = tuple(e + sum(p) for e, p in zip(shape, paddings, strict=True))
    parameter = np.array(paddings, np.int32)
    model = one_op("MIRROR_PAD", [(shape, Q), parameter], [(output, Q)], mode=mode)
    check_model(model, data(1, shape))


def test_too_much_to_mirror():
    model = one_op("MIRROR_PAD", [((2,), Q), i32(2, 0).reshape(1, 2)], [((4,), Q)], mode=0)
    with pytest.raises(ModelFileError, match="mirrored of 2"):
        layer_graph(model)


def test_pad_with_a_value():
    value = (np.array(-7, np.int8), Q)
    model = one_op("PADV2", [((2, 3), Q), i32(1, 0, 0, 2).reshape(2, 2), value], [((3, 5), Q)])
    check_model(model, data(1, (2, 3)))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_by_constants(axis):
    shape = (3, 4, 2)
    indices = i32(1, 0, 1)
    output = list(shape)
    output[axis] = 3
    model = one_op("GATHER", [(shape, Q), indices], [(tuple(output), Q)], axis=axis)
    check_model(model, data(1, shape))
    with pytest.raises(ModelFileError, match="indices"):
        layer_graph(one_op("GATHER", [(shape, Q), i32(9)], [((1, 4, 2), Q)]))


def test_rectifier_of_both_sides():
    model = one_op("RELU_N1_TO_1", [((9,), None)], [((9,), None)], "float32")
    graph, x = layer_graph(model), real(1, (9,))
    assert np.array_equal(evaluate(graph, [x])[graph.outputs[0]], x.clip(-1, 1))


@pytest.mark.parametrize(
    ("builtin", "parameters"),
    [("ZEROS_LIKE", ["x"]), ("FILL", [i32(2, 3), np.array(-9, np.int8)])],
)
def test_outputs_that_are_known(builtin, parameters):
    b = ModelBuilder()
    x = b.input("x", (2, 3), "int8", *Q)
    inputs = [x if isinstance(p, str) else b.constant(f"p{i}", p) for i, p in enumerate(parameters)]
    known, y = b.tensor("known", (2, 3), "int8", *Q), b.tensor("y", (2, 3), "int8", 0.7, 1)
    b.operator(builtin, inputs, [known])
    b.operator("ADD", [x, known], [y])
    b.output(y)
    check_model(b.build(), data(1, (2, 3)))
    assert len(layer_graph(b.build()).layers) == 1


def test_shape():
    b = ModelBuilder()
    x = b.input("x", (2, 3), "float32")
    shape, real_shape = b.tensor("shape", (2,), "int32"), b.tensor("real", (2,), "float32")
    y = b.tensor("y", (2,), "float32")
    b.operator("SHAPE", [x], [shape], out_type=2)
    b.operator("CAST", [shape], [real_shape])
    total = b.tensor("total", (2,), "float32")
    b.operator("SUM", [x, b.constant("axes", i32(1))], [total], keep_dims=False)
    b.operator("MUL", [total, real_shape], [y])
    b.output(y)
    check_real(b.build(), real(1, (2, 3)))


def test_a_known_output_of_the_model_is_refused():
    with pytest.raises(UnsupportedError, match="no result of the model"):
        layer_graph(one_op("ZEROS_LIKE", [((2, 3), Q)], [((2, 3), Q)]))


def test_a_fill_that_contradicts_itself():
    model = one_op("FILL", [i32(2, 3), np.array(-9, np.int8)], [((2, 4), Q)])
    with pytest.raises(ModelFileError, match="to fill"):
        layer_graph(model)
