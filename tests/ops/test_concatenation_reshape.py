from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.single_op import Case, data, seeds, tensor
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.ops import op
from tinycc_ml.ops.access import Access, Elementwise
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.reshape import ReshapeAttrs

Q = (0.5, 3)


def concatenation(shapes, axis, dtype="int8", quants=None, activation=Activation.NONE):
    joined = [sum(s[d] for s in shapes) if d == axis % len(shapes[0]) else e
              for d, e in enumerate(shapes[0])]  # fmt: skip
    quants = quants or [Q] * len(shapes)
    return Case(
        "CONCATENATION",
        "concatenation",
        [tensor(s, q, dtype) for s, q in zip(shapes, quants, strict=True)],
        tensor(joined, Q, dtype),
        ConcatenationAttrs(axis, activation),
        {"axis": axis},
    )


@st.composite
def joinable(draw):
    base = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    axis = draw(st.integers(-len(base), len(base) - 1))
    shapes = []
    for _ in range(draw(st.integers(1, 5))):
        shape = list(base)
        shape[axis] = draw(st.integers(1, 4))
        shapes.append(tuple(shape))
    return shapes, axis


@settings(max_examples=150)
@given(case=joinable(), seed=seeds)
def test_int8(case, seed):
    shapes, axis = case
    concatenation(shapes, axis).assert_exact(*(data(seed + i, s) for i, s in enumerate(shapes)))


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
def test_other_types(dtype):
    shapes = [(2, 3, 2), (2, 1, 2)]
    case = concatenation(shapes, 1, dtype, [(0.5, 0)] * 2)
    case.output = tensor(case.output.shape, (0.5, 0), dtype)
    case.assert_exact(*(np.arange(np.prod(s)).astype(dtype).reshape(s) for s in shapes))


def test_constant_and_repeated_operands():
    case = concatenation([(2, 3), (2, 2)], 1)
    case.constants = {1: data(5, (2, 2))}
    case.assert_exact(data(1, (2, 3)))


def test_access_goes_by_the_dimensions_before_the_axis():
    workload = concatenation([(4, 3, 2), (4, 1, 2)], 1).layer().workload
    expected = Access(8, (("input0", Elementwise(6)), ("input1", Elementwise(2))))
    assert op("concatenation").access(workload) == expected


def test_concatenation_refusals():
    shapes = [(2, 3), (2, 2)]
    assert "quantized alike" in concatenation(shapes, 1, quants=[Q, (0.25, 3)]).problem()
    assert "quantized alike" in concatenation(shapes, 1, quants=[Q, (0.5, 4)]).problem()
    assert "allowed none" in concatenation(shapes, 1, activation=Activation.RELU).problem()
    infer = op("concatenation").infer
    with pytest.raises(UnsupportedError, match="axis 2"):
        infer(ConcatenationAttrs(2), [tensor((2, 3))])
    with pytest.raises(UnsupportedError, match="differ"):
        infer(ConcatenationAttrs(0), [tensor((2, 3)), tensor((2, 2))])
    with pytest.raises(UnsupportedError, match="differ"):
        infer(ConcatenationAttrs(0), [tensor((2, 3)), tensor((2,))])


@pytest.mark.parametrize(
    ("before", "shape", "after"),
    [
        ((2, 3, 4), (24,), (24,)),
        ((2, 3, 4), (-1, 6), (4, 6)),
        ((24,), (2, -1, 3), (2, 4, 3)),
        ((1, 1), (), ()),
        ((1,), (-1,), (1,)),
    ],
)
def test_reshape(before, shape, after):
    attrs = ReshapeAttrs(shape)
    assert op("reshape").infer(attrs, [tensor(before)]) == (after,)
    case = Case("RESHAPE", "reshape", [tensor(before, Q)], tensor(after, Q), attrs)
    x = data(1, before)
    assert np.array_equal(case.reference(x), x.reshape(after))
    if after:
        case.options = {"new_shape": shape}
        case.assert_exact(x)


@pytest.mark.parametrize("shape", [(5,), (-1, -1), (-1, 5), (0, -1), (-2, -12), (24, 0)])
def test_shapes_that_do_not_fit(shape):
    with pytest.raises(UnsupportedError, match="cannot be reshaped"):
        op("reshape").infer(ReshapeAttrs(shape), [tensor((2, 3, 4))])


def test_reshape_is_a_view():
    assert op("reshape").is_view
    assert op("reshape").check(_bound("int8", "int16")) is not None
    assert op("reshape").check(_bound("float32", "float32")) is None


def _bound(source, target):
    from tinycc_ml.ops import bind

    case = Case("", "reshape", [tensor((2,), Q, source)], tensor((2,), Q, target), ReshapeAttrs())
    graph = case.graph()
    return bind(graph, graph.nodes[0])
