"""Float functions of one quantized value, as the table of their quantized results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant, Graph, Node, QuantParams, TensorType
from tinycc_ml.ops import bind, evaluate, integerize, op
from tinycc_ml.ops.real_functions import REAL_FUNCTIONS

#: Operators that compute each element from those at its own place.
ELEMENTWISE = frozenset(
    {"add", "sub", "mul", "relu", "relu6", "logistic"}
    | {function.name for function in REAL_FUNCTIONS}
)
_ENTRIES = 256
_VALUE = TensorType((_ENTRIES,), DType.FLOAT32)


def table_of(
    nodes: Sequence[Node],
    root: str,
    result: str,
    constants: Mapping[str, Constant],
    source: QuantParams,
    target: QuantParams,
) -> Array | None:
    """The int8 results of all int8 inputs, rounded as ONNX's QuantizeLinear does.

    Args:
        nodes: Elementwise float operators, in order.
        root: The float value that is dequantized.
        result: The float value that is quantized.
        constants: Constants of one element each.
        source: How the root is quantized.
        target: How the result is quantized.

    Returns:
        int8, (256,); ``None`` where an operator has no float form.
    """
    scalars = {name: Constant(c.array.reshape(1)) for name, c in constants.items()}
    types = {name: TensorType((1,), DType.FLOAT32) for name in scalars}
    types |= {root: _VALUE} | {n.outputs[0]: _VALUE for n in nodes}
    graph = Graph("table", tuple(nodes), types, scalars, (root,), (result,))
    if any(op(node.op).check(bind(graph, node)) is not None for node in nodes):
        return None
    integers = np.arange(DType.INT8.min, DType.INT8.max + 1) - source.zero_point
    with np.errstate(all="ignore"):
        reals = integers.astype(np.float32) * np.float32(source.scale)
        results = evaluate(integerize(graph), [reals])[result]
        steps = np.rint(np.nan_to_num(results / np.float32(target.scale), posinf=1e9, neginf=-1e9))
    limits = DType.INT8.min, DType.INT8.max
    table: Array = np.clip(steps.astype(np.int64) + target.zero_point, *limits).astype(np.int8)
    return table


def region(
    result: str, producers: Mapping[str, Node], roots: Mapping[str, str], scalars: frozenset[str]
) -> tuple[tuple[Node, ...], str] | None:
    """The elementwise nodes that make a value of one dequantized value and of scalars.

    Args:
        result: The value.
        producers: The node that computes each value, in order.
        roots: Dequantized values.
        scalars: Constants of one element.

    Returns:
        The nodes in order, and the dequantized value; ``None`` where it depends on more.
    """
    found: dict[str, Node] = {}
    used: set[str] = set()
    stack = [result]
    while stack:
        name = stack.pop()
        node = producers.get(name)
        if name in roots:
            used.add(name)
        elif name in scalars:
            continue
        elif node is None or node.op not in ELEMENTWISE:
            return None
        elif name not in found:
            found[name] = node
            stack += node.inputs
    if len(used) != 1 or not found:
        return None
    order = list(producers)
    return tuple(found[name] for name in sorted(found, key=order.index)), used.pop()
