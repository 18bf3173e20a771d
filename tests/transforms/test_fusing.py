"""Activations, batch normalization, biases and padding move into the layers before or behind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.networks import OTHER_Q, Net, Q, bytes_, ops, random, reasons, run, same
from tinycc_ml.graph import OpAttrs, QuantParams
from tinycc_ml.ops import Activation, Padding
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.difference import SubAttrs
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs
from tinycc_ml.ops.mul import MulAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs
from tinycc_ml.ops.real_functions import SlopeAttrs
from tinycc_ml.transforms import FoldChannelAffine, FoldPads, FuseActivations, RemoveDeadNodes

_W_Q = QuantParams((0.0078125,), (0,))


def conv(net: Net, x: str, filters: int = 4, attrs: Conv2DAttrs | None = None) -> str:
    """A convolution of float32 or int8 with weights of 3x3."""
    type_ = net.types[x]
    if type_.quant is None:
        w = net.constant(random(1, filters, 3, 3, type_.shape[3]))
        b = net.constant(random(2, filters))
    else:
        w = net.constant(bytes_(1, filters, 3, 3, type_.shape[3]), _W_Q)
        b = net.constant(np.arange(filters, dtype=np.int32))
    return net.emit("conv2d", x, w, b, attrs=attrs or Conv2DAttrs())


# Activations


@pytest.mark.parametrize("quant", [None, Q])
@pytest.mark.parametrize("operator", ["relu", "relu6"])
def test_a_rectifier_becomes_the_activation(operator: str, quant: QuantParams | None) -> None:
    net = Net()
    y = net.emit(operator, conv(net, net.input(1, 5, 5, 2, quant=quant)))
    graph = same(net.graph(y), FuseActivations())
    assert ops(graph) == ["conv2d"]
    assert graph.nodes[0].attrs.activation is Activation(operator)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("low", "high", "activation"),
    [
        (0.0, 6.0, Activation.RELU6),
        (-1.0, 1.0, Activation.RELU_N1_TO_1),
        (0.0, 3.4028234663852886e38, Activation.RELU),
    ],
)
def test_a_clip_to_an_activations_limits(low: float, high: float, activation: Activation) -> None:
    net = Net()
    total = net.emit("add", net.input(1, 4), net.constant(random(1, 1, 4)), attrs=AddAttrs())
    graph = same(net.graph(net.emit("clip", total, attrs=SlopeAttrs(low, high))), FuseActivations())
    assert [node.attrs for node in graph.nodes] == [AddAttrs(activation)]


def test_two_rectifiers_are_the_lower_one() -> None:
    net = Net()
    y = net.emit("relu6", net.emit("relu", conv(net, net.input(1, 5, 5, 2))))
    graph = same(net.graph(y), FuseActivations())
    assert [node.attrs.activation for node in graph.nodes] == [Activation.RELU6]  # type: ignore[attr-defined]


def test_other_clips_and_other_layers_stay() -> None:
    net = Net()
    y = net.emit("clip", conv(net, net.input(1, 5, 5, 2)), attrs=SlopeAttrs(0.0, 5.0))
    z = net.emit("relu", net.emit("tanh", net.input(1, 4)))
    assert reasons(net.graph(y, z), FuseActivations()) == []


def test_what_is_read_by_others_too_is_not_fused() -> None:
    net = Net()
    x = conv(net, net.input(1, 5, 5, 2))
    assert reasons(net.graph(x, net.emit("relu", x)), FuseActivations()) == [
        "n0 is read by others too"
    ]


def test_another_scale_is_not_fused() -> None:
    net = Net()
    y = net.emit("relu", conv(net, net.input(1, 5, 5, 2, quant=Q)), quant=OTHER_Q)
    (reason,) = reasons(net.graph(y), FuseActivations())
    assert reason.endswith("another scale means to round again")


def test_an_activation_that_is_there_stays() -> None:
    net = Net()
    x = conv(net, net.input(1, 5, 5, 2), attrs=Conv2DAttrs(activation=Activation.RELU_N1_TO_1))
    assert reasons(net.graph(net.emit("relu", x)), FuseActivations()) == [
        "n0 has the activation relu_n1_to_1 already"
    ]


# Batch normalization and biases


@given(
    st.sampled_from(["conv2d", "depthwise_conv2d", "fully_connected"]),
    st.lists(st.sampled_from(["mul", "add", "sub", "sub_from", "div"]), min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
)
def test_factors_and_summands(
    layer: str, steps: list[str], per_channel: bool, rectified: bool
) -> None:
    net = Net()
    if layer == "fully_connected":
        x, w = net.input(2, 6), net.constant(random(1, 4, 6))
        y = net.emit(layer, x, w, net.constant(random(2, 4)), attrs=FullyConnectedAttrs())
    elif layer == "conv2d":
        y = conv(net, net.input(1, 5, 5, 2))
    else:
        w, b = net.constant(random(1, 1, 3, 3, 4)), net.constant(random(2, 4))
        y = net.emit(layer, net.input(1, 5, 5, 4), w, b, attrs=DepthwiseConv2DAttrs())
    activation = Activation.RELU if rectified else Activation.NONE
    attrs = {"mul": MulAttrs, "add": AddAttrs, "sub": SubAttrs}
    for i, step in enumerate(steps):
        operator = step.removesuffix("_from")
        c = net.constant(np.abs(random(i, 4 if per_channel else 1)) + 0.5)
        kind = attrs.get(operator, OpAttrs)
        is_last = i == len(steps) - 1 and kind is not OpAttrs
        made = kind(activation) if is_last else kind()  # type: ignore[call-arg]
        y = net.emit(operator, *((c, y) if step == "sub_from" else (y, c)), attrs=made)
        if step == "sub_from":
            net.types[y] = net.types[net.nodes[-1].inputs[1]]
    graph = same(net.graph(y), FoldChannelAffine(), RemoveDeadNodes(), rounding=2e-6)
    assert ops(graph) == [layer]


def test_batch_normalization_behind_padding() -> None:
    """Weights scale what padding adds too: nothing."""
    net = Net()
    x = conv(net, net.input(1, 5, 5, 2), attrs=Conv2DAttrs(padding=Padding(1, 1, 1, 1)))
    scaled = net.emit("mul", x, net.constant(random(3, 1, 1, 1, 4)), attrs=MulAttrs())
    y = net.emit("add", scaled, net.constant(random(4, 1, 1, 1, 4)), attrs=AddAttrs())
    graph = same(net.graph(y), FoldChannelAffine(), rounding=1e-6)
    assert ops(graph) == ["conv2d"]


def test_what_cannot_be_folded() -> None:
    for build, expected in (
        (lambda n, x: x, "n0 is read by others too"),
        (lambda n, x: n.emit("relu", x), None),
    ):
        net = Net()
        x = conv(net, net.input(1, 5, 5, 2))
        y = net.emit("mul", x, net.constant(random(3, 4)), attrs=MulAttrs())
        assert reasons(net.graph(build(net, x), y), FoldChannelAffine())[0] == (
            expected or "n0 is read by others too"
        )
    net = Net()
    x = conv(net, net.input(1, 5, 5, 2), attrs=Conv2DAttrs(activation=Activation.RELU))
    y = net.emit("mul", x, net.constant(2.0), attrs=MulAttrs())
    assert reasons(net.graph(y), FoldChannelAffine()) == ["n0 has the activation relu in between"]
    net = Net()
    x = conv(net, net.input(1, 5, 5, 2))
    y = net.emit("mul", x, net.constant(3e38), attrs=MulAttrs())
    assert reasons(net.graph(y), FoldChannelAffine()) == ["weights or biases would not be finite"]


def test_integers_round_before_they_are_scaled() -> None:
    net = Net()
    x = conv(net, net.input(1, 5, 5, 2, quant=Q))
    y = net.emit("add", x, net.constant(bytes_(3, 4), Q), attrs=AddAttrs())
    assert reasons(net.graph(y), FoldChannelAffine()) == [
        "n0 rounds its result to integers: folded, it would round once"
    ]


def test_numbers_along_other_dimensions_are_no_channels() -> None:
    net = Net()
    x = conv(net, net.input(1, 6, 6, 2))
    y = net.emit("mul", x, net.constant(random(3, 1, 4, 4, 1)), attrs=MulAttrs())
    assert reasons(net.graph(y), FoldChannelAffine()) == []


# Padding


@given(
    st.tuples(*[st.integers(0, 2)] * 4),
    st.tuples(*[st.integers(0, 1)] * 4),
    st.sampled_from([None, Q]),
    st.sampled_from([(1, 1), (2, 1), (2, 2)]),
)
def test_padding_of_convolutions(
    outer: tuple[int, ...],
    own: tuple[int, ...],
    quant: QuantParams | None,
    stride: tuple[int, int],
) -> None:
    net = Net()
    fill = None if quant is None else quant.zero_point
    attrs = PadAttrs((0, outer[0], outer[2], 0), (0, outer[1], outer[3], 0), fill)
    x = net.emit("pad", net.input(1, 5, 6, 2, quant=quant), attrs=attrs)
    y = conv(net, x, attrs=Conv2DAttrs(stride, padding=Padding(*own)))
    graph = same(net.graph(y), FoldPads())
    assert ops(graph) == ["conv2d"]
    top, bottom, left, right = (a + b for a, b in zip(outer, own, strict=True))
    assert graph.nodes[0].attrs.padding == Padding(top, bottom, left, right)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("quant", "fill"), [(Q, -128), (None, float("-inf"))])
def test_padding_of_a_maximum(quant: QuantParams | None, fill: float) -> None:
    net = Net()
    x = net.emit(
        "pad", net.input(1, 4, 4, 2, quant=quant), attrs=PadAttrs((0, 1, 1, 0), (0, 0, 1, 0), fill)
    )
    graph = net.graph(net.emit("max_pool2d", x, attrs=Pool2DAttrs((2, 2), (2, 2))))
    assert ops(same(graph, FoldPads())) == ["max_pool2d"]


@pytest.mark.parametrize(
    ("operator", "pad", "reason"),
    [
        ("conv2d", PadAttrs((0, 1, 1, 0), (0, 1, 1, 0), 5), "it is padded with 5; allowed 3"),
        ("conv2d", PadAttrs((0, 1, 1, 0), (0, 1, 1, 1)), "batch or channels are padded"),
        ("max_pool2d", PadAttrs((0, 1, 1, 0), (0, 1, 1, 0)), "it is padded with 3; allowed -128"),
        ("max_pool2d", PadAttrs((0, 3, 1, 0), (0, 1, 1, 0), -128), "nothing but padding"),
        ("average_pool2d", PadAttrs((0, 1, 1, 0), (0, 1, 1, 0)), "divides by what is padded too"),
    ],
)
def test_padding_that_stays(operator: str, pad: PadAttrs, reason: str) -> None:
    net = Net()
    x = net.emit("pad", net.input(1, 6, 6, 2, quant=Q), attrs=pad)
    pooling = Pool2DAttrs((2, 2), (1, 1))
    y = conv(net, x) if operator == "conv2d" else net.emit(operator, x, attrs=pooling)
    (found,) = reasons(net.graph(y), FoldPads())
    assert reason in found


def test_a_pad_that_another_reads_stays() -> None:
    net = Net()
    x = net.emit("pad", net.input(1, 6, 6, 2), attrs=PadAttrs((0, 1, 1, 0), (0, 1, 1, 0)))
    y = conv(net, x)
    graph = net.graph(y, net.emit("tanh", x))
    assert reasons(graph, FoldPads()) == ["n2: tanh reads it too"]
    assert run(net.graph(y, x), FoldPads())[1][0].reason == "its result is an output of the model"


def test_a_pad_of_two_convolutions_goes() -> None:
    net = Net()
    x = net.emit("pad", net.input(1, 6, 6, 2), attrs=PadAttrs((0, 1, 1, 0), (0, 1, 1, 0)))
    graph = same(net.graph(conv(net, x), conv(net, x, filters=2)), FoldPads())
    assert ops(graph) == ["conv2d", "conv2d"]
