"""What the table of operators says about each: how it is imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinycc_ml.graph import Array, OpAttrs
from tinycc_ml.importers.tflite_view import OperatorView


@dataclass(frozen=True, slots=True)
class Part:
    """One of several nodes that an operator of the file becomes.

    Attributes:
        op: Our operator.
        attrs: Its attributes.
        inputs: Numbers of the operands (see :attr:`Row.operands`), or ~number of an earlier part
            whose output it reads.
        output: Which output of the operator it writes; ``None`` for a value between the parts,
            which is of the type of its first input but for the shape.
    """

    op: str
    attrs: OpAttrs
    inputs: tuple[int, ...] = (0,)
    output: int | None = 0


@dataclass(frozen=True, slots=True)
class Row:
    """How an operator is imported.

    Attributes:
        op: Our operator; empty where `parts` says what it becomes.
        attrs: Reads the attributes.
        options_type: The schema's number of the operator's options table; 0 if it has none.
        min_inputs: How many inputs it has at least.
        max_inputs: ... and at most; ``None`` where there is no limit.
        operands: How many of the inputs, from the first, stay operands, or which of them in what
            order; ``None`` for all.
        bias_axis: For operators whose third operand is an optional bias, the dimension of the
            second (the weight) that has one index per bias.
        parts: For operators that become several nodes, or that have several outputs: all of them.
        constant: For operators whose output is known from shapes and parameters: the output.
        states: The inputs that are variables, which the operator reads and updates. What becomes
            of them are outputs of our operator, behind its own.
        hybrid: Our operator where the activations are float32 and the second input, the weight, is
            int8; empty where that is not supported.
        optional: Other inputs that may be absent; `attrs` refuses what our operator needs or does
            not know.
    """

    op: str
    attrs: Callable[[OperatorView], OpAttrs]
    options_type: int
    min_inputs: int = 1
    max_inputs: int | None = 1
    operands: int | tuple[int, ...] | None = None
    bias_axis: int | None = None
    parts: Callable[[OperatorView], tuple[Part, ...]] | None = None
    constant: Callable[[OperatorView], Array] | None = None
    states: tuple[int, ...] = ()
    optional: frozenset[int] = frozenset()
    hybrid: str = ""


def plain(view: OperatorView) -> OpAttrs:
    """No attributes."""
    return OpAttrs()


def constant(value: Callable[[OperatorView], Array], options_type: int, inputs: int) -> Row:
    """The row of an operator whose output is a constant."""
    return Row("", plain, options_type, inputs, inputs, operands=0, constant=value)


def composite(
    parts: Callable[[OperatorView], tuple[Part, ...]],
    options_type: int,
    min_inputs: int = 1,
    max_inputs: int | None = 1,
    operands: int | tuple[int, ...] | None = None,
) -> Row:
    """The row of an operator that becomes several nodes."""
    return Row("", plain, options_type, min_inputs, max_inputs, operands, parts=parts)
