"""What a row of the operator table sees of one operator of a .tflite file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from struct import Struct
from typing import Any

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import ModelFileError, UnsupportedError
from tinycc_ml.importers.flatbuffer import FLOAT32, INT8, INT32, Field, one_line
from tinycc_ml.importers.tflite_reader import RawModel, RawOperator, RawTensor
from tinycc_ml.importers.tflite_tensors import constant_array, static_shape, tensor_type
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.window import Padding, same_padding

_ACTIVATIONS: dict[int, Activation] = {
    0: Activation.NONE,
    1: Activation.RELU,
    2: Activation.RELU_N1_TO_1,
    3: Activation.RELU6,
}
_OTHER_ACTIVATIONS: dict[int, str] = {4: "TANH", 5: "SIGN_BIT"}
_SAME, _VALID = 0, 1
#: The converter joins the names of all that it has fused, which makes them very long.
_MAX_LABEL = 60


@dataclass(frozen=True, slots=True)
class OperatorView:
    """One operator and its tensors; every accessor checks what it returns."""

    model: RawModel
    operator: RawOperator

    def damaged(self, what: str) -> ModelFileError:
        """The error to raise for nonsense in this operator."""
        return self.model.file.damaged(node_label(self.model, self.operator), what)

    def tensor(self, position: int) -> RawTensor:
        """An input that must be there.

        Raises:
            ModelFileError: If it is absent.
        """
        inputs = self.operator.inputs
        if position >= len(inputs) or inputs[position] < 0:
            raise self.damaged(f"input {position} is absent")
        return self.model.tensors[inputs[position]]

    def shape(self, position: int, rank: int | None = None) -> tuple[int, ...]:
        """The shape of an input.

        Raises:
            ModelFileError: If it has not `rank` dimensions.
        """
        tensor = self.tensor(position)
        shape = static_shape(tensor, self.model.file)
        if rank is not None and len(shape) != rank:
            raise self.damaged(f"{tensor} has shape {list(shape)}; expected {rank} dimensions")
        return shape

    def output_dtype(self) -> DType:
        """The element type of the first output."""
        tensor = self.model.tensors[self.operator.outputs[0]]
        return tensor_type(tensor, self.model.file).dtype

    def output_shape(self, position: int = 0) -> tuple[int, ...]:
        """The shape of an output."""
        return static_shape(self.model.tensors[self.operator.outputs[position]], self.model.file)

    def axis(self, axis: int, position: int = 0, *, new: int = 0) -> int:
        """A dimension of an input, counted from its front.

        Args:
            axis: The dimension as the file has it; negative ones count from the end.
            position: Which input.
            new: How many dimensions the output has more.

        Raises:
            ModelFileError: If the input has no such dimension.
        """
        rank = len(self.shape(position)) + new
        if not -rank <= axis < rank:
            raise self.damaged(f"axis {axis} of {rank}")
        return axis % rank

    def is_real(self, position: int) -> bool:
        """Whether an input is float32."""
        return tensor_type(self.tensor(position), self.model.file).dtype is DType.FLOAT32

    def scalar(self, position: int, what: str) -> int | float:
        """An input that is a parameter of one number, as it is stored.

        Raises:
            UnsupportedError: If it is computed at run time.
            ModelFileError: If it is no single number.
        """
        tensor = self.tensor(position)
        if not len(tensor.data):
            raise UnsupportedError(f"{what} ({tensor}) computed at run time; allowed constants")
        type_ = tensor_type(tensor, self.model.file)
        values = constant_array(tensor, type_, self.model.file).ravel().tolist()
        if len(values) != 1 or not math.isfinite(values[0]):
            raise self.damaged(f"{what} of {len(values)} elements, or infinite")
        number: int | float = values[0]
        return number

    def one_integer(self, position: int, what: str) -> int:
        """An input that is a parameter of one element.

        Raises:
            UnsupportedError: If it is computed at run time.
            ModelFileError: If it is no single integer.
        """
        values = self.integers(position, what)
        if len(values) != 1:
            raise self.damaged(f"{what} of {len(values)} elements")
        return values[0]

    def integers(self, position: int, what: str) -> tuple[int, ...]:
        """An input that is a parameter: constant integers, in the order of their memory.

        Raises:
            UnsupportedError: If it is computed at run time.
            ModelFileError: If it holds no integers.
        """
        tensor = self.tensor(position)
        if not len(tensor.data):
            raise UnsupportedError(f"{what} ({tensor}) computed at run time; allowed constants")
        type_ = tensor_type(tensor, self.model.file)
        if type_.dtype not in (DType.INT32, DType.INT64):
            raise self.damaged(f"{what} ({tensor}) of type {type_.dtype.value}")
        return tuple(constant_array(tensor, type_, self.model.file).ravel().tolist())

    def option(self, field: Field, code: Struct, default: Any = 0) -> Any:
        """An option; its default where the operator has no options."""
        options = self.operator.options
        return default if options is None else options.number(field, code, default)

    def positive(self, field: Field, default: int = 0) -> int:
        """An option that counts something.

        Raises:
            ModelFileError: If it is not positive.
        """
        value = int(self.option(field, INT32, default))
        if value < 1:
            raise self.damaged(f"{field.name} is {value}; it must be positive")
        return value

    def finite(self, field: Field, default: float = 0.0) -> float:
        """An option that is a real number.

        Raises:
            ModelFileError: If it is infinite or no number.
        """
        value = float(self.option(field, FLOAT32, default))
        if not math.isfinite(value):
            raise self.damaged(f"{field.name} is {value}; it must be finite")
        return value

    def activation(self, field: Field) -> Activation:
        """The fused activation.

        Raises:
            UnsupportedError: If it exists, but is not supported.
            ModelFileError: If there is none of that number.
        """
        code = self.option(field, INT8)
        if code in _OTHER_ACTIVATIONS:
            allowed = ", ".join(a.value for a in _ACTIVATIONS.values())
            raise UnsupportedError(
                f"fused activation {_OTHER_ACTIVATIONS[code]}; allowed {allowed}"
            )
        if code not in _ACTIVATIONS:
            raise self.damaged(f"fused activation number {code}")
        return _ACTIVATIONS[code]

    def padding(
        self,
        field: Field,
        in_size: tuple[int, ...],
        kernel: tuple[int, ...],
        stride: tuple[int, int],
        dilation: tuple[int, int] = (1, 1),
    ) -> Padding:
        """SAME or VALID, in rows and columns.

        Raises:
            ModelFileError: If it is neither.
        """
        code = self.option(field, INT8)
        if code not in (_SAME, _VALID):
            raise self.damaged(f"padding number {code}")
        if code == _VALID:
            return Padding()
        return same_padding((in_size[0], in_size[1]), (kernel[0], kernel[1]), stride, dilation)


def output_name(model: RawModel, operator: RawOperator) -> str:
    """The file's name for an operator: that of its first output."""
    return model.tensors[operator.outputs[0]].name if operator.outputs else ""


def node_label(model: RawModel, operator: RawOperator) -> str:
    """``node 3 'x'``."""
    name = one_line(output_name(model, operator), _MAX_LABEL)
    return f"node {operator.index} '{name}'" if name else f"node {operator.index}"
