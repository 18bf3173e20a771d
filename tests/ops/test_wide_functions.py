"""Functions and softmax of int16: every byte of TensorFlow Lite Micro's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.one_op import one_op
from tests.ops.single_op import Case, assert_same, scales, seeds, tensor
from tests.ops.test_wide import int16
from tests.ops_support import check_model
from tinycc_ml.graph import OpAttrs
from tinycc_ml.ops.softmax import SoftmaxAttrs

ALL_INT16 = np.arange(-(1 << 15), 1 << 15).astype(np.int16)
FIFTEEN_BITS = (2.0**-15, 0)


def function(builtin: str, name: str, shape: tuple[int, ...], scale: float) -> Case:
    x, y = (tensor(shape, quant, "int16") for quant in ((scale, 0), FIFTEEN_BITS))
    if name == "softmax":
        return Case(builtin, name, [x], y, SoftmaxAttrs(), {"beta": 1.0})
    return Case(builtin, name, [x], y, OpAttrs())


GATES = [("LOGISTIC", "logistic"), ("TANH", "tanh")]


@pytest.mark.parametrize(("builtin", "name"), GATES)
@pytest.mark.parametrize(
    "scale",
    [2.0**-11, 2.0**-12, 2.0**-10, 2.0**-13, 1.0006 * 2.0**-12, 1.0008 * 2.0**-12, 3.7e-4, 2.6,
     2.0**-30, 1e-12, 0.1],
)  # fmt: skip
def test_gates_of_all_inputs(builtin: str, name: str, scale: float) -> None:
    case = function(builtin, name, ALL_INT16.shape, scale)
    assert_same(case.reference(ALL_INT16), case.tflm(ALL_INT16))
    some = int16(3, 2, 50)
    function(builtin, name, some.shape, scale).assert_exact(some)


@pytest.mark.parametrize(("builtin", "name"), GATES)
def test_gates_that_the_library_does_not_compute(builtin: str, name: str) -> None:
    assert "allowed up to 2.6" in function(builtin, name, (3,), 2.7).problem()
    x, y = (tensor((3,), quant, "int16") for quant in ((0.1, 0), (2.0**-14, 0)))
    assert "must have scale 2**-15" in Case(builtin, name, [x], y).problem()


@settings(max_examples=60)
@given(scale=scales(-20, 1), rows=st.integers(1, 3), depth=st.integers(1, 40), seed=seeds)
def test_softmax(scale: float, rows: int, depth: int, seed: int) -> None:
    x = int16(seed, rows, depth)
    if seed % 2:
        x //= 64
    function("SOFTMAX", "softmax", x.shape, scale).assert_exact(x)


@pytest.mark.parametrize("scale", [10 / 65535, 2.0**-13, 0.01])
def test_softmax_of_every_difference(scale: float) -> None:
    lower = np.arange(0, 1 << 16)
    x = np.stack([np.full(lower.size, 32767), 32767 - lower], axis=1).astype(np.int16)
    case = function("SOFTMAX", "softmax", x.shape, scale)
    assert_same(case.reference(x), case.tflm(x))


def test_softmax_of_long_rows() -> None:
    x = np.zeros((2, 5000), np.int16)
    x[1, ::7] = 9
    case = function("SOFTMAX", "softmax", x.shape, 0.25)
    assert_same(case.reference(x), case.tflm(x))


@pytest.mark.parametrize("builtin", ["PAD", "PADV2"])
def test_pad(builtin: str) -> None:
    amounts = np.array([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32)
    operands = [((1, 3, 2, 4), (0.5, 0)), amounts]
    if builtin == "PADV2":
        operands.append((np.array([-321], np.int16), (0.5, 0)))
    model = one_op(builtin, operands, [((1, 6, 3, 4), (0.5, 0))], "int16")
    check_model(model, int16(5, 1, 3, 2, 4))
