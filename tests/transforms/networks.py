"""Small networks for the tests of passes, and the comparison of a graph before and after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinycc_ml.dtypes import DType, from_numpy
from tinycc_ml.graph import (
    Array,
    Constant,
    Graph,
    Node,
    OpAttrs,
    Pass,
    QuantParams,
    Refusal,
    Repeat,
    TensorType,
    run_passes,
)
from tinycc_ml.ops import bind, evaluate, integerize, op

Q = QuantParams((0.0625,), (3,))
OTHER_Q = QuantParams((0.046875,), (-7,))


class Net:
    """A graph while a test writes it down; nodes are called n0, n1, ..."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.types: dict[str, TensorType] = {}
        self.constants: dict[str, Constant] = {}
        self.inputs: list[str] = []

    def input(self, *shape: int, quant: QuantParams | None = None) -> str:
        """An input: float32, or int8 where it has a quantization."""
        name = f"x{len(self.inputs)}"
        self.types[name] = TensorType(shape, DType.INT8 if quant else DType.FLOAT32, quant)
        self.inputs.append(name)
        return name

    def constant(self, array: object, quant: QuantParams | None = None) -> str:
        """A constant; plain numbers are float32."""
        value = np.asarray(array)
        if value.dtype in (np.float64, np.int64):
            value = value.astype(np.float32)
        name = f"c{len(self.constants)}"
        self.constants[name] = Constant(value)
        self.types[name] = TensorType(value.shape, from_numpy(value.dtype), quant)
        return name

    def emit(
        self,
        operator: str,
        *inputs: str,
        attrs: OpAttrs | None = None,
        quant: QuantParams | None = None,
        dtype: DType | None = None,
    ) -> str:
        """A node; its result has the type of its first input, but for what is given."""
        attrs = attrs or OpAttrs()
        types = [self.types[name] for name in inputs]
        (shape,) = op(operator).infer(attrs, types)
        kept = types[0].dtype if dtype is None else dtype
        if quant is None and kept is types[0].dtype:
            quant = types[0].quant
        name = f"v{len(self.nodes)}"
        self.types[name] = TensorType(shape, kept, quant)
        self.nodes.append(Node(f"n{len(self.nodes)}", operator, inputs, (name,), attrs))
        return name

    def graph(self, *outputs: str) -> Graph:
        """The graph; each node has passed its operator's check."""
        graph = Graph(
            "m", tuple(self.nodes), self.types, self.constants, tuple(self.inputs), outputs
        )
        for node in graph.nodes:
            problem = op(node.op).check(bind(graph, node))
            assert problem is None, (node, problem)
        return graph


def random(seed: int, *shape: int) -> Array:
    """float32 of both signs."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def bytes_(seed: int, *shape: int) -> Array:
    """int8 of all values."""
    return np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)


def outputs(graph: Graph, seed: int = 0) -> list[Array]:
    """The outputs for inputs drawn from a seed."""
    inputs: list[Array] = []
    for i, name in enumerate(graph.inputs):
        type_ = graph.types[name]
        draw = random if type_.dtype is DType.FLOAT32 else bytes_
        inputs.append(
            3 * draw(seed + i, *type_.shape) if draw is random else draw(seed + i, *type_.shape)
        )
    values = evaluate(integerize(graph), inputs)
    return [values[name] for name in graph.outputs]


def run(graph: Graph, *passes: Pass | Repeat) -> tuple[Graph, tuple[Refusal, ...]]:
    """What passes make of a graph, and what they declined."""
    result, report = run_passes(graph, passes)
    return result, report.refusals


def ops(graph: Graph) -> list[str]:
    """The operators of a graph in order."""
    return [node.op for node in graph.nodes]


def same(graph: Graph, *passes: Pass | Repeat, rounding: float = 0.0) -> Graph:
    """The rewritten graph, whose interface and outputs must be those of the graph.

    Args:
        graph: Before.
        passes: What to run.
        rounding: How far floats may be apart, relative to the largest; 0 for bit by bit.
    """
    result, _ = run(graph, *passes)
    assert (result.inputs, result.outputs) == (graph.inputs, graph.outputs)
    for name in (*graph.inputs, *graph.outputs):
        assert result.types[name] == graph.types[name]
    for seed in range(3):
        for one, other in zip(outputs(graph, seed), outputs(result, seed), strict=True):
            if rounding:
                scale = max(float(np.abs(one).max()), 1e-30)
                assert np.abs(one.astype(np.float64) - other).max() <= rounding * scale
            else:
                assert one.tobytes() == other.tobytes()
    again, _ = run(result, *passes)
    assert again is result
    return result


def reasons(graph: Graph, *passes: Pass | Repeat) -> Sequence[str]:
    """What was declined, and that nothing was done."""
    result, refusals = run(graph, *passes)
    assert result is graph
    return [refusal.reason for refusal in refusals]
