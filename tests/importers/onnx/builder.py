"""Small ONNX models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from tinycc_ml.graph import Graph, verify_graph
from tinycc_ml.importers import Bindings
from tinycc_ml.importers.onnx import import_onnx_bytes

FLOAT = TensorProto.FLOAT


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> NodeProto:
    return helper.make_node(op, inputs, outputs, **attributes)


def model(
    nodes: Sequence[NodeProto],
    inputs: Mapping[str, Sequence[int | str | None]],
    outputs: Sequence[str],
    constants: Mapping[str, np.ndarray] | None = None,
    *,
    opset: int = 17,
    types: Mapping[str, int] | None = None,
    **more: Any,
) -> bytes:
    """The bytes of a model; inputs are float unless `types` says otherwise."""
    types = types or {}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, types.get(n, FLOAT), s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, types.get(n, FLOAT), None) for n in outputs],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in (constants or {}).items()],
    )
    imports = [helper.make_opsetid("", opset), *more.pop("opsets", [])]
    made = helper.make_model(graph, opset_imports=imports, ir_version=9, **more)
    return bytes(made.SerializeToString())


def imported(data: bytes, bindings: Bindings | None = None) -> Graph:
    return verify_graph(import_onnx_bytes(data, "m.onnx", bindings))


def ops(graph: Graph) -> list[str]:
    return [n.op for n in graph.nodes]


class Qdq:
    """A model in which every activation is quantized, as tools write them.

    Args:
        dtype: Of activations.
    """

    def __init__(self, dtype: type = np.int8, opset: int = 17) -> None:
        self.dtype = dtype
        self.opset = opset
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def constant(self, array: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = array
        return name

    def quantize(self, x: str, scale: float, zero_point: int) -> str:
        """QuantizeLinear; `zero_point` is that of int8."""
        self.nodes.append(node("QuantizeLinear", [x, *self._scale(scale, zero_point)], [f"{x}_q"]))
        return f"{x}_q"

    def dequantize(self, x: str, scale: float, zero_point: int) -> str:
        inputs = [x, *self._scale(scale, zero_point)]
        self.nodes.append(node("DequantizeLinear", inputs, [f"{x}_dq"]))
        return f"{x}_dq"

    def both(self, x: str, scale: float, zero_point: int) -> str:
        return self.dequantize(self.quantize(x, scale, zero_point), scale, zero_point)

    def weight(self, array: np.ndarray, scales: np.ndarray, axis: int = 0) -> str:
        """A dequantized constant, its zero points 0."""
        w = self.constant(array)
        zeros = self.constant(np.zeros(scales.shape, array.dtype))
        s = self.constant(scales.astype(np.float32))
        axes = {"axis": axis} if scales.ndim else {}
        self.nodes.append(node("DequantizeLinear", [w, s, zeros], [f"{w}_dq"], **axes))
        return f"{w}_dq"

    def add(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(node(op, inputs, [name], **attributes))
        return name

    def _scale(self, scale: float, zero_point: int) -> list[str]:
        offset = 128 if self.dtype is np.uint8 else 0
        return [
            self.constant(np.array(scale, np.float32)),
            self.constant(np.array(zero_point + offset, self.dtype)),
        ]

    def build(self, inputs: Mapping[str, Sequence[int]], outputs: Sequence[str]) -> bytes:
        return model(self.nodes, inputs, outputs, self.constants, opset=self.opset)
