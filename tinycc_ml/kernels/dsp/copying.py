"""Loop IR that fills columns: widening copies and padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinycc_ml.kernels.dsp.widen import widen_intrinsic
from tinycc_ml.loopir import (
    Affine,
    AffineLike,
    Argument,
    Buffer,
    CallIntrinsic,
    For,
    Literal,
    Stmt,
    affine,
)
from tinycc_ml.loopir import build as b

#: Elements that a loop in C copies in one turn; compilers do not unroll at -O2.
_UNROLL = 4
#: Below that many elements, a call costs more than it saves.
_WORTH_A_CALL = 8


@dataclass(frozen=True, slots=True)
class Place:
    """Elements of a buffer from an index on; the last dimension is the one that is run over."""

    buffer: Buffer
    start: tuple[Affine, ...]

    def at(self, offset: AffineLike) -> tuple[Affine, ...]:
        """The index so many elements further."""
        return (*self.start[:-1], self.start[-1] + offset)


def place(buffer: Buffer, *start: AffineLike) -> Place:
    """A place from loose indices."""
    return Place(buffer, tuple(map(affine, start)))


def widen(
    source: Place,
    target: Place,
    elements: int,
    name: str,
    *,
    planar: bool,
    aligned: bool = True,
    is_shared: bool = False,
) -> tuple[Stmt, ...]:
    """Copies int8 elements to int16 ones.

    Args:
        source: Where from.
        target: Where to.
        elements: How many.
        name: Of the loops, distinct in the kernel.
        planar: Whether each four are stored in the order 0, 2, 1, 3.
        aligned: Whether the target is aligned to words in every turn of the loops around.
        is_shared: Whether the text of the intrinsic is one for any number of elements.
    """
    if planar or (aligned and elements % 4 == 0 and elements >= _WORTH_A_CALL):
        windows = (
            Argument(source.buffer.name, source.start),
            Argument(target.buffer.name, target.start),
        )
        intrinsic = widen_intrinsic(elements, planar=planar, is_shared=is_shared)
        return (CallIntrinsic(intrinsic, windows),)

    def copy(offset: AffineLike) -> Stmt:
        value = b.load(source.buffer, *source.at(offset))
        return b.store(target.buffer, target.at(offset), value)

    return _repeat(copy, elements, name)


def fill(target: Place, elements: int, value: int, name: str) -> tuple[Stmt, ...]:
    """Stores a value in many elements."""
    return _repeat(
        lambda offset: b.store(target.buffer, target.at(offset), Literal(value)), elements, name
    )


def _repeat(one: Callable[[AffineLike], Stmt], elements: int, name: str) -> tuple[Stmt, ...]:
    turns, rest = divmod(elements, _UNROLL)
    body = tuple(one(affine(name) * _UNROLL + i) for i in range(_UNROLL))
    tail = tuple(one(turns * _UNROLL + i) for i in range(rest))
    return (*((For(name, turns, body),) if turns else ()), *tail)
