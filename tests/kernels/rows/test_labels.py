"""Layers of one operator of the file are told apart in a group."""

from __future__ import annotations

from dataclasses import replace

from tests.transforms.networks import Net
from tinycc_ml.kernels import select
from tinycc_ml.memplan import Streaming
from tinycc_ml.ops import integerize
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs


def test_layers_whose_names_begin_alike() -> None:
    net = Net()
    x = net.emit("relu", net.input(1, 12, 12, 3))
    x = net.emit("pad", x, attrs=PadAttrs((0, 1, 1, 0), (0, 1, 1, 0)))
    x = net.emit("average_pool2d", x, attrs=Pool2DAttrs((3, 3)))
    graph = net.graph(net.emit("relu", x))
    names = ("n00_relu", "n02_pad", "n02_average_pool2d", "n03_relu")
    nodes = tuple(replace(n, name=name) for n, name in zip(graph.nodes, names, strict=True))
    layers = integerize(graph.with_nodes(nodes))
    program = select(layers, frozenset(), "portable")
    streamed = Streaming(program, layers, frozenset(), "external", portable=True).smallest()
    groups = [{layer.layer for layer in call.group} for call in streamed.program.calls]
    assert any({"n02_pad", "n02_average_pool2d"} <= group for group in groups), groups
