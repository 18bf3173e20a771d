"""What layers with weights refuse, and that what they accept cannot overflow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.ops_support import check_lowering
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant, Graph, Node, QuantParams, TensorType
from tinycc_ml.ops import BoundNode, Padding, bind, integerize, op
from tinycc_ml.ops.conv2d import Conv2DAttrs

INT32_MAX = 2**31 - 1
NO_PADDING = Padding()


def layer(
    weight: np.ndarray,
    bias: int,
    *,
    zero_point: int = 0,
    output_scale: float = 2.0**20,
    padding: Padding = NO_PADDING,
) -> tuple[Graph, BoundNode]:
    """A convolution of one pixel, with scales of 1 for input and weight."""
    channels, _, _, in_c = weight.shape
    types = {
        "x": TensorType((1, 1, 1, in_c), DType.INT8, QuantParams((1.0,), (zero_point,))),
        "w": TensorType(weight.shape, DType.INT8, QuantParams((1.0,), (0,))),
        "b": TensorType((channels,), DType.INT32),
        "y": TensorType((1, 1, 1, channels), DType.INT8, QuantParams((output_scale,), (0,))),
    }
    attrs = Conv2DAttrs(padding=padding)
    node = Node("n", "conv2d", ("x", "w", "b"), ("y",), attrs)
    constants = {"w": Constant(weight), "b": Constant(np.full(channels, bias, np.int32))}
    graph = Graph("case", (node,), types, constants, ("x",), ("y",))
    return graph, bind(graph, node)


def check(bound: BoundNode) -> str | None:
    return op("conv2d").check(bound)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("zero_point", [-100, 0, 100])
@pytest.mark.parametrize("padding", [NO_PADDING, Padding(top=1)])
def test_the_bound_of_sums_is_tight(sign: int, zero_point: int, padding: Padding) -> None:
    """With the largest bias that passes, the extreme input runs without overflow."""
    weight = np.full((1, 1, 1, 100), sign * 127, np.int8)
    if padding != NO_PADDING:
        weight = np.full((1, 2, 1, 100), 0, np.int8)
        weight[:, 1] = sign * 127
    highest = 100 * 127 * (127 - zero_point if sign > 0 else 128 + zero_point)
    bias = INT32_MAX - highest
    options = {"zero_point": zero_point, "padding": padding}
    graph, bound = layer(weight, bias, **options)
    assert check(bound) is None
    integers = integerize(graph)
    x = np.full((1, 1, 1, 100), 127 if sign > 0 else -128, np.int8)
    constants = [constant.array for constant in integers.layers[0].constants]
    roles = ["input", "weight", "bias", "multiplier", "shift"]
    operands = dict(zip(roles, [x, *constants], strict=True))
    (y,) = op("conv2d").reference(integers.layers[0].workload, operands)
    check_lowering(integers.layers[0], {"x": x, "y": y})
    _, refused = layer(weight, bias + 1, **options)
    assert "exceeds int32" in (check(refused) or "")


def test_a_folded_bias_that_exceeds_int32_is_refused() -> None:
    weight = np.full((1, 1, 1, 100), -127, np.int8)
    _, bound = layer(weight, INT32_MAX - 1000, zero_point=127)
    assert "exceeds int32" in (check(bound) or "")


def test_biases_clipped_to_int32_pass_in_dead_channels() -> None:
    weight = np.zeros((2, 1, 1, 3), np.int8)
    assert check(layer(weight, INT32_MAX)[1]) is None
    assert check(layer(weight, -INT32_MAX - 1)[1]) is None


@pytest.mark.parametrize(("exponent", "passes"), [(15, True), (17, False), (40, False)])
def test_left_shifts_that_overflow_are_refused(exponent: int, passes: bool) -> None:
    weight = np.full((1, 1, 1, 1), 127, np.int8)
    problem = check(layer(weight, 0, output_scale=2.0**-exponent)[1])
    assert (problem is None) == passes, problem


def test_each_wrong_property_is_named() -> None:
    _, bound = layer(np.ones((2, 1, 1, 3), np.int8), 0)
    x, w, bias = bound.inputs
    (y,) = bound.outputs
    assert w.quant
    per_channel = QuantParams((1.0, 1.0), (0, 0), axis=3)
    for inputs, output, words in [
        ((replace(x, dtype=DType.UINT8), w, bias), y, "input is uint8"),
        ((x, replace(w, dtype=DType.INT32), bias), y, "weight int32"),
        ((x, w, replace(bias, dtype=DType.INT64)), y, "bias int64"),
        ((x, w, bias), replace(y, quant=None), "output has no quantization"),
        ((x, replace(w, quant=None), bias), y, "weight has no quantization"),
        ((x, replace(w, quant=QuantParams((1.0,), (3,))), bias), y, "zero point is not 0"),
        ((x, replace(w, quant=per_channel), bias), y, "along axis 3"),
        ((x, replace(w, quant=replace(per_channel, axis=0)), bias), y, None),
        ((x, replace(w, quant=QuantParams((0.0,), (0,))), bias), y, "has scale 0"),
        ((x, replace(w, quant=QuantParams((0.1,), (0,))), bias), y, "no float32 value"),
        ((replace(x, quant=QuantParams((1.0,), (200,))), w, bias), y, "zero point 200"),
        ((replace(x, shape=(2, 1, 1, 3)), w, bias), y, "batch 2"),
    ]:
        problem = check(replace(bound, inputs=inputs, outputs=(output,)))
        assert (words in (problem or "")) if words else problem is None, (words, problem)


def test_weights_computed_at_run_time_are_refused() -> None:
    _, bound = layer(np.ones((2, 1, 1, 3), np.int8), 0)
    bound = replace(bound, constants=(None, None, bound.constants[2]))
    assert "must be constants" in (check(bound) or "")
