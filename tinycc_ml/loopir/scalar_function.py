"""What a pure scalar function is: its meaning and its C text side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinycc_ml.dtypes import DType


@dataclass(frozen=True, slots=True)
class ScalarFunction:
    """A pure function on scalars.

    Attributes:
        name: Its name in loop IR; in C it is prefixed with ``tcml_``.
        parameters: (name, dtype) of each parameter.
        result: The dtype of the value.
        meaning: The same computation in Python on numbers.
        requires: Names of the functions that the text calls.
        comment: One sentence for the generated C.
        text: The function's body in C, without braces, indented by two spaces.
    """

    name: str
    parameters: tuple[tuple[str, DType], ...]
    result: DType
    meaning: Callable[..., int]
    requires: tuple[str, ...]
    comment: str
    text: str


def low_bits_signed(bits: int, width: int) -> int:
    """The lowest bits as a two's complement number."""
    sign = 1 << (width - 1)
    return ((bits & (2 * sign - 1)) ^ sign) - sign
