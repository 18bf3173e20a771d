"""The data flow of a .tflite file: what is written before it is read, and what is needed at all."""

from __future__ import annotations

from tinycc_ml.importers.tflite_ops import ROWS
from tinycc_ml.importers.tflite_reader import RawModel, RawOperator, RawTensor
from tinycc_ml.importers.tflite_variables import kept_assignments
from tinycc_ml.importers.tflite_view import node_label


def is_constant(tensor: RawTensor) -> bool:
    """Whether the file holds the tensor's value; that of an empty tensor takes no bytes."""
    return len(tensor.data) > 0 or 0 in tensor.shape


def check_flow(model: RawModel) -> None:
    """Checks that every tensor is written once, and before it is read.

    Raises:
        ModelFileError: If the file contradicts itself.
    """
    defined: set[int] = set()
    for number in model.inputs:
        tensor = model.tensors[number]
        if number in defined:
            raise model.file.damaged(str(tensor), "listed twice among the model's inputs")
        if is_constant(tensor) and 0 not in tensor.shape:
            raise model.file.damaged(str(tensor), "an input of the model, but has data")
        defined.add(number)
    # Variables hold a value from the start.
    defined |= {t.index for t in model.tensors if is_constant(t) or t.is_variable}
    for operator in model.operators:
        _check_operator(model, operator, defined)
    for number in model.outputs:
        if number not in defined:
            raise model.file.damaged(str(model.tensors[number]), "an output that nothing writes")


def _check_operator(model: RawModel, operator: RawOperator, defined: set[int]) -> None:
    where = node_label(model, operator)
    for number in operator.inputs:
        if number >= 0 and number not in defined:
            tensor = model.tensors[number]
            raise model.file.damaged(where, f"reads {tensor}, which nothing has written before")
    for number in operator.outputs:
        if number in defined:
            tensor = model.tensors[number]
            raise model.file.damaged(where, f"writes {tensor}, which has a value already")
        defined.add(number)


def live_operators(model: RawModel) -> list[RawOperator]:
    """The operators that the outputs depend on, in the file's order.

    Keras exports compute the shape of a RESHAPE at run time; the file states it as well, so that
    those operators are not needed and need not be supported.
    """
    needed, kept = set(model.outputs), kept_assignments(model)
    live: list[RawOperator] = []
    for operator in reversed(model.operators):
        if needed.isdisjoint(operator.outputs) and operator.index not in kept:
            continue
        live.append(operator)
        needed.update(operands(operator))
    return live[::-1]


def operands(operator: RawOperator) -> tuple[int, ...]:
    """The inputs that are not parameters, in our order; absent ones (-1) among them."""
    row = ROWS.get(operator.builtin)
    if row is None or row.operands is None:
        return operator.inputs
    if isinstance(row.operands, int):
        return operator.inputs[: row.operands]
    return tuple(operator.inputs[i] for i in row.operands if i < len(operator.inputs))
