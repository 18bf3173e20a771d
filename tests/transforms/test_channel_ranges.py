"""Intervals: every value computed lies in its channel's, and they are as narrow as can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings

from tests.transforms.channel_networks import Network, inputs_for, networks
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant, Graph, Node, OpAttrs, QuantParams, TensorType
from tinycc_ml.ops import Integers, Padding, evaluate, integerize
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.convolution import ConvNumbers
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs
from tinycc_ml.transforms import channel_ranges as analysis
from tinycc_ml.transforms import filters
from tinycc_ml.transforms.channel_ranges import ChannelRange, channel_ranges

_SEARCH = settings(max_examples=150, database=None, derandomize=True, phases=[Phase.generate])


def escapes(graph: Graph) -> str | None:
    """The first value that leaves its interval, for some inputs that are likely to."""
    ranges, integers = channel_ranges(graph), integerize(graph)
    for x in inputs_for(graph):
        for name, array in evaluate(integers, [x]).items():
            if name in ranges:
                low, high = ranges[name].low, ranges[name].high
                if (array < low).any() or (array > high).any():
                    return name
    return None


@settings(max_examples=150)
@given(networks())
def test_every_value_lies_in_its_interval(network: Network) -> None:
    assert escapes(network.graph) is None


# Planted faults: the property above finds them.


def _ignore_borders(monkeypatch: pytest.MonkeyPatch) -> None:
    original = filters._taps

    def taps(*args: object) -> tuple[np.ndarray, np.ndarray]:
        return tuple(np.ones_like(found) for found in original(*args))

    monkeypatch.setattr(filters, "_taps", taps)


def _ignore_the_zero_point(monkeypatch: pytest.MonkeyPatch) -> None:
    original = analysis._sums

    def sums(integers: Integers, *args: object) -> ChannelRange:
        assert isinstance(integers.numbers, ConvNumbers)
        numbers = replace(integers.numbers, input_zero_point=0)
        return original(replace(integers, numbers=numbers), *args)

    monkeypatch.setattr(analysis, "_sums", sums)


def _ignore_the_signs_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    original = analysis._sums

    def sums(integers: Integers, found: filters.Filters, x: ChannelRange) -> ChannelRange:
        return original(integers, replace(found, weight=np.abs(found.weight)), x)

    monkeypatch.setattr(analysis, "_sums", sums)


def _call_multiplication_monotone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "MONOTONE", analysis.MONOTONE | {"mul"})


@pytest.mark.parametrize(
    "fault",
    [
        _ignore_borders,
        _ignore_the_zero_point,
        _ignore_the_signs_of_weights,
        _call_multiplication_monotone,
    ],
)
def test_faults_are_found(
    fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    find(networks(), lambda network: escapes(network.graph) is not None, settings=_SEARCH)


# Single operators, by hand


def _int8(shape: tuple[int, ...], zero_point: int = 0, scale: float = 1.0) -> TensorType:
    return TensorType(shape, DType.INT8, QuantParams((scale,), (zero_point,)))


def _one(
    op: str,
    attrs: OpAttrs,
    x: TensorType,
    y: TensorType,
    weight: np.ndarray | None = None,
    bias: tuple[int, ...] = (),
) -> list[tuple[int, int]]:
    """The interval of each channel of the output; the weights' scale is 1."""
    constants = {}
    types = {"x": x, "y": y}
    if weight is not None:
        constants = {"w": Constant(weight.astype(np.int8)), "b": Constant(np.array(bias, np.int32))}
        types |= {"w": _int8(weight.shape), "b": TensorType((len(bias),), DType.INT32)}
    node = Node("n", op, ("x", *constants), ("y",), attrs)
    result = channel_ranges(Graph("g", (node,), types, constants, ("x",), ("y",)))["y"]
    return list(zip(result.low.tolist(), result.high.tolist(), strict=True))


def test_a_pointwise_convolution() -> None:
    weight = np.array([[0, 0], [1, 0], [-1, 0], [1, 1]]).reshape(4, 1, 1, 2)
    found = _one(
        "conv2d",
        Conv2DAttrs(),
        _int8((1, 2, 2, 2), 3),
        _int8((1, 2, 2, 4), 7, scale=4.0),
        weight,
        (8, 0, 0, 0),
    )
    # (-128 - 3) / 4 + 7 = -25.75, (127 - 3) / 4 + 7 = 38
    assert found == [(9, 9), (-26, 38), (-24, 40), (-59, 69)]


@pytest.mark.parametrize("op", ["conv2d", "depthwise_conv2d"])
@pytest.mark.parametrize(
    ("zero_point", "size", "expected"),
    [
        # All nine taps see (c - z) = 2 inside, as few as four in a corner.
        (-2, 4, (8, 18)),
        # The constant is the zero point: padding makes no difference.
        (0, 4, (0, 0)),
        # Only the tap in the middle ever lies inside: as good as no padding.
        (-2, 1, (2, 2)),
    ],
)
def test_a_constant_is_none_at_the_border(
    op: str, zero_point: int, size: int, expected: tuple[int, int]
) -> None:
    """A 3x3 sum of a channel that a layer without weights has made 0."""
    attrs = {"conv2d": Conv2DAttrs, "depthwise_conv2d": DepthwiseConv2DAttrs}[op]
    padding = Padding(1, 1, 1, 1)
    shape = (1, size, size, 1)
    zeros, ones = np.zeros((1, 1, 1, 1), np.int8), np.ones((1, 3, 3, 1), np.int8)
    constants = {"w0": Constant(zeros), "w1": Constant(ones)}
    constants |= {"b0": Constant(np.array([-zero_point], np.int32))}
    constants |= {"b1": Constant(np.array([0], np.int32))}
    types = {"x": _int8(shape), "c": _int8(shape, zero_point), "y": _int8(shape)}
    types |= {"w0": _int8(zeros.shape), "w1": _int8(ones.shape)}
    types |= dict.fromkeys(("b0", "b1"), TensorType((1,), DType.INT32))
    nodes = (
        Node("n0", "conv2d", ("x", "w0", "b0"), ("c",), Conv2DAttrs()),
        Node("n1", op, ("c", "w1", "b1"), ("y",), attrs(padding=padding)),
    )
    graph = Graph("g", nodes, types, constants, ("x",), ("y",))
    ranges = channel_ranges(graph)
    assert (ranges["c"].low[0], ranges["c"].high[0]) == (0, 0)
    low, high = int(ranges["y"].low[0]), int(ranges["y"].high[0])
    values = evaluate(integerize(graph), [np.zeros(shape, np.int8)])["y"]
    assert (values.min(), values.max()) == expected
    # Sound, and not constant exactly where the values are not.
    assert low <= expected[0] and expected[1] == high
    assert (low == high) == (expected[0] == expected[1])


def test_filters_of_one_channel_each_read_their_own() -> None:
    """Two filters a channel: outputs 0 and 1 read channel 0, which is not what 2 and 3 read."""
    weight = np.array([0, 1, 1, 0]).reshape(1, 1, 1, 4)
    found = _one(
        "depthwise_conv2d",
        DepthwiseConv2DAttrs(),
        _int8((1, 2, 2, 2)),
        _int8((1, 2, 2, 4)),
        weight,
        (5, 0, 0, -6),
    )
    assert found == [(5, 5), (-128, 127), (-128, 127), (-6, -6)]


def test_pooling_and_unknown_operators() -> None:
    x = _int8((1, 4, 4, 2), -128)
    y = _int8((1, 2, 2, 2), -128)
    assert _one("average_pool2d", Pool2DAttrs((2, 2), (2, 2)), x, y) == [(-128, 127)] * 2
    probability = _int8((1, 4, 4, 2), -128, 1 / 256)
    assert _one("softmax", OpAttrs(), x, probability) == [(-128, 127)] * 2


def test_only_int8_values_have_channels() -> None:
    real = TensorType((1, 2), DType.FLOAT32)
    graph = Graph(
        "g",
        (Node("n", "quantize", ("x",), ("y",)),),
        {"x": real, "y": _int8((1, 2))},
        {},
        ("x",),
        ("y",),
    )
    ranges = channel_ranges(graph)
    assert set(ranges) == {"y"}
    assert ranges["y"].low.tolist() == [-128, -128]
    assert ranges["y"].high.tolist() == [127, 127]
    assert not ranges["y"].is_constant.any()
