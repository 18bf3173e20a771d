"""Our graph while it is being made: emits nodes, keeps types, brings values into other orders."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from tinycc_ml.dtypes import DType, from_numpy
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, Constant, Node, OpAttrs, Origin, QuantParams, TensorType
from tinycc_ml.importers.onnx.tensors import MAX_TENSOR_BYTES
from tinycc_ml.importers.onnx.values import Const, Value, identity
from tinycc_ml.ops import op
from tinycc_ml.ops.extension import extensions
from tinycc_ml.ops.registry import all_ops
from tinycc_ml.ops.reshape import ReshapeAttrs
from tinycc_ml.ops.transpose import TransposeAttrs

_MAX_NODES = 100_000
_UINT8_OFFSET = 128


class Builder:
    """Nodes, types and constants of a graph that grows.

    Attributes:
        nodes: In the order of execution.
        types: Of every value.
        constants: By value.
        origin: What new nodes come from.
    """

    def __init__(self, origin: Origin) -> None:
        self.nodes: list[Node] = []
        self.types: dict[str, TensorType] = {}
        self.constants: dict[str, Constant] = {}
        self.origin = origin
        self._known: dict[tuple[Constant, QuantParams | None, bool], str] = {}
        self._copies: dict[tuple[str, tuple[int, ...]], str] = {}
        self._node_names: set[str] = set()
        extensions()  # which registers them
        self._ops = frozenset(definition.name for definition in all_ops())

    def new_value(self, type_: TensorType) -> str:
        """A value of that type, that nothing computes yet.

        Raises:
            UnsupportedError: If no microcontroller could hold it.
        """
        if not 0 < type_.size_bytes <= MAX_TENSOR_BYTES:
            raise UnsupportedError(
                f"a tensor of shape {list(type_.shape)}: {type_.size_bytes} bytes; "
                f"allowed 1 ... {MAX_TENSOR_BYTES}"
            )
        name = f"t{len(self.types)}"
        self.types[name] = type_
        return name

    def emit(
        self,
        operator: str,
        inputs: list[str],
        attrs: OpAttrs | None = None,
        *,
        dtype: DType | None = None,
        quant: QuantParams | None = None,
    ) -> str:
        """Appends a node with one output; its shape is what the operator infers.

        Raises:
            UnsupportedError: If there is no such operator, or shapes and attributes do not fit.
        """
        (name,) = self.emit_all(operator, inputs, attrs, dtypes=[dtype], quant=quant)
        return name

    def emit_all(
        self,
        operator: str,
        inputs: list[str],
        attrs: OpAttrs | None = None,
        *,
        dtypes: list[DType | None],
        quant: QuantParams | None = None,
    ) -> tuple[str, ...]:
        """Appends a node with as many outputs as there are dtypes; ``None``: that of input 0.

        Raises:
            UnsupportedError: If there is no such operator, or shapes and attributes do not fit.
        """
        if operator not in self._ops:
            raise UnsupportedError(f"it needs the operator {operator}, which does not exist yet")
        if len(self.nodes) >= _MAX_NODES:
            raise UnsupportedError(f"the model has more than {_MAX_NODES} nodes")
        attrs = attrs or OpAttrs()
        types = [self.types[name] for name in inputs]
        shapes = op(operator).infer(attrs, types)
        outputs = tuple(
            self.new_value(TensorType(shape, dtype or types[0].dtype, quant))
            for shape, dtype in zip(shapes, dtypes, strict=True)
        )
        self.nodes.append(
            Node(self._node_name(operator), operator, tuple(inputs), outputs, attrs, self.origin)
        )
        return outputs

    def _node_name(self, operator: str) -> str:
        base = name = f"n{self.origin.index:02d}_{operator}"
        number = 2
        while name in self._node_names:
            name = f"{base}_{number}"
            number += 1
        self._node_names.add(name)
        return name

    def constant(
        self, array: Array, quant: QuantParams | None = None, *, is_int4: bool = False
    ) -> str:
        """The value that holds a constant; equal constants are held once.

        Args:
            array: The elements.
            quant: What they mean.
            is_int4: Whether int8 elements are of 4 bits in our graph too; they must fit.

        Raises:
            UnsupportedError: If there is no such element type.
        """
        if array.dtype in (np.float64, np.float16):
            raise UnsupportedError(f"a constant of {array.dtype}; allowed float32")
        try:
            dtype = from_numpy(array.dtype)
        except ValueError:
            raise UnsupportedError(f"a constant of {array.dtype}") from None
        if is_int4:
            dtype = DType.INT4
        constant = Constant(array)
        key = constant, quant, is_int4
        if key not in self._known:
            name = self.new_value(TensorType(tuple(array.shape), dtype, quant))
            self.constants[name] = constant
            self._known[key] = name
        return self._known[key]

    def number(self, item: Const) -> str:
        """The value of a constant; where it is dequantized, of a `dequantize` node over it."""
        s = item.scaling
        if s is None:
            return self.constant(item.array)
        array, zeros = item.array, s.zero_points.astype(np.int64)
        if array.dtype == np.uint8:
            array = (array.astype(np.int16) - _UINT8_OFFSET).astype(np.int8)
            zeros = zeros - _UINT8_OFFSET
        array, zeros = _without_zero_points(array, zeros, s.axis)
        scales = tuple(float(scale) for scale in np.atleast_1d(s.scales.astype(np.float32)))
        points = tuple(int(z) for z in np.broadcast_to(np.atleast_1d(zeros), (len(scales),)))
        axis = s.axis if len(scales) > 1 else None
        quant = QuantParams(scales, points, axis)
        fits = array.size > 0 and DType.INT4.min <= array.min() and array.max() <= DType.INT4.max
        name = self.constant(array, quant, is_int4=s.is_int4 and bool(fits))
        return self.emit("dequantize", [name], dtype=DType.FLOAT32)

    def stored(self, item: Const | Value, order: tuple[int, ...]) -> str:
        """The name of a value with its dimensions in that order; a copy only where it must be.

        Raises:
            UnsupportedError: If elements have to change places, and cannot.
        """
        if isinstance(item, Const):
            return self.number(item.transposed(order))
        if item.is_unsigned:
            item = self.as_unsigned(item)
        if item.order == order:
            return item.name
        key = item.name, order
        if key not in self._copies:
            shape = tuple(item.shape[d] for d in order)
            if _moves_nothing(item, order):
                self._copies[key] = self.view(item.name, shape)
            else:
                permutation = tuple(item.order.index(d) for d in order)
                self._copies[key] = self._transposed(item.name, permutation)
        return self._copies[key]

    def view(self, name: str, shape: tuple[int, ...]) -> str:
        """The same elements under another shape."""
        type_ = self.types[name]
        if type_.shape == shape:
            return name
        return self.emit("reshape", [name], ReshapeAttrs(shape), quant=type_.quant)

    def _transposed(self, name: str, permutation: tuple[int, ...]) -> str:
        quant = self.types[name].quant
        return self.emit("transpose", [name], TransposeAttrs(permutation), quant=quant)

    def plain(self, item: Const | Value) -> str:
        """The name of a value in the file's own order of dimensions."""
        return self.stored(item, identity(len(item.shape)))

    def wrap(self, name: str, order: tuple[int, ...] | None = None) -> Value:
        """A value of our graph as the file sees it."""
        stored = self.types[name].shape
        order = order or identity(len(stored))
        return Value(name, tuple(stored[order.index(d)] for d in range(len(stored))), order)

    def reshaped(self, item: Value, shape: tuple[int, ...]) -> Value:
        """The same elements, in the file's order, under another shape."""
        if shape == item.shape:
            return item
        if _extents(item.shape) == _extents(shape):
            return self._with_other_ones(item, shape)
        raw = replace(item, is_unsigned=False)
        name = self.view(self.plain(raw), shape)
        return replace(self.wrap(name), is_unsigned=item.is_unsigned)

    def _with_other_ones(self, item: Value, shape: tuple[int, ...]) -> Value:
        """With dimensions of 1 elsewhere; the others keep the order they are stored in."""
        long = dict(zip(_longer(item.shape), _longer(shape), strict=True))
        stored = [long[d] for d in item.order if d in long]
        order = identity(len(shape))
        if stored != sorted(stored):
            order = (*(d for d in order if shape[d] == 1), *stored)
        name = self.view(item.name, tuple(shape[d] for d in order))
        return Value(name, shape, order, item.is_unsigned)

    def as_unsigned(self, item: Value) -> Value:
        """The uint8 values that the file means, made of our int8 ones."""
        quant = self.types[item.name].quant
        assert quant  # only quantize makes such values
        shifted = QuantParams(quant.scales, (quant.zero_point + _UINT8_OFFSET,))
        name = self.emit("quantize", [item.name], dtype=DType.UINT8, quant=shifted)
        return replace(item, name=name, is_unsigned=False)


def _without_zero_points(array: Array, zeros: Array, axis: int | None) -> tuple[Array, Array]:
    """Zero points taken from the elements, where these then still are int8."""
    if array.dtype != np.int8 or not zeros.any():
        return array, zeros
    shape = [1] * array.ndim
    if axis is not None:
        shape[axis] = -1
    moved = array.astype(np.int64) - zeros.reshape(shape if zeros.ndim else ())
    if moved.size and (moved.min() < DType.INT8.min or moved.max() > DType.INT8.max):
        return array, zeros
    return moved.astype(np.int8), np.zeros_like(zeros)


def _longer(shape: tuple[int, ...]) -> list[int]:
    """The dimensions of more than one element (or of none)."""
    return [d for d, extent in enumerate(shape) if extent != 1]


def _extents(shape: tuple[int, ...]) -> list[int]:
    return [shape[d] for d in _longer(shape)]


def _moves_nothing(item: Value, order: tuple[int, ...]) -> bool:
    """Whether only dimensions of 1 change places."""
    moved = [d for d in item.order if item.shape[d] != 1]
    return prod(item.shape) <= 1 or moved == [d for d in order if item.shape[d] != 1]
