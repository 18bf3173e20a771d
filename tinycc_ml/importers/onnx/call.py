"""What a row of the operator table sees of one node; every accessor checks what it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import AttributeProto, NodeProto, TensorProto

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import ModelFileError, UnsupportedError
from tinycc_ml.graph import Array, OpAttrs
from tinycc_ml.importers.flatbuffer import one_line
from tinycc_ml.importers.onnx.builder import Builder
from tinycc_ml.importers.onnx.tensors import TensorReader
from tinycc_ml.importers.onnx.values import Const, Item, Unknown, Value
from tinycc_ml.importers.onnx.values import Sequence as Items

_MAX_LABEL = 60


def node_label(index: int, node: NodeProto) -> str:
    """``node 3 'x'``: the node's name in the file, or that of its first output."""
    name = node.name or next(iter(node.output), "")
    return f"node {index} '{one_line(name, _MAX_LABEL)}'" if name else f"node {index}"


@dataclass(frozen=True, slots=True)
class Call:
    """One node of the file, with what its inputs stand for.

    Attributes:
        node: The node.
        label: The node, for messages.
        opset: The version of the operator set that defines it.
        inputs: What it is applied to; ``None`` where an optional input is absent.
        attributes: By name; references to a function's attributes are resolved.
        reader: Reads tensors of the file.
        builder: Where new nodes go.
    """

    node: NodeProto
    label: str
    opset: int
    inputs: tuple[Item | None, ...]
    attributes: Mapping[str, AttributeProto]
    reader: TensorReader
    builder: Builder

    def damaged(self, what: str) -> ModelFileError:
        """The error to raise for nonsense in this node."""
        return ModelFileError(f"{self.reader.file}: {self.label}: {what}")

    # Inputs.

    def optional(self, position: int) -> Const | Value | None:
        """An input; ``None`` where it is absent.

        Raises:
            UnsupportedError: If it is a sequence.
        """
        item = self.inputs[position] if position < len(self.inputs) else None
        if isinstance(item, Items):
            raise UnsupportedError(f"input {position} is a sequence; allowed are tensors")
        assert not isinstance(item, Unknown)  # such nodes are not translated
        return item

    def item(self, position: int) -> Const | Value:
        """An input that must be there.

        Raises:
            ModelFileError: If it is absent.
        """
        item = self.optional(position)
        if item is None:
            raise self.damaged(f"input {position} is absent")
        return item

    def sequence(self, position: int) -> tuple[Const | Value, ...]:
        """The tensors of an input that is a sequence.

        Raises:
            UnsupportedError: If it is none.
        """
        item = self.inputs[position] if position < len(self.inputs) else None
        if not isinstance(item, Items):
            raise UnsupportedError(f"input {position} is no sequence made of tensors")
        return item.items

    def items(self) -> list[Const | Value]:
        """All inputs, none of them absent.

        Raises:
            ModelFileError: If one is absent.
        """
        return [self.item(position) for position in range(len(self.inputs))]

    def constant(self, position: int, what: str) -> Array:
        """An input that must be known at compile time.

        Raises:
            UnsupportedError: If it is computed at run time.
        """
        item = self.item(position)
        if isinstance(item, Value):
            raise UnsupportedError(f"{what} computed at run time; allowed constants")
        return item.numbers

    def integers(self, position: int, what: str) -> tuple[int, ...]:
        """An input that is a list of constant integers.

        Raises:
            UnsupportedError: If it is computed at run time.
            ModelFileError: If it holds something else.
        """
        array = self.constant(position, what)
        if array.dtype.kind not in "iu" or array.ndim > 1:
            raise self.damaged(f"{what} of type {array.dtype}{list(array.shape)}")
        return tuple(int(number) for number in array.reshape(-1))

    def dtype(self, position: int = 0) -> DType:
        """The element type of an input.

        Raises:
            UnsupportedError: If it is none of ours.
        """
        item = self.item(position)
        if isinstance(item, Value):
            return DType.UINT8 if item.is_unsigned else self.builder.types[item.name].dtype
        if item.scaling is not None:
            return DType.FLOAT32
        try:
            return DType(item.array.dtype.name)
        except ValueError:
            raise UnsupportedError(f"a constant of {item.array.dtype}") from None

    def axis(self, number: int, rank: int) -> int:
        """A dimension, which may be counted from the end.

        Raises:
            ModelFileError: If there is no such dimension.
        """
        if not -rank <= number < rank:
            raise self.damaged(f"axis {number} of {rank} dimensions")
        return number % rank

    def axes(self, numbers: Sequence[int], rank: int) -> tuple[int, ...]:
        """Dimensions, ascending.

        Raises:
            ModelFileError: If there is no such dimension, or one is named twice.
        """
        found = sorted(self.axis(number, rank) for number in numbers)
        if len(set(found)) != len(found):
            raise self.damaged(f"axes {list(numbers)[:16]} name a dimension twice")
        return tuple(found)

    # Attributes.

    def _attribute(self, name: str, kind: Any, default: Any) -> Any:
        attribute = self.attributes.get(name)
        if attribute is None:
            if default is None:
                raise self.damaged(f"attribute {name} is absent")
            return default
        if attribute.type != kind:
            raise self.damaged(f"attribute {name} is of another type than its operator's")
        return attribute

    def has_attr(self, name: str) -> bool:
        """Whether an attribute is given."""
        return name in self.attributes

    def attr_int(self, name: str, default: int | None = None) -> int:
        """An integer attribute; it must be given where there is no default.

        Raises:
            ModelFileError: If it is absent or no integer.
        """
        found = self._attribute(name, AttributeProto.INT, default)
        return int(found.i if isinstance(found, AttributeProto) else found)

    def attr_ints(self, name: str, default: Sequence[int] | None = None) -> tuple[int, ...]:
        """An attribute of integers; it must be given where there is no default.

        Raises:
            ModelFileError: If it is absent or holds no integers.
        """
        found = self._attribute(name, AttributeProto.INTS, default)
        return tuple(found.ints if isinstance(found, AttributeProto) else found)

    def attr_float(self, name: str, default: float | None = None) -> float:
        """A float attribute; it must be given where there is no default.

        Raises:
            ModelFileError: If it is absent or no float.
        """
        found = self._attribute(name, AttributeProto.FLOAT, default)
        return float(found.f if isinstance(found, AttributeProto) else found)

    def attr_text(self, name: str, default: str | None = None) -> str:
        """A string attribute; it must be given where there is no default.

        Raises:
            ModelFileError: If it is absent or no string.
        """
        found = self._attribute(name, AttributeProto.STRING, default)
        if not isinstance(found, AttributeProto):
            return str(found)
        return one_line(found.s.decode("utf-8", errors="replace"))

    def attr_tensor(self, name: str) -> Const | None:
        """A tensor attribute; ``None`` where it is absent.

        Raises:
            ModelFileError: If it is no tensor, or a damaged one.
        """
        if name not in self.attributes:
            return None
        found: TensorProto = self._attribute(name, AttributeProto.TENSOR, None).t
        return self.reader.constant(found)

    # Results.

    def emit(
        self,
        operator: str,
        inputs: list[str],
        order: tuple[int, ...] | None = None,
        attrs: OpAttrs | None = None,
        dtype: DType | None = None,
    ) -> Value:
        """Appends a node with one output.

        Args:
            operator: Its name.
            inputs: Names of values.
            order: In which order the output's dimensions are stored.
            attrs: Its attributes.
            dtype: The output's; that of the first input where it is not given.
        """
        name = self.builder.emit(operator, inputs, attrs, dtype=dtype)
        return self.builder.wrap(name, order)


def as_scalar(array: Array) -> float:
    """The only element of an array."""
    return float(np.asarray(array).reshape(-1)[0])
