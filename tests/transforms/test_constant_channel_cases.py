"""Removing channels, case by case: what the graph becomes, and what a refusal says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import InternalError
from tinycc_ml.graph import Constant, Graph, Node, OpAttrs, QuantParams, TensorType, run_passes
from tinycc_ml.ops import Padding
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs
from tinycc_ml.ops.reshape import ReshapeAttrs
from tinycc_ml.transforms.channel_report import LayerMacs, kept_channels, layer_macs
from tinycc_ml.transforms.remove_constant_channels import RemoveConstantChannels

ONE = RemoveConstantChannels(keep_multiple=1)
PAD = Padding(1, 1, 1, 1)


class Net:
    """A graph under construction: 4x4 images, scale 1 everywhere, weights scaled per channel."""

    def __init__(self, channels: int = 2, zero_point: int = 0) -> None:
        self.nodes: list[Node] = []
        self.types = {"x": self.image((1, 4, 4, channels), zero_point)}
        self.constants: dict[str, Constant] = {}

    @staticmethod
    def image(shape: Sequence[int], zero_point: int = 0) -> TensorType:
        return TensorType(tuple(shape), DType.INT8, QuantParams((1.0,), (zero_point,)))

    def node(
        self,
        op: str,
        inputs: Sequence[str],
        shape: Sequence[int],
        attrs: OpAttrs | None = None,
        zero_point: int = 0,
    ) -> str:
        name = f"n{len(self.nodes)}"
        result = f"v{len(self.nodes)}"
        self.nodes.append(Node(name, op, tuple(inputs), (result,), attrs or OpAttrs()))
        self.types[result] = self.image(shape, zero_point)
        return result

    def conv(
        self, x: str, rows: Any, bias: Sequence[int], *, pad: bool = False, **more: int
    ) -> str:
        """A row of weights for each filter: one per input channel, for all taps alike."""
        size = 3 if pad else 1
        w = np.tile(np.array(rows)[:, np.newaxis, np.newaxis, :], (1, size, size, 1))
        attrs = Conv2DAttrs(padding=PAD if pad else Padding())
        operands = self.weights(w, bias, 0)
        return self.node("conv2d", [x, *operands], (1, 4, 4, len(w)), attrs, **more)

    def depthwise(self, x: str, row: Sequence[int], bias: Sequence[int]) -> str:
        w = np.tile(np.array(row), (1, 3, 3, 1))
        attrs = DepthwiseConv2DAttrs(padding=PAD)
        return self.node(
            "depthwise_conv2d", [x, *self.weights(w, bias, 3)], (1, 4, 4, len(row)), attrs
        )

    def weights(self, w: np.ndarray, bias: Sequence[int], axis: int) -> list[str]:
        # Different scales, so that it shows which ones are left.
        scales = tuple(2.0**-i for i in range(w.shape[axis]))
        names = [f"w{len(self.nodes)}", f"b{len(self.nodes)}"]
        self.constants[names[0]] = Constant(w.astype(np.int8))
        self.constants[names[1]] = Constant(np.array(bias, np.int32))
        quant = QuantParams(scales, (0,) * len(scales), axis)
        self.types[names[0]] = TensorType(w.shape, DType.INT8, quant)
        self.types[names[1]] = TensorType((len(scales),), DType.INT32, replace(quant, axis=0))
        return names

    def graph(self, *outputs: str) -> Graph:
        return Graph("g", tuple(self.nodes), self.types, self.constants, ("x",), outputs)


def run(graph: Graph, pass_: RemoveConstantChannels = ONE) -> tuple[Graph, list[str]]:
    result, report = run_passes(graph, [pass_])
    return result, [f"{refusal.node}: {refusal.reason}" for refusal in report.refusals]


def only(graph: Graph) -> str:
    """The one reason why nothing changes."""
    result, refusals = run(graph)
    assert result is graph
    assert len(refusals) == 1
    return refusals[0]


def test_a_constant_moves_into_the_bias() -> None:
    """Filter 1 gives 6 everywhere, in a value with zero point 2."""
    net = Net()
    y = net.conv("x", [[1, 2], [0, 0], [3, 4]], [7, 8, 9], zero_point=2)
    before = net.graph(net.conv(y, [[1, 10, 1], [1, -10, 1]], [100, 200]))
    after, refusals = run(before)
    # round(8 / 2) = 4 above the zero point, times 10 and -10.
    assert after.constants == {
        "w0": Constant(np.array([[[[1, 2]]], [[[3, 4]]]], np.int8)),
        "b0": Constant(np.array([7, 9], np.int32)),
        "w1": Constant(np.ones((2, 1, 1, 2), np.int8)),
        "b1": Constant(np.array([140, 160], np.int32)),
    }
    quant = QuantParams((1.0, 0.25), (0, 0), 0)
    assert after.types["w0"] == TensorType((2, 1, 1, 2), DType.INT8, quant)
    assert after.types["b0"] == TensorType((2,), DType.INT32, quant)
    assert after.types["v0"] == Net.image((1, 4, 4, 2), 2)
    assert after.types["w1"].quant == before.types["w1"].quant
    assert after.nodes == before.nodes
    assert refusals == []
    assert kept_channels(before, after, ONE) == {"v0": (0, 2)}
    assert layer_macs(before, after) == (LayerMacs("n0", 96, 64), LayerMacs("n1", 96, 64))


def test_a_channel_that_nothing_reads_goes() -> None:
    net = Net()
    y = net.conv("x", [[1, 2], [5, 6], [3, 4]], [7, 8, 9])
    after, refusals = run(net.graph(net.conv(y, [[1, 0, 1]], [100])))
    assert after.constants["b0"].array.tolist() == [7, 9]
    assert after.constants["b1"].array.tolist() == [100]
    assert refusals == []


def test_a_zero_point_goes_through_padding() -> None:
    """The constant contributes nothing, inside as outside."""
    net = Net()
    y = net.conv("x", [[1, 2], [0, 0]], [7, 0], zero_point=-5)
    y = net.depthwise(y, [1, 2], [30, 40])
    after, refusals = run(net.graph(net.conv(y, [[1, 1]], [0])))
    # round(40 / 2) = 20, with the zero point 0.
    assert after.constants["b2"].array.tolist() == [20]
    assert [after.types[name].shape[-1] for name in ("v0", "v1", "v2")] == [1, 1, 1]
    assert after.types["w1"].shape == (1, 3, 3, 1)
    assert refusals == []


def test_a_constant_stays_where_padding_makes_it_vary() -> None:
    net = Net()
    y = net.conv("x", [[1, 2], [0, 0]], [7, 8])
    graph = net.graph(net.conv(y, [[1, 1]], [0], pad=True))
    assert only(graph) == (
        "n0: 1 of 2 channels are constant but stay: n1 pads with a zero point that they differ from"
    )
    net = Net()
    y = net.depthwise(net.conv("x", [[1, 2], [0, 0]], [7, 8]), [1, 2], [0, 0])
    graph = net.graph(net.conv(y, [[1, 1]], [0]))
    assert only(graph).endswith("stay: n2 reads them as %v1, where they are not constant")


def test_a_bias_that_would_overflow() -> None:
    """Such a graph does not pass the check of conv2d; the pass does not rely on it alone."""
    net = Net()
    y = net.conv("x", [[1, 2], [0, 0]], [7, 16])
    graph = net.graph(net.conv(y, [[1, 100]], [2**31 - 800]))
    assert only(graph).endswith("stay: they do not fit into the int32 bias of n1")


def test_constants_of_outputs_and_of_what_is_not_understood_stay() -> None:
    rows, bias = [[1, 2], [0, 0]], [7, 8]
    net = Net()
    assert only(net.graph(net.conv("x", rows, bias))).endswith(
        "stay: %v0 is an output of the model"
    )
    net = Net()
    y = net.conv("x", rows, bias)
    graph = net.graph(net.node("softmax", [y], (1, 4, 4, 2)))
    assert only(graph).endswith("stay: n1 (softmax) needs all channels")
    net = Net()
    y = net.depthwise(net.conv("x", rows, bias), [1, 2, 3, 4], [0] * 4)
    graph = net.graph(net.conv(y, [[1, 1, 0, 0]], [0]))
    assert only(graph).endswith("stay: n1 (depthwise_conv2d) needs all channels")
    net = Net()
    y = net.depthwise("x", [0, 1], [8, 0])
    graph = net.graph(net.conv(y, [[1, 1]], [0]))
    assert only(graph) == "n0: 1 of 2 channels are constant but stay: %x is an input of the model"


def test_a_shared_constant_is_not_cut() -> None:
    net = Net()
    y = net.conv("x", [[1, 2], [0, 0]], [7, 8])
    y = net.conv(y, [[1, 1], [1, 2]], [0, 0])
    net.nodes[1] = replace(net.nodes[1], inputs=("v0", "w0", "b1"))
    graph = net.graph(y)
    result, refusals = run(graph)
    assert result is graph
    reason = "1 of 2 channels are constant but stay: n{0} shares its constant @w0"
    assert refusals == [f"n{i}: {reason.format(i)}" for i in range(2)]


@pytest.mark.parametrize("second", [[0, 0], [1, 1]])
def test_sums_lose_a_channel_on_both_sides_or_on_none(second: list[int]) -> None:
    net = Net()
    a = net.conv("x", [[1, 2], [0, 0]], [7, 8])
    b = net.conv("x", [[1, 3], second], [7, 8])
    y = net.node("add", [a, b], (1, 4, 4, 2), AddAttrs())
    graph = net.graph(net.conv(y, [[1, 1]], [5]))
    if any(second):
        assert only(graph).endswith("stay: n3 reads them as %v2, where they are not constant")
        return
    after, refusals = run(graph)
    assert refusals == []
    assert kept_channels(graph, after, ONE) == dict.fromkeys(("v0", "v1", "v2"), (0,))
    # 4 + 4, with scale 1/2 of the second filters.
    assert after.constants["b3"].array.tolist() == [13]


def test_constants_of_sums_are_cut_too() -> None:
    net = Net()
    net.constants |= {"c": Constant(np.array([3, 4], np.int8))}
    net.types |= {"c": Net.image((2,))}
    a = net.conv("x", [[1, 2], [0, 0]], [7, 8])
    y = net.node("add", [a, "c"], (1, 4, 4, 2), AddAttrs())
    after, _ = run(net.graph(net.conv(y, [[1, 1]], [5])))
    assert after.constants["c"] == Constant(np.array([3], np.int8))
    assert after.types["c"] == Net.image((1,))
    assert after.constants["b2"].array.tolist() == [5 + 4 + 4]


def test_a_flattened_image_loses_columns() -> None:
    net = Net()
    y = net.conv("x", [[1, 2], [0, 0]], [7, 8])
    y = net.node("reshape", [y], (1, 32), ReshapeAttrs((-1, 32)))
    operands = net.weights(np.arange(32).reshape(1, 32), [0], 0)
    graph = net.graph(net.node("fully_connected", [y, *operands], (1, 1), FullyConnectedAttrs()))
    after, refusals = run(graph)
    assert refusals == []
    assert after.nodes[1].attrs == ReshapeAttrs((-1, 16))
    assert after.types["v1"].shape == (1, 16)
    assert after.constants["w2"] == Constant(np.arange(0, 32, 2, np.int8).reshape(1, 16))
    # The constant 4 is read with every odd weight.
    assert after.constants["b2"].array.tolist() == [4 * sum(range(1, 32, 2))]


def test_a_constant_output_needs_no_weights() -> None:
    """Filter 0 saturates: the output stays, but what it reads varies and goes nevertheless."""
    net = Net()
    y = net.conv("x", [[1, 2], [3, 4]], [7, 8])
    graph = net.graph(net.conv(y, [[1, 0], [0, 1]], [-40000, 0]))
    after, refusals = run(graph)
    assert kept_channels(graph, after, ONE) == {"v0": (1,)}
    assert after.constants["w1"].array.ravel().tolist() == [0, 1]
    # The lowest sum of the filter.
    assert after.constants["b1"].array.tolist() == [-40128, 0]
    assert refusals == ["n1: 1 of 2 channels are constant but stay: %v1 is an output of the model"]


def test_counts_are_rounded_up_with_constants() -> None:
    """Channels 3, 7 are needed, 4 and 5 are constant; 0 would need a channel that is gone."""
    net = Net()
    y = net.conv("x", np.eye(2), [0, 0])
    rows = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 0], [0, 0], [1, 0], [0, 1]])
    y = net.conv(y, rows, [0, 0, 0, 0, 8, 9, 0, 0])
    graph = net.graph(net.conv(y, [[0, 0, 0, 1, 1, 1, 0, 1]], [0]))
    assert kept_channels(graph, run(graph)[0], ONE) == {"v0": (1,), "v1": (3, 7)}
    pass_ = RemoveConstantChannels()
    after, refusals = run(graph, pass_)
    assert kept_channels(graph, after) == {"v1": (3, 4, 5, 7)}
    assert refusals == []
    with pytest.raises(InternalError, match=r"%v0 has 2 channels; g without constant"):
        kept_channels(graph, after, ONE)


def test_at_least_one_channel_stays() -> None:
    net = Net()
    y = net.conv("x", [[0, 0], [0, 0]], [7, 8])
    graph = net.graph(net.conv(y, [[1, 1], [1, 2]], [0, 0]))
    after, _ = run(graph)
    assert kept_channels(graph, after, ONE) == {"v0": (0,)}
