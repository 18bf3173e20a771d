"""GRU layers between `dequantize` and `quantize` become integer ones.

What the layer is trained with stays as it is: int8 weights, and the scale that its output is
quantized to, which is also that of the hidden state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant, Graph, Node, OpAttrs, QuantParams, TensorType
from tinycc_ml.ops import bind, op
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.gru import GruAttrs
from tinycc_ml.ops.recurrent import RecurrentAttrs
from tinycc_ml.ops.reshape import ReshapeAttrs

_MOVING = ("reshape", "transpose")
_LIMITS = np.iinfo(np.int32)


def with_integer_gru(graph: Graph) -> Graph:
    """Replaces float GRU layers.

    Given: layers `recurrent` whose input and weights are dequantized, with constant bias and first
        state, and whose only result that is used is quantized with one scale.
    Result: a layer `gru` for each direction, and a `dequantize` behind them.
    """
    for node in graph.nodes:
        if node.op == "recurrent":
            graph = _Layer(graph, node).replaced()
    return graph


class _Layer:
    """One layer of a graph that is rewritten."""

    def __init__(self, graph: Graph, node: Node) -> None:
        self.graph, self.node = graph, node
        self.a = cast(RecurrentAttrs, node.attrs)
        self.producers = {name: n for n in graph.nodes for name in n.outputs}
        self.types, self.constants = dict(graph.types), dict(graph.constants)
        self.nodes: list[Node] = []

    def replaced(self) -> Graph:
        """The graph without the float layer, or as it was where that cannot be."""
        if self.a.kind != "gru" or not self.a.linear_before_reset or self.a.clip > 0:
            return self.graph
        x, weights = self._dequantized(0), [self._dequantized(i) for i in (1, 2)]
        quant, bias, first = self._target(), self._numbers(3), self._numbers(4)
        if x is None or quant is None or bias is None or first is None:
            return self.graph
        if any(name is None or name not in self.constants for name in weights):
            return self.graph
        results = [
            self._direction(d, x, cast(list[str], weights), bias, first, quant)
            for d in range(len(self.a.reverse))
        ]
        self._finish(results, quant)
        made = replace(
            self.graph,
            nodes=tuple(self._ordered()),
            types=self.types,
            constants=self.constants,
        )
        checks = (op(n.op).check(bind(made, n)) for n in self.nodes if n.op == "gru")
        return self.graph if any(checks) else made

    def _ordered(self) -> Iterator[Node]:
        for node in self.graph.nodes:
            if node is self.node:
                yield from self.nodes
            else:
                yield node

    # What is around.

    def _dequantized(self, position: int) -> str | None:
        """The int8 value behind an input."""
        producer = self.producers.get(self.node.inputs[position])
        if producer is None or producer.op != "dequantize":
            return None
        source = producer.inputs[0]
        return source if self.types[source].dtype is DType.INT8 else None

    def _numbers(self, position: int) -> Array | None:
        """A constant input's real numbers."""
        name = self.node.inputs[position]
        if name in self.constants:
            return self.constants[name].array.astype(np.float64)
        producer = self.producers.get(name)
        if producer is None or producer.op != "dequantize":
            return None
        source = producer.inputs[0]
        type_ = self.types[source]
        if source not in self.constants or type_.quant is None or type_.quant.axis is not None:
            return None
        steps = self.constants[source].array.astype(np.float64) - type_.quant.zero_point
        return np.asarray(steps * type_.quant.scale)

    def _target(self) -> QuantParams | None:
        """How the result is quantized, behind what only moves elements."""
        readers, (value, last) = self.graph.consumers(), self.node.outputs
        if readers[last] or not set(self.node.outputs).isdisjoint(self.graph.outputs):
            return None
        while len(readers[value]) == 1 and readers[value][0].op in _MOVING:
            (value,) = readers[value][0].outputs
            if value in self.graph.outputs:
                return None
        types = {self.types[r.outputs[0]] for r in readers[value] if r.op == "quantize"}
        if len(types) != 1 or any(r.op != "quantize" for r in readers[value]):
            return None
        (type_,) = types
        return type_.quant if type_.dtype is DType.INT8 else None

    # What is made.

    def _direction(
        self,
        d: int,
        x: str,
        weights: Sequence[str],
        bias: Array,
        first: Array,
        quant: QuantParams,
    ) -> str:
        """The layer of one direction; its result."""
        quants = [self._row_quant(name, d) for name in weights]
        half = bias.shape[1] // 2
        sources = cast(QuantParams, self.types[x].quant), quant
        inputs = [x]
        for name, row in zip(weights, quants, strict=True):
            inputs.append(self._constant(self.constants[name].array[d], row))
        for number, (row, source) in enumerate(zip(quants, sources, strict=True)):
            unit = np.array(row.scales) * source.scale
            steps = np.rint(bias[d, number * half : (number + 1) * half] / unit)
            inputs.append(
                self._constant(np.clip(steps, _LIMITS.min, _LIMITS.max).astype(np.int32), None)
            )
        state = first[:, d] if self.a.batch_first else first[d]
        steps = np.rint(state / quant.scale) + quant.zero_point
        inputs.append(self._constant(np.clip(steps, -128, 127).astype(np.int8), quant))
        attrs = GruAttrs(self.a.batch_first, self.a.reverse[d])
        return self._emit("gru", inputs, attrs, quant)

    def _row_quant(self, name: str, d: int) -> QuantParams:
        """The quantization of one direction's weight."""
        quant = cast(QuantParams, self.types[name].quant)
        if quant.axis is None:
            return quant
        if quant.axis == 0:
            return QuantParams((quant.scales[d],), (quant.zero_points[d],))
        return replace(quant, axis=quant.axis - 1)

    def _finish(self, results: Sequence[str], quant: QuantParams) -> None:
        """Both directions side by side, as real numbers again."""
        axis = 2 if self.a.batch_first else 1
        thin = []
        for name in results:
            shape = self.types[name].shape
            attrs = ReshapeAttrs((*shape[:axis], 1, *shape[axis:]))
            thin.append(self._emit("reshape", [name], attrs, quant))
        whole = thin[0]
        if len(thin) > 1:
            whole = self._emit("concatenation", thin, ConcatenationAttrs(axis), quant)
        name = f"{self.node.name}_dequantize"
        output = (self.node.outputs[0],)
        self.nodes.append(Node(name, "dequantize", (whole,), output, OpAttrs(), self.node.origin))

    def _constant(self, array: Array, quant: QuantParams | None) -> str:
        dtype = DType.INT8 if array.dtype == np.int8 else DType.INT32
        name = self._new(TensorType(tuple(array.shape), dtype, quant))
        self.constants[name] = Constant(np.ascontiguousarray(array))
        return name

    def _emit(
        self, operator: str, inputs: Sequence[str], attrs: OpAttrs, quant: QuantParams
    ) -> str:
        (shape,) = op(operator).infer(attrs, [self.types[name] for name in inputs])
        result = self._new(TensorType(shape, DType.INT8, quant))
        name = f"{self.node.name}_{operator}{len(self.nodes)}"
        self.nodes.append(Node(name, operator, tuple(inputs), (result,), attrs, self.node.origin))
        return result

    def _new(self, type_: TensorType) -> str:
        name = f"t{len(self.types)}"
        self.types[name] = type_
        return name
