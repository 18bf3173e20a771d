from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.ops.single_op import Case, data, f32, quants, seeds, shapes, tensor
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import OpAttrs
from tinycc_ml.ops import op
from tinycc_ml.ops.access import Elementwise, Whole
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.mul import MulAttrs

OPS = [("ADD", "add", AddAttrs), ("MUL", "mul", MulAttrs)]
ACTIVATIONS = list(Activation)


def binary(which, first, second, output, activation=Activation.NONE, constants=None):
    builtin, name, attrs = which
    assert issubclass(attrs, OpAttrs)
    shape = np.broadcast_shapes(first[0], second[0])
    return Case(
        builtin,
        name,
        [tensor(*first), tensor(*second)],
        tensor(shape, output),
        attrs(activation),
        {"activation": activation.name},
        constants or {},
    )


@st.composite
def broadcast_pairs(draw):
    """Two shapes of up to five dimensions; any dimension of either may be 1 or absent."""
    full = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))

    def thinned():
        kept = [draw(st.sampled_from([e, e, 1])) for e in full]
        return tuple(kept[draw(st.integers(0, len(kept) - 1)) :])

    return thinned(), thinned()


@pytest.mark.parametrize("which", OPS, ids=["add", "mul"])
@settings(max_examples=120)
@given(
    shape=shapes, q=st.tuples(quants, quants, quants), seed=seeds, a=st.sampled_from(ACTIVATIONS)
)
def test_same_shapes(which, shape, q, seed, a):
    case = binary(which, (shape, q[0]), (shape, q[1]), q[2], a)
    assume(case.problem() is None)
    case.assert_exact(data(seed, shape), data(seed + 1, shape))


@pytest.mark.parametrize("which", OPS, ids=["add", "mul"])
@settings(max_examples=120)
@given(pair=broadcast_pairs(), q=st.tuples(quants, quants, quants), seed=seeds)
def test_broadcasting(which, pair, q, seed):
    case = binary(which, (pair[0], q[0]), (pair[1], q[1]), q[2])
    assume(case.problem() is None)
    case.assert_exact(data(seed, pair[0]), data(seed + 1, pair[1]))


@pytest.mark.parametrize("which", OPS, ids=["add", "mul"])
@pytest.mark.parametrize("position", [0, 1])
@settings(max_examples=30)
@given(pair=broadcast_pairs(), q=st.tuples(quants, quants, quants), seed=seeds)
def test_constant_operand(which, position, pair, q, seed):
    arrays = [data(seed, pair[0]), data(seed + 1, pair[1])]
    constants = {position: arrays[position]}
    case = binary(which, (pair[0], q[0]), (pair[1], q[1]), q[2], constants=constants)
    assume(case.problem() is None)
    case.assert_exact(arrays[1 - position])
    assert case.integers().layers[0].inputs == ("x0", "x1")
    assert case.integers().constants.keys() == {f"x{position}"}


@pytest.mark.parametrize("which", OPS, ids=["add", "mul"])
@settings(max_examples=12)
@given(q=st.tuples(quants, quants, quants), a=st.sampled_from(ACTIVATIONS))
def test_every_pair_of_inputs(which, q, a):
    case = binary(which, ((256, 256), q[0]), ((256, 256), q[1]), q[2], a)
    assume(case.problem() is None)
    x, y = (v.astype(np.int8) for v in np.mgrid[-128:128, -128:128])
    assert np.array_equal(case.reference(x, y), case.tflm(x, y))


@pytest.mark.parametrize("which", OPS, ids=["add", "mul"])
def test_scalar_operand(which):
    constants = {1: np.array(100, np.int8)}
    case = binary(which, ((2, 3, 4), (0.5, 3)), ((), (0.25, -7)), (0.75, 1), constants=constants)
    case.assert_exact(data(1, (2, 3, 4)))


@pytest.mark.parametrize("which", OPS, ids=["add", "mul"])
def test_both_operands_the_same_value(which):
    case = binary(which, ((7,), (0.5, 3)), ((7,), (0.5, 3)), (0.75, 1))
    x = data(1, (7,))
    case.assert_exact(x, x)


@pytest.mark.parametrize(
    ("first", "second", "loops"),
    [
        ((1, 4, 5, 6), (1, 4, 5, 6), [120]),
        ((1, 4, 5, 6), (6,), [20, 6]),
        ((1, 4, 5, 6), (1, 1, 1, 6), [20, 6]),
        ((1, 4, 5, 6), (1, 4, 5, 1), [20, 6]),
        ((1, 4, 5, 6), (1,), [120]),
        ((4, 1), (1, 6), [4, 6]),
        ((1, 1), (1,), []),
    ],
)
def test_as_few_loops_as_possible(first, second, loops):
    workload = binary(OPS[0], (first, (1, 0)), (second, (1, 0)), (1, 0)).layer().workload
    body = op("add").lower(workload).body
    found = []
    while body and hasattr(body[0], "extent"):
        found.append(body[0].extent)
        body = body[0].body
    assert found == loops


def test_access_of_broadcast_operands():
    workload = binary(OPS[0], ((4, 6), (1, 0)), ((6,), (1, 0)), (1, 0)).layer().workload
    assert op("add").access(workload).inputs == (("input0", Elementwise(1)), ("input1", Whole()))


@pytest.mark.parametrize("name", ["add", "mul"])
def test_shapes_that_do_not_broadcast(name):
    with pytest.raises(UnsupportedError, match="cannot be broadcast"):
        op(name).infer(AddAttrs(), [tensor((2, 3)), tensor((2, 4))])


def test_refusals():
    def problem(which, x, y):
        return binary(which, ((2,), x), ((2,), (1, 0)), y).problem()

    assert "no quantization" in problem(OPS[0], None, (1, 0))
    assert "2**20 times smaller" in problem(OPS[0], (1, 0), (f32(2.0**-20), 0))
    assert problem(OPS[0], (1, 0), (f32(2.0**-18), 0)) is None
    assert "too small for its inputs" in problem(OPS[1], (1, 0), (f32(2.0**-15), 0))
    assert problem(OPS[1], (1, 0), (f32(2.0**-13), 0)) is None
