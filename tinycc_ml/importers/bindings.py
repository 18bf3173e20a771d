"""Numbers for dimensions that a model file leaves open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tinycc_ml.errors import DataError

_MAX_EXTENT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Bindings:
    """What the user says about shapes.

    Attributes:
        shapes: Whole shapes of inputs, by the input's name in the file.
        dims: Extents of symbolic dimensions, by the symbol.
    """

    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    dims: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.shapes or self.dims)


def parse_bindings(shapes: Iterable[str], dims: Iterable[str]) -> Bindings:
    """Reads ``input=1,49,10,1`` and ``N=1``.

    Raises:
        DataError: If a text has another form.
    """
    return Bindings(
        dict(_parse("--shape", text) for text in shapes),
        dict(_single(text) for text in dims),
    )


def _single(text: str) -> tuple[str, int]:
    name, extents = _parse("--dim", text)
    if len(extents) != 1:
        raise DataError(f"--dim {text}: expected one number, as in --dim N=1")
    return name, extents[0]


def _parse(option: str, text: str) -> tuple[str, tuple[int, ...]]:
    name, _, numbers = text.rpartition("=")
    if not name or not re.fullmatch(r"[0-9]{1,10}([,x][0-9]{1,10})*", numbers):
        example = "--shape input=1,49,10,1" if option == "--shape" else "--dim N=1"
        raise DataError(f"{option} {text}: expected a name and positive numbers, as in {example}")
    extents = tuple(int(number) for number in re.split("[,x]", numbers))
    if not all(1 <= extent <= _MAX_EXTENT for extent in extents):
        raise DataError(f"{option} {text}: allowed are 1 ... {_MAX_EXTENT}")
    return name, extents
