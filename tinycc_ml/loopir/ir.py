"""The loop-nest IR: statements, expressions, buffers, kernels.

A kernel is a tree of loops with constant extents over stores to typed buffers. Indices are affine
in the loop variables, so that accesses can be bounded, reordered and unified. Values are computed
in one of the element types with the meaning of C; there is no implicit conversion except that a
load of a narrow integer yields ``int32``, as C's promotion does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import prod

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.index import Affine
from tinycc_ml.numerics import packed_bytes


class Role(Enum):
    """What a buffer is to the kernel; parameters come in the order of the buffer list."""

    INPUT = "input"
    CONSTANT = "constant"
    OUTPUT = "output"
    SCRATCH = "scratch"
    #: Read and updated: what the last call left is there, and the next one finds.
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Buffer:
    """A dense row-major parameter of the kernel.

    Attributes:
        name: Its name in C.
        dtype: Its elements' type.
        shape: What indices run over.
        role: What it is to the kernel.
        ring_rows: A ring keeps only so many rows (indices of the first dimension): row ``r`` lies
            in slot ``r mod ring_rows``. Indices and their checks are those of the whole tensor.
    """

    name: str
    dtype: DType
    shape: tuple[int, ...]
    role: Role
    ring_rows: int | None = None

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape in memory: that of a ring has only the rows that are kept."""
        return self.shape if self.ring_rows is None else (self.ring_rows, *self.shape[1:])

    @property
    def elements(self) -> int:
        """Number of elements in memory."""
        return prod(self.stored_shape)

    @property
    def memory(self) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
        """Shape and dtype of the array that it is in NumPy: that of a packed one is flat bytes."""
        if self.dtype is DType.INT4:
            return (packed_bytes(self.elements),), DType.UINT8.numpy
        return self.stored_shape, self.dtype.numpy

    def flatten(self, indices: tuple[Affine, ...]) -> Affine:
        """The flat element index of a multi-dimensional one, in a buffer that is no ring."""
        flat = Affine()
        for index, extent in zip(indices, self.shape, strict=True):
            flat = flat * extent + index
        return flat


# Expressions


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: an integer of an integer type, or a float of ``float32``; infinities too."""

    value: int | float
    dtype: DType = DType.INT32


@dataclass(frozen=True, slots=True)
class Load:
    """Reads one element; ``bool`` and integers narrower than 32 bits are widened to ``int32``."""

    buffer: str
    indices: tuple[Affine, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Reads one element of a one-dimensional table at a computed index."""

    buffer: str
    index: Expr


@dataclass(frozen=True, slots=True)
class Var:
    """Reads a local scalar."""

    name: str


@dataclass(frozen=True, slots=True)
class Binary:
    """`+ - * / min max` on two operands of the same type; `/` truncates as in C."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Compare:
    """`< <= > >= == !=` on two operands of the same type: 1 where it holds, else 0, as ``int32``.

    With NaN only `!=` holds.
    """

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Select:
    """`chosen` where the condition, an ``int32``, is not 0, else `other`, of the same type.

    Only the one is computed.
    """

    condition: Expr
    chosen: Expr
    other: Expr


@dataclass(frozen=True, slots=True)
class Cast:
    """Converts as C does; an integer that does not fit the type is an error, not a wrap."""

    dtype: DType
    value: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """Calls a pure scalar function: one of ``functions.py``, or of ``math_functions.py``."""

    function: str
    arguments: tuple[Expr, ...]


Expr = Literal | Load | Lookup | Var | Binary | Compare | Select | Cast | Call


# Statements


@dataclass(frozen=True, slots=True)
class For:
    """``for variable in range(extent): body``; variable names are unique within a kernel."""

    variable: str
    extent: int
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """``low <= index < high``."""

    index: Affine
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class If:
    """Runs the body where all conditions hold; the comment stands above it in C."""

    conditions: tuple[Condition, ...]
    body: tuple[Stmt, ...]
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Local:
    """Declares a scalar, visible to the end of the enclosing body."""

    name: str
    dtype: DType
    value: Expr


@dataclass(frozen=True, slots=True)
class Assign:
    """Gives a local scalar a new value."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Accumulate:
    """``name += value``: the only assignment whose order may be changed."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Store:
    """Writes one element; the value must fit the buffer's element type."""

    buffer: str
    indices: tuple[Affine, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class Argument:
    """A window of a buffer: the elements from an index on, as many as the callee's buffer has."""

    buffer: str
    start: tuple[Affine, ...]


@dataclass(frozen=True, slots=True)
class CallIntrinsic:
    """Runs an intrinsic on windows, in the order of its meaning's buffers."""

    intrinsic: Intrinsic
    arguments: tuple[Argument, ...]


Stmt = For | If | Local | Assign | Accumulate | Store | CallIntrinsic


@dataclass(frozen=True, slots=True)
class CText:
    """A body that somebody has written in C, as it is printed.

    Attributes:
        lines: Statements; parameters are called as the buffers.
        headers: What they need beside ``stdint.h``, ``stddef.h`` and ``string.h``.
    """

    lines: tuple[str, ...]
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoopKernel:
    """A computation: its parameters and its statements.

    Attributes:
        name: For messages.
        buffers: The parameters.
        body: What it computes; empty where `text` is given.
        text: The body in C, of which nothing is known: it is neither proved, scheduled nor run
            in Python.
    """

    name: str
    buffers: tuple[Buffer, ...]
    body: tuple[Stmt, ...]
    text: CText | None = None

    def buffer(self, name: str) -> Buffer:
        """The parameter of that name."""
        return next(b for b in self.buffers if b.name == name)


@dataclass(frozen=True, slots=True)
class Table:
    """Constants that only the meaning of an intrinsic reads: its assembly holds them as code.

    Attributes:
        buffer: Which buffer of the meaning they are.
        values: Its elements.
    """

    buffer: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SharedText:
    """Assembly that several intrinsics share: they differ in sizes, which it reads from a table.

    Attributes:
        name: In C behind the prefix ``tcml_``; equal names mean equal texts.
        assembly: Lines of a naked function. Its parameters are those of the intrinsics, and behind
            them a pointer to the sizes, which are ``uint16_t``.
        comment: Sentences above it in C.
    """

    name: str
    assembly: tuple[str, ...]
    comment: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LibraryText:
    """C statements that call a library; they stand in for the meaning on every core.

    Attributes:
        header: What declares the library's functions.
        lines: The statements; they name the intrinsic's parameters.
    """

    header: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """A function that has a text of its own for some cores.

    That the text computes the meaning is not derived: tests on the emulated cores hold the two
    together.

    Attributes:
        name: In C behind the prefix ``tcml_``; equal names mean equal intrinsics.
        meaning: What it computes; the fallback in C, and what the interpreter runs.
        requires: The feature of the core that the assembly needs, a key of ``GUARDS``; none where a
            library computes it.
        assembly: Lines of a naked function whose parameters are pointers to the windows; none
            where `shared` has them.
        comment: Sentences above it in C.
        tables: Buffers of the meaning that are no parameters.
        shared: The text that it shares with others.
        sizes: What it tells the shared text, each 0 ... 65535.
        library: The call of a library that computes it, instead of assembly.
    """

    name: str
    meaning: LoopKernel
    requires: str
    assembly: tuple[str, ...]
    comment: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    shared: SharedText | None = None
    sizes: tuple[int, ...] = ()
    library: LibraryText | None = None

    @property
    def parameters(self) -> tuple[Buffer, ...]:
        """The buffers that a call binds to windows."""
        tables = {table.buffer for table in self.tables}
        return tuple(b for b in self.meaning.buffers if b.name not in tables)
