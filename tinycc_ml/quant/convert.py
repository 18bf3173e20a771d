"""Builds the integer graph, node by node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, Constant, Graph, Node, QuantParams, TensorType
from tinycc_ml.ops import bind, op
from tinycc_ml.quant.linear import CHANNEL_AXIS, WEIGHTED
from tinycc_ml.quant.options import Interface
from tinycc_ml.quant.ranges import affine

_INT32 = np.iinfo(np.int32)


class IntegerBuilder:
    """The integer graph while it grows; values keep their names.

    Attributes:
        types: Of all values so far.
        constants: By name.
        nodes: So far.
    """

    def __init__(
        self, graph: Graph, quants: Mapping[str, QuantParams], interface: Interface
    ) -> None:
        self.graph = graph
        self.interface = interface
        self.constants: dict[str, Constant] = {}
        self.nodes: list[Node] = []
        self.inputs: list[str] = []
        self.types: dict[str, TensorType] = {}
        for name, type_ in graph.types.items():
            if name in quants:
                self.types[name] = replace(type_, dtype=DType.INT8, quant=quants[name])
            elif name not in graph.constants:
                self.types[name] = type_
        for name in graph.inputs:
            self._input(name)

    def _input(self, name: str) -> None:
        is_converted = self.interface == "float32" and self.types[name].dtype is DType.INT8
        given = f"{name}_float" if is_converted else name
        self.inputs.append(given)
        if is_converted:
            self.types[given] = self.graph.types[name]
            self.nodes.append(Node(f"quantize_{_id(name)}", "quantize", (given,), (name,)))

    def weighted(self, node: Node, weight: Array, scales: Array, bias: Array, dtype: DType) -> None:
        """A layer with weights.

        Args:
            node: The float node.
            weight: Integers of the operator's shape.
            scales: One for each output channel.
            bias: Real numbers, one for each output channel.
            dtype: Of the weight: int8 or int4.
        """
        x = self.types[node.inputs[0]].quant
        assert x  # the caller has chosen it
        names = f"{node.name}_weight", f"{node.name}_bias"
        # A bias of constant weights 0 still needs a unit that is a usable scale.
        unit = np.float64(x.scale) * scales.astype(np.float64)
        steps = np.clip(np.rint(bias / unit), _INT32.min, _INT32.max).astype(np.int32)
        axis = CHANNEL_AXIS[node.op]
        quant = QuantParams(tuple(map(float, scales)), (0,) * len(scales), axis)
        self.types[names[0]] = TensorType(weight.shape, dtype, quant)
        self.types[names[1]] = TensorType(steps.shape, DType.INT32)
        self.constants[names[0]] = Constant(weight.astype(np.int8))
        self.constants[names[1]] = Constant(steps)
        self._append(replace(node, inputs=(node.inputs[0], *names)))

    def other(self, node: Node) -> None:
        """Any other node; its float constants become int8."""
        assert node.op not in WEIGHTED
        inputs = tuple(self._operand(node, name) for name in node.inputs)
        self._append(replace(node, inputs=inputs))

    def _operand(self, node: Node, name: str) -> str:
        if name not in self.graph.constants:
            return name
        constant, type_ = self.graph.constants[name], self.graph.types[name]
        if type_.dtype is not DType.FLOAT32:
            self.constants[name], self.types[name] = constant, type_
            return name
        array = constant.array
        quant = affine(float(array.min(initial=0)), float(array.max(initial=0)))
        steps = np.rint(array / np.float32(quant.scale)) + quant.zero_point
        self.constants[name] = Constant(np.clip(steps, -128, 127).astype(np.int8))
        self.types[name] = replace(type_, dtype=DType.INT8, quant=quant)
        return name

    def _append(self, node: Node) -> None:
        probe = replace(
            self.graph, nodes=(node,), types=self.types, constants=self.constants, states=()
        )
        problem = op(node.op).check(bind(probe, node))
        if problem is not None:
            raise UnsupportedError(
                f"{node.name} ({node.origin}): {node.op} cannot be quantized to int8: {problem}"
            )
        self.nodes.append(node)

    def partial(self) -> Graph:
        """The graph so far, for running its nodes."""
        return replace(self.graph, nodes=(), types=self.types, constants=self.constants, states=())

    def result(self) -> Graph:
        """The finished graph."""
        outputs: list[str] = []
        for name in self.graph.outputs:
            if self.interface == "int8" or self.types[name].dtype is not DType.INT8:
                outputs.append(name)
                continue
            real = f"{name}_float"
            self.types[real] = self.graph.types[name]
            self.nodes.append(Node(f"dequantize_{_id(name)}", "dequantize", (name,), (real,)))
            outputs.append(real)
        return Graph(
            self.graph.name,
            tuple(self.nodes),
            self.types,
            self.constants,
            tuple(self.inputs),
            tuple(outputs),
        )


def _id(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name.lower())
