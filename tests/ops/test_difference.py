"""SUB and SQUARED_DIFFERENCE."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.ops.single_op import Case, data, quants, seeds, tensor
from tests.ops.test_add_mul import broadcast_pairs
from tinycc_ml.graph import OpAttrs
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.difference import SubAttrs

NAMES = ["SUB", "SQUARED_DIFFERENCE"]


def difference(builtin, first, second, output, activation=Activation.NONE, constants=None):
    is_sub = builtin == "SUB"
    return Case(
        builtin,
        builtin.lower(),
        [tensor(*first), tensor(*second)],
        tensor(np.broadcast_shapes(first[0], second[0]), output),
        SubAttrs(activation) if is_sub else OpAttrs(),
        {"activation": activation.name} if is_sub else {},
        constants or {},
    )


@pytest.mark.parametrize("builtin", NAMES)
@settings(max_examples=20)
@given(pair=broadcast_pairs(), q=st.tuples(quants, quants, quants), seed=seeds)
def test_broadcast(builtin, pair, q, seed):
    # The library's squared difference broadcasts in up to four dimensions.
    assume(builtin == "SUB" or max(map(len, pair)) <= 4)
    case = difference(builtin, (pair[0], q[0]), (pair[1], q[1]), q[2])
    assume(case.problem() is None)
    case.assert_exact(data(seed, pair[0]), data(seed + 1, pair[1]))


@pytest.mark.parametrize("builtin", NAMES)
@settings(max_examples=8)
@given(q=st.tuples(quants, quants, quants), a=st.sampled_from(list(Activation)))
def test_every_pair_of_inputs(builtin, q, a):
    shape = (256, 256)
    case = difference(builtin, (shape, q[0]), (shape, q[1]), q[2], a)
    assume(case.problem() is None)
    x, y = (v.astype(np.int8) for v in np.mgrid[-128:128, -128:128])
    assert np.array_equal(case.reference(x, y), case.tflm(x, y))


@pytest.mark.parametrize("builtin", NAMES)
def test_scalar_constant(builtin):
    constants = {0: np.array(100, np.int8)}
    case = difference(builtin, ((), (0.5, 3)), ((2, 3), (0.25, -7)), (0.75, 1), constants=constants)
    case.assert_exact(data(1, (2, 3)))


def test_refusals():
    def problem(builtin, x, y):
        return difference(builtin, ((2,), x), ((2,), (1, 0)), y).problem()

    assert "no quantization" in problem("SUB", None, (1, 0))
    assert "2**20 times smaller" in problem("SUB", (1, 0), (2.0**-21, 0))
    assert "too small" in problem("SQUARED_DIFFERENCE", (1, 0), (2.0**-14, 0))
