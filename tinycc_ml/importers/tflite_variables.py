"""Resource variables of .tflite files: VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE, CALL_ONCE.

A variable that is read before it is assigned carries something from one inference to the next: it
is a state. Within an inference a variable is but a name, for the value assigned last.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.flatbuffer import Field
from tinycc_ml.importers.tflite_reader import RawModel, RawOperator, RawTensor

HANDLE, READ, ASSIGN, ONCE = "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"
#: The operators that this module speaks of.
OPERATORS = frozenset((HANDLE, READ, ASSIGN, ONCE))


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable, as handles name it."""

    container: str
    shared_name: str


def handles(model: RawModel) -> dict[int, Variable]:
    """The variable of each tensor that is a handle."""
    found: dict[int, Variable] = {}
    for operator in model.operators:
        if operator.builtin == HANDLE and operator.outputs and operator.options is not None:
            found[operator.outputs[0]] = Variable(
                operator.options.text(Field(0, "container")),
                operator.options.text(Field(1, "shared_name")),
            )
    return found


def variable_of(operator: RawOperator, known: dict[int, Variable]) -> Variable:
    """The variable that an operator reads or assigns.

    Raises:
        UnsupportedError: If its handle is not made by a VAR_HANDLE.
    """
    variable = known.get(operator.inputs[0]) if operator.inputs else None
    if variable is None:
        raise UnsupportedError("a variable without handle; allowed handles made by VAR_HANDLE")
    return variable


def initial_values(model: RawModel) -> dict[Variable, RawTensor]:
    """What is assigned before the first inference.

    Raises:
        UnsupportedError: If that is not constant.
    """
    found: dict[Variable, RawTensor] = {}
    for once in model.once:
        known = handles(once)
        for operator in once.operators:
            if operator.builtin == HANDLE:
                continue
            tensor = once.tensors[operator.inputs[1]] if len(operator.inputs) == 2 else None
            if operator.builtin != ASSIGN or tensor is None or not len(tensor.data):
                raise UnsupportedError(
                    f"{operator.kind} in a subgraph of CALL_ONCE; allowed are assignments of "
                    "constants"
                )
            found[variable_of(operator, known)] = tensor
    return found


def kept_assignments(model: RawModel) -> frozenset[int]:
    """The numbers of operators that matter though they have no output: they assign what is read."""
    known = handles(model)

    def variable(operator: RawOperator) -> Variable | None:
        return known.get(operator.inputs[0]) if operator.inputs else None

    read = {variable(o) for o in model.operators if o.builtin == READ} - {None}
    return frozenset(
        o.index for o in model.operators if o.builtin == ASSIGN and variable(o) in read
    )
