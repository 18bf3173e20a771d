"""Operators between `dequantize` and `quantize` become integer operators.

The arithmetic is TensorFlow Lite's: results may differ by one step from what floats between the
same scales would give.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant, Graph, Node, OpAttrs, QuantParams, TensorType
from tinycc_ml.importers.onnx.tables import region, table_of
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.convolution import PACKED_WEIGHT
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs

#: Operators with a weight and a bias.
_WEIGHTED = frozenset({"conv2d", "conv3d", "depthwise_conv2d", "fully_connected", "transpose_conv"})
#: Operators whose integer form takes inputs and gives an output of any scale.
_RESCALING = frozenset(
    {"add", "sub", "mul", "mean", "relu", "relu6", "batch_matmul", "squared_difference"}
)
#: ... of these, those with a fused activation.
_WITH_ACTIVATION = frozenset({"add", "sub", "mul"})
#: Operators whose integer output holds 0 ... 1 in steps of 1/256.
_PROBABILITY = frozenset({"softmax"})
#: Operators that only move or choose elements: they are the same before and after dequantization.
_MOVING = frozenset(
    {"reshape", "concatenation", "pad", "max_pool2d", "transpose", "slice", "take", "tile"}
    | {"reduce_max", "reduce_min", "resize_bilinear", "gather"}
)
_FUSED = {"relu": Activation.RELU, "relu6": Activation.RELU6}
_PROBABILITY_QUANT = QuantParams((1 / 256,), (-128,))
_SAME_SCALE = 1e-6


def use_integers(graph: Graph) -> Graph:
    """Replaces float operators between quantized values.

    Given: `dequantize` and `quantize` nodes around float operators.
    Result: an operator all of whose inputs are dequantized int8 values or constants, and whose
        result is only quantized (maybe through one activation), is an integer operator. What only
        moves elements is done before `dequantize`. Nothing dead is left.
    """
    return _Rewriter(graph).result()


@dataclass(frozen=True, slots=True)
class _Target:
    """Where an operator's result goes.

    Attributes:
        quant: How it is quantized there.
        value: The quantized value.
        nodes: The nodes on the way, and all nodes that quantize.
        activation: The activation on the way.
        moves: Nodes on the way that only move elements.
    """

    quant: QuantParams
    value: str
    nodes: tuple[Node, ...]
    activation: Activation
    moves: tuple[Node, ...]


class _Rewriter:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.types = dict(graph.types)
        self.constants = dict(graph.constants)
        self.nodes: list[Node] = []
        self.readers = graph.consumers()
        #: For each float value the int8 value that it is made of.
        self.integers: dict[str, str] = {}
        #: Names of values that turned out to be other values.
        self.aliases: dict[str, str] = {}
        self.done: set[str] = set()
        self.names = {node.name for node in graph.nodes}

    def result(self) -> Graph:
        self._unpack()
        for node in self.graph.nodes:
            if node.name not in self.done:
                self._node(replace(node, inputs=tuple(map(self._alias, node.inputs))))
        rewritten = _without_dead(
            replace(
                self.graph,
                nodes=tuple(self.nodes),
                types=self.types,
                constants=self.constants,
                outputs=tuple(map(self._alias, self.graph.outputs)),
            )
        )
        return _without_dead(_folded(rewritten))

    def _unpack(self) -> None:
        """Constants of 4 bits that are anything else than weights become int8."""
        for name, type_ in self.graph.types.items():
            if type_.dtype is DType.INT4:
                floats = {node.outputs[0] for node in self.readers[name]}
                uses = [(n, n.inputs.index(f)) for f in floats for n in self.readers[f]]
                if not all(n.op in PACKED_WEIGHT and position == 1 for n, position in uses):
                    self.types[name] = replace(type_, dtype=DType.INT8)

    def _alias(self, name: str) -> str:
        return self.aliases.get(name, name)

    def _node(self, node: Node) -> None:
        handled = False
        if node.op == "dequantize" and self.types[node.inputs[0]].dtype.bits <= 8:
            self.integers[node.outputs[0]] = node.inputs[0]
        elif node.op == "quantize" and node.inputs[0] in self.integers:
            handled = self._requantize(node)
        elif node.op == "quantize":
            handled = self._tabulated(node)
        elif node.op in _MOVING:
            handled = self._move(node)
        elif node.op == "average_pool2d":
            handled = self._average(node)
        elif node.op in _WEIGHTED:
            handled = self._weighted(node)
        elif node.op in _RESCALING:
            handled = self._rescaling(node)
        elif node.op in _PROBABILITY:
            handled = self._probability(node)
        if not handled:
            self.nodes.append(node)

    # What leads to and from a node.

    def _target(self, node: Node, *, fuse: bool = True) -> _Target | None:
        """Where the result goes, if it goes to equal `quantize` nodes only."""
        value, on_the_way, moves = node.outputs[0], list[Node](), list[Node]()
        activation = Activation.NONE
        readers = self.readers[value]
        while len(readers) == 1 and self._is_inner(value):
            (reader,) = readers
            if fuse and reader.op in _FUSED and activation is Activation.NONE:
                activation = _FUSED[reader.op]
            elif reader.op in ("reshape", "transpose"):
                moves.append(reader)
            else:
                break
            on_the_way.append(reader)
            value = reader.outputs[0]
            readers = self.readers[value]
        if not readers or not self._is_inner(value) or any(r.op != "quantize" for r in readers):
            return None
        types = {self.types[r.outputs[0]] for r in readers}
        first = next(iter(types))
        if len(types) != 1 or first.dtype is not DType.INT8 or first.quant is None:
            return None
        nodes, result = (*on_the_way, *readers), readers[0].outputs[0]
        return _Target(first.quant, result, nodes, activation, tuple(moves))

    def _output(self, node: Node, target: _Target) -> str:
        """The int8 value that a node has to compute for its target."""
        if not target.moves:
            return target.value
        return self._new(TensorType(self.types[node.outputs[0]].shape, DType.INT8, target.quant))

    def _is_inner(self, value: str) -> bool:
        return value not in self.graph.outputs

    def _arrive(self, target: _Target, value: str) -> None:
        """Moves a computed value to where its target is, and notes that it is there."""
        for i, move in enumerate(target.moves):
            is_last = i == len(target.moves) - 1
            shape = self.types[move.outputs[0]].shape
            moved = TensorType(shape, DType.INT8, target.quant)
            result = target.value if is_last else self._new(moved)
            self._emit(move, move.op, (value,), result, move.attrs)
            value = result
        quantizers = [n for n in target.nodes if n.op == "quantize"]
        self.aliases.update({n.outputs[0]: target.value for n in quantizers[1:]})
        self.done.update(n.name for n in target.nodes)

    def _scale(self, name: str) -> TensorType | None:
        """The type of the int8 value behind a float one."""
        return self.types[self.integers[name]] if name in self.integers else None

    def _new(self, type_: TensorType) -> str:
        name = f"t{len(self.types)}"
        self.types[name] = type_
        return name

    def _emit(
        self,
        like: Node,
        op: str,
        inputs: tuple[str, ...],
        output: str,
        attrs: OpAttrs | None = None,
    ) -> None:
        base = name = like.name if op == like.op else f"{like.name}_{op}"
        number = 2
        while name in self.names and not (name == like.name and op == like.op):
            name = f"{base}_{number}"
            number += 1
        self.names.add(name)
        if any(node.name == name for node in self.nodes[-4:]):
            name = f"{name}_again"
        self.nodes.append(Node(name, op, inputs, (output,), attrs or OpAttrs(), like.origin))

    # Kinds of nodes.

    def _requantize(self, node: Node) -> bool:
        source, result = self.integers[node.inputs[0]], node.outputs[0]
        if self.types[source] == self.types[result] and result not in self.graph.outputs:
            self.aliases[result] = source
            return True
        self._emit(node, "quantize", (source,), result)
        return True

    def _move(self, node: Node) -> bool:
        # Behind what `gather` moves are its indices.
        count = 1 if node.op == "gather" else len(node.inputs)
        sources = [self.integers.get(name) for name in node.inputs[:count]]
        found = [name for name in sources if name is not None]
        if len(found) != len(sources):
            return False
        quants = {self.types[name].quant for name in found}
        if node.op == "gather" and any(q is not None and q.axis is not None for q in quants):
            return False
        target = self._target(node, fuse=False)
        if len(quants) == 1:
            quant = self.types[found[0]].quant
        elif target is not None:
            quant = target.quant
        else:
            return False
        inputs = (*(self._as(node, name, quant) for name in found), *node.inputs[count:])
        result = node.outputs[0]
        moved = self._new(replace(self.types[result], dtype=DType.INT8, quant=quant))
        self._emit(node, node.op, inputs, moved, node.attrs)
        self._emit(node, "dequantize", (moved,), result)
        self.integers[result] = moved
        return True

    def _as(self, like: Node, name: str, quant: QuantParams | None) -> str:
        if self.types[name].quant == quant:
            return name
        scaled = self._new(replace(self.types[name], quant=quant))
        self._emit(like, "quantize", (name,), scaled)
        return scaled

    def _average(self, node: Node) -> bool:
        source, target = self._scale(node.inputs[0]), self._target(node)
        if source is None or target is None:
            return False
        attrs = cast(Pool2DAttrs, node.attrs)
        name, output = self.integers[node.inputs[0]], self._output(node, target)
        activated = replace(attrs, activation=target.activation)
        if source.quant == target.quant:
            self._emit(node, node.op, (name,), output, activated)
        elif attrs.kernel == source.shape[1:3] and target.activation is Activation.NONE:
            # The mean of the whole image rounds once; pooling and scaling would round twice.
            self._emit(node, "mean", (name,), output, MeanAttrs((1, 2), keep_dims=True))
        else:
            pooled = self._new(replace(self.types[output], quant=source.quant))
            self._emit(node, node.op, (name,), pooled, activated)
            self._emit(node, "quantize", (pooled,), output)
        self._arrive(target, output)
        return True

    def _weighted(self, node: Node) -> bool:
        x, target = self._scale(node.inputs[0]), self._target(node)
        weight = self.integers.get(node.inputs[1])
        if x is None or target is None or weight is None or weight not in self.constants:
            return False
        w = self.types[weight].quant
        bias = self._bias_numbers(node.inputs[2])
        if bias is None or w is None or x.quant is None or not np.isfinite(bias).all():
            return False
        inputs = (self.integers[node.inputs[0]], weight, self._bias(bias, x.quant, w))
        attrs = replace(cast(Pool2DAttrs, node.attrs), activation=target.activation)
        output = self._output(node, target)
        self._emit(node, node.op, inputs, output, attrs)
        self._arrive(target, output)
        return True

    def _bias_numbers(self, name: str) -> Array | None:
        """A bias as float64; of a dequantized one without rounding to float32."""
        if name in self.constants:
            return self.constants[name].array.astype(np.float64)
        for node in reversed(self.nodes):
            if name in node.outputs and node.op == "dequantize":
                constant, quant = (
                    self.constants.get(node.inputs[0]),
                    self.types[node.inputs[0]].quant,
                )
                if constant is None or quant is None:
                    return None
                zeros = np.array(quant.zero_points, np.float64)
                difference: Array = constant.array - zeros
                return np.asarray(difference * np.array(quant.scales))
        return None

    def _bias(self, numbers: Array, x: QuantParams, w: QuantParams) -> str:
        unit = np.array([float(x.scale) * float(scale) for scale in w.scales])
        limits = np.iinfo(np.int32)
        steps = np.clip(np.rint(numbers / unit), limits.min, limits.max).astype(np.int32)
        name = self._new(TensorType(steps.shape, DType.INT32))
        self.constants[name] = Constant(steps)
        return name

    def _rescaling(self, node: Node) -> bool:
        target = self._target(node, fuse=node.op in _WITH_ACTIVATION)
        inputs = [self.integers.get(name) for name in node.inputs]
        found = tuple(name for name in inputs if name is not None)
        if target is None or len(found) != len(inputs):
            return False
        attrs = node.attrs
        if target.activation is not Activation.NONE:
            attrs = replace(cast(Pool2DAttrs, attrs), activation=target.activation)
        output = self._output(node, target)
        self._emit(node, node.op, found, output, attrs)
        self._arrive(target, output)
        return True

    def _tabulated(self, node: Node) -> bool:
        """Makes a table of float operators between a dequantized value and this `quantize`."""
        output = self.types[node.outputs[0]]
        producers = {n.outputs[0]: n for n in self.nodes}
        scalars = frozenset(n for n, c in self.constants.items() if c.array.size == 1)
        found = region(node.inputs[0], producers, self.integers, scalars)
        if found is None or output.quant is None or output.dtype is not DType.INT8:
            return False
        nodes, root = found
        source = self.types[self.integers[root]].quant
        if source is None or self.types[root].shape != output.shape:
            return False
        used = {name: self.constants[name] for n in nodes for name in n.inputs if name in scalars}
        table = table_of(nodes, root, node.inputs[0], used, source, output.quant)
        if table is None:
            return False
        name = self._new(TensorType(table.shape, DType.INT8))
        self.constants[name] = Constant(table)
        self._emit(nodes[-1], "table", (self.integers[root], name), node.outputs[0])
        return True

    def _probability(self, node: Node) -> bool:
        target = self._target(node, fuse=False)
        if node.inputs[0] not in self.integers or target is None:
            return False
        value = output = self._output(node, target)
        if target.quant != _PROBABILITY_QUANT:
            value = self._new(replace(self.types[output], quant=_PROBABILITY_QUANT))
        self._emit(node, node.op, (self.integers[node.inputs[0]],), value, node.attrs)
        if value != output:
            self._emit(node, "quantize", (value,), output)
        self._arrive(target, output)
        return True


def _folded(graph: Graph) -> Graph:
    """Constants that are still dequantized at run time become float constants."""
    constants = dict(graph.constants)
    kept: list[Node] = []
    for node in graph.nodes:
        source = node.inputs[0]
        if node.op != "dequantize" or source not in graph.constants:
            kept.append(node)
            continue
        array, quant = graph.constants[source].array, graph.types[source].quant
        assert quant  # the builder makes no others
        shape = [1] * array.ndim
        if quant.axis is not None:
            shape[quant.axis] = -1
        zeros = np.array(quant.zero_points, np.int64).reshape(shape if array.ndim else ())
        scales = np.array(quant.scales, np.float32).reshape(shape if array.ndim else ())
        floats = (array.astype(np.int64) - zeros).astype(np.float32) * scales
        constants[node.outputs[0]] = Constant(floats)
    return replace(graph, nodes=tuple(kept), constants=constants)


def _without_dead(graph: Graph) -> Graph:
    """The graph without what no output depends on."""
    needed = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if not needed.isdisjoint(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
    needed.update(graph.inputs)
    needed.update(name for node in kept for name in node.outputs)
    return replace(
        graph,
        nodes=tuple(reversed(kept)),
        types={name: type_ for name, type_ in graph.types.items() if name in needed},
        constants={name: c for name, c in graph.constants.items() if name in needed},
    )
