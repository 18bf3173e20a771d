"""An ONNX graph while it grows: nodes, tensors, and the float form of each of our values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Graph, Node, QuantParams
from tinycc_ml.numerics import pack_int4


class OnnxWriter:
    """Nodes and tensors of the file.

    Our values of integers are written as what DequantizeLinear makes of them: as our graph has
    them (*plain*), or with channels first (*image*).

    Attributes:
        graph: What is written.
        opset: Version of the operators.
        nodes: So far.
        tensors: Initializers so far.
        plain_names: For each value of ours its plain form, where there is one.
        image_names: The same for the form with channels first.
        integer_names: For each value of ours that is computed its integers.
    """

    def __init__(self, graph: Graph, opset: int) -> None:
        self.graph = graph
        self.opset = opset
        self.nodes: list[NodeProto] = []
        self.tensors: list[TensorProto] = []
        self.plain_names: dict[str, str] = {}
        self.image_names: dict[str, str] = {}
        self.integer_names: dict[str, str] = {}
        self._names: set[str] = set()

    def name(self, base: str) -> str:
        """A name like that which nothing has yet."""
        name, number = base, 2
        while name in self._names:
            name, number = f"{base}_{number}", number + 1
        self._names.add(name)
        return name

    def tensor(self, name: str, array: Array, dtype: DType | None = None) -> str:
        """An initializer; of 4 bits where the dtype says so."""
        name = self.name(name)
        if dtype is DType.INT4:
            packed = pack_int4(array).tobytes()
            self.tensors.append(
                helper.make_tensor(name, TensorProto.INT4, array.shape, packed, raw=True)
            )
            return name
        self.tensors.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def emit(self, op_type: str, inputs: Sequence[str], result: str, **attributes: Any) -> str:
        """Appends a node with one output of about that name, which is returned."""
        name = self.name(result)
        self.nodes.append(helper.make_node(op_type, list(inputs), [name], name, **attributes))
        return name

    def plain(self, name: str) -> str:
        """The float form of a value, its dimensions as our graph has them."""
        if name not in self.plain_names:
            if name in self.graph.constants:
                self.plain_names[name] = self._constant(name)
            else:
                order = (0, *range(2, self._rank(name)), 1)
                self.plain_names[name] = self.emit(
                    "Transpose", [self.image_names[name]], f"{name}_nhwc", perm=order
                )
        return self.plain_names[name]

    def image(self, name: str) -> str:
        """The float form of a value with channels first."""
        if name not in self.image_names:
            rank = self._rank(name)
            self.image_names[name] = self.emit(
                "Transpose",
                [self.plain(name)],
                f"{name}_nchw",
                perm=(0, rank - 1, *range(1, rank - 1)),
            )
        return self.image_names[name]

    def _rank(self, name: str) -> int:
        return len(self.graph.types[name].shape)

    def _constant(self, name: str) -> str:
        type_, array = self.graph.types[name], self.graph.constants[name].array
        tensor = self.tensor(name, array, type_.dtype)
        return tensor if type_.quant is None else self.dequantized(tensor, type_.quant, type_.dtype)

    def dequantized(self, tensor: str, quant: QuantParams, dtype: DType) -> str:
        """The numbers that integers of a type stand for."""
        attributes = {} if quant.axis is None else {"axis": quant.axis}
        inputs = [tensor, *self._parameters(tensor, quant, dtype)]
        return self.emit("DequantizeLinear", inputs, f"{tensor}_real", **attributes)

    def _parameters(self, base: str, quant: QuantParams, dtype: DType) -> tuple[str, str]:
        scales, zeros = np.array(quant.scales, np.float32), np.array(quant.zero_points, dtype.numpy)
        if quant.axis is None:
            scales, zeros = scales.reshape(()), zeros.reshape(())
        return (
            self.tensor(f"{base}_scale", scales),
            self.tensor(f"{base}_zero_point", zeros, dtype),
        )

    def finish(self, node: Node, real: str, *, is_image: bool = False) -> None:
        """Notes what a float operator computed for a node; quantizes it as the node's output is."""
        (output,) = node.outputs
        type_ = self.graph.types[output]
        if type_.quant is not None:
            dtype = type_.dtype
            inputs = [real, *self._parameters(output, type_.quant, dtype)]
            steps = self.emit("QuantizeLinear", inputs, f"{output}_integers")
            self.integer_names[output] = steps
            real = self.dequantized(steps, type_.quant, dtype)
        (self.image_names if is_image else self.plain_names)[output] = real
