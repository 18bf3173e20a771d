"""TRANSPOSE_CONV, RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.one_op import i32, one_op
from tests.ops.single_op import data, seeds, zero_points
from tests.ops_support import check_lowering, check_model, layer_graph
from tests.tflite_builder import ModelBuilder
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import ModelFileError, UnsupportedError
from tinycc_ml.graph import TensorType
from tinycc_ml.ops import evaluate, op
from tinycc_ml.ops.resize_bilinear import ResizeBilinearAttrs
from tinycc_ml.ops.take import TakeAttrs
from tinycc_ml.ops.transpose_conv import TransposeConvAttrs

Q = (0.5, 3)
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


def transpose_conv(size, kernel, stride, channels, padding, seed, zero_point, **options):
    """A model; SAME outputs have the stride times the size, some pixels less by draw."""
    random = np.random.default_rng(seed)
    in_c, out_c = channels
    if padding == "SAME":
        wanted = [n * s - int(random.integers(0, s)) for n, s in zip(size, stride, strict=True)]
    else:
        wanted = [
            (n - 1) * s + k + int(random.integers(0, s))
            for n, s, k in zip(size, stride, kernel, strict=True)
        ]
    b = ModelBuilder()
    shape = b.constant("shape", i32(1, *wanted, out_c))
    w = random.integers(-127, 128, (out_c, *kernel, in_c)).astype(np.int8)
    scales = (0.01 * (1 + random.random(out_c))).astype(np.float32).tolist()
    weight = b.constant("w", w, scales, [0] * out_c)
    x = b.input("x", (1, *size, in_c), "int8", 0.5, zero_point)
    operands = [shape, weight, x]
    if random.random() < 0.7:
        values = random.integers(-3000, 3000, out_c).astype(np.int32)
        operands.append(b.constant("b", values, [0.5 * s for s in scales], [0] * out_c))
    y = b.tensor("y", (1, *wanted, out_c), "int8", 2.0, 5)
    b.operator(
        "TRANSPOSE_CONV", operands, [y],
        padding=padding, stride_h=stride[0], stride_w=stride[1], **options,
    )  # fmt: skip
    b.output(y)
    return b.build()


@settings(max_examples=20)
@given(
    size=pairs,
    kernel=pairs,
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 3)),
    padding=st.sampled_from(["SAME", "VALID"]),
    seed=seeds,
    zero_point=zero_points,
)
def test_transpose_conv(size, kernel, stride, channels, padding, seed, zero_point):
    model = transpose_conv(size, kernel, stride, channels, padding, seed, zero_point)
    check_model(model, data(seed, (1, *size, channels[0])))


def test_transpose_conv_with_an_activation():
    model = transpose_conv((3, 4), (3, 3), (2, 2), (2, 2), "SAME", 5, 0, activation="RELU6")
    check_model(model, data(1, (1, 3, 4, 2)))


def test_transpose_conv_counts_its_products():
    graph = layer_graph(transpose_conv((3, 4), (3, 2), (2, 2), (2, 5), "SAME", 5, 0))
    assert graph.layers[0].macs == 3 * 4 * 2 * 3 * 2 * 5


@settings(max_examples=30)
@given(
    size=pairs,
    wanted=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    channels=st.integers(1, 3),
    places=st.sampled_from([{}, {"align_corners": True}, {"half_pixel_centers": True}]),
    seed=seeds,
)
@pytest.mark.parametrize("builtin", ["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"])
def test_resize(builtin, size, wanted, channels, places, seed):
    shape = (1, *size, channels)
    output = [((1, *wanted, channels), Q)]
    model = one_op(builtin, [(shape, Q), i32(*wanted)], output, **places)
    check_model(model, data(seed, shape))


@pytest.mark.parametrize(
    "indices",
    [
        ((1, 0, 1), None, None),
        (None, (2, 2, 0), (3, 1)),
        (None, None, (0, 3)),
        (None, None, None),
    ],
)
def test_take(indices):
    from tests.ops.single_op import Case, tensor

    shape = (2, 3, 4)
    output = tuple(e if i is None else len(i) for i, e in zip(indices, shape, strict=True))
    case = Case("", "take", [tensor(shape, Q)], tensor(output, Q), TakeAttrs(indices))
    graph, x = case.integers(), data(1, shape)
    values = evaluate(graph, [x])
    chosen = [range(e) if i is None else i for i, e in zip(indices, shape, strict=True)]
    assert np.array_equal(values["y"], x[np.ix_(*chosen)])
    check_lowering(graph.layers[0], values)


def test_refusals():
    x = TensorType((1, 2, 3, 1), DType.INT8)
    for name, attrs in (
        ("take", TakeAttrs((None, None))),
        ("take", TakeAttrs((None, (2,), None, None))),
        ("take", TakeAttrs((None, (), None, None))),
        ("resize_bilinear", ResizeBilinearAttrs((0, 1))),
        ("resize_bilinear", ResizeBilinearAttrs((2, 2), True, True)),
    ):
        with pytest.raises(UnsupportedError):
            op(name).infer(attrs, [x])
    w, bias = TensorType((5, 3, 3, 1), DType.INT8), TensorType((5,), DType.INT32)
    for inputs, attrs in (
        ([x, w, w], TransposeConvAttrs((1, 1), (2, 3))),
        ([x, w, bias], TransposeConvAttrs((0, 1), (2, 3))),
        ([x, w, bias], TransposeConvAttrs((1, 1), (2, 3), -1)),
    ):
        with pytest.raises(UnsupportedError):
            op("transpose_conv").infer(attrs, inputs)


def test_a_size_that_is_none():
    model = one_op("RESIZE_BILINEAR", [((1, 2, 2, 1), Q), i32(2)], [((1, 2, 2, 1), Q)])
    with pytest.raises(ModelFileError, match="two positive numbers"):
        layer_graph(model)
