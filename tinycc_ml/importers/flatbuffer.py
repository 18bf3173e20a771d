"""Reads FlatBuffers without trusting them.

The accessors that the FlatBuffers compiler generates for Python follow any offset. Here every
position is compared with the size of the file before it is read, and what a file may make us read
altogether is limited, so that a small file whose parts overlap cannot ask for much time or memory.

Source: https://flatbuffers.dev/internals/ (tables, vtables, vectors, strings).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tinycc_ml.errors import ModelFileError

BOOL = Struct("<?")
INT8 = Struct("<b")
UINT8 = Struct("<B")
INT32 = Struct("<i")
UINT32 = Struct("<I")
UINT64 = Struct("<Q")
FLOAT32 = Struct("<f")
_VTABLE_HEAD = Struct("<HH")
_VTABLE_ENTRY = Struct("<H")
#: About what is kept in memory for a table, of which the file may hold no more than an offset.
_TABLE_COST = 256


class Field(NamedTuple):
    """A field of a table: its place in the schema, and its name there for messages."""

    slot: int
    name: str


class FlatFile:
    """The bytes of a file, and how much of them may still be read.

    Args:
        data: The file.
        name: Its name, for messages.
    """

    __slots__ = ("_allowance", "data", "name", "size")

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self.size = len(data)
        # A sane file is read once, or a few times where tensors share their data.
        self._allowance = 16 * len(data) + (64 << 10)

    def damaged(self, where: str, what: str) -> ModelFileError:
        """The error to raise for a damaged part."""
        return ModelFileError(f"{self.name}: {where}: {what}")

    def charge(self, size_bytes: int, where: str) -> None:
        """Notes that so many bytes are about to be read or copied.

        Raises:
            ModelFileError: If the file has been read many times over.
        """
        self._allowance -= size_bytes
        if self._allowance < 0:
            raise self.damaged(where, "the same bytes of the file are used too many times")

    def require(self, position: int, size_bytes: int, where: str, what: str) -> None:
        """Checks that a part lies inside the file.

        Raises:
            ModelFileError: If it does not.
        """
        if position < 0 or position + size_bytes > self.size:
            raise self.damaged(
                where,
                f"{what} lies outside the file "
                f"({size_bytes} bytes at {position} of {self.size}); it is damaged or cut short",
            )

    def read(self, code: Struct, position: int, where: str, what: str) -> Any:
        """One number."""
        self.require(position, code.size, where, what)
        return code.unpack_from(self.data, position)[0]

    def root(self, label: str) -> Table:
        """The table that the file consists of."""
        return Table(self, self.read(UINT32, 0, label, "its offset"), label)


@dataclass(frozen=True, slots=True)
class _Extent:
    start: int
    count: int


class Table:
    """A table of the file; `label` says which one in messages.

    An absent field has the value that the schema gives as its default.
    """

    __slots__ = ("_position", "_size", "_vtable", "_vtable_size", "file", "label")

    def __init__(self, file: FlatFile, position: int, label: str) -> None:
        self.file = file
        self.label = label
        self._position = position
        self._vtable = position - file.read(INT32, position, label, "the table")
        file.require(self._vtable, _VTABLE_HEAD.size, label, "the table's list of fields")
        self._vtable_size, self._size = _VTABLE_HEAD.unpack_from(file.data, self._vtable)
        file.require(self._vtable, self._vtable_size, label, "the table's list of fields")
        file.require(position, self._size, label, "the table")
        if self._size < INT32.size:
            raise file.damaged(label, f"a table of {self._size} bytes")

    def _locate(self, field: Field, size_bytes: int) -> int | None:
        entry = _VTABLE_HEAD.size + _VTABLE_ENTRY.size * field.slot
        if entry + _VTABLE_ENTRY.size > self._vtable_size:
            return None
        (offset,) = _VTABLE_ENTRY.unpack_from(self.file.data, self._vtable + entry)
        if offset == 0:
            return None
        if offset < INT32.size or offset + size_bytes > self._size:
            raise self.damaged(f"{field.name} lies outside its table")
        return self._position + int(offset)

    def damaged(self, what: str) -> ModelFileError:
        """The error to raise for a wrong value of this table."""
        return self.file.damaged(self.label, what)

    def number(self, field: Field, code: Struct, default: Any = 0) -> Any:
        """A number; `code` is one of this module's."""
        position = self._locate(field, code.size)
        return default if position is None else code.unpack_from(self.file.data, position)[0]

    def table(self, field: Field, label: str) -> Table | None:
        """A table, or ``None`` where it is absent."""
        position = self._locate(field, UINT32.size)
        return None if position is None else self._follow(position, label)

    def _follow(self, position: int, label: str) -> Table:
        (offset,) = UINT32.unpack_from(self.file.data, position)
        return Table(self.file, position + offset, label)

    def _vector(self, field: Field, item_bytes: int) -> _Extent:
        position = self._locate(field, UINT32.size)
        if position is None:
            return _Extent(0, 0)
        file = self.file
        (offset,) = UINT32.unpack_from(file.data, position)
        head = position + offset
        count = file.read(UINT32, head, self.label, field.name)
        file.require(head + UINT32.size, count * item_bytes, self.label, field.name)
        return _Extent(head + UINT32.size, count)

    def data(self, field: Field) -> memoryview:
        """A vector of bytes, not copied; empty where it is absent."""
        extent = self._vector(field, 1)
        return memoryview(self.file.data)[extent.start : extent.start + extent.count]

    def array(self, field: Field, dtype: str) -> npt.NDArray[Any]:
        """A vector of numbers (a NumPy dtype with its byte order), not copied."""
        extent = self._vector(field, np.dtype(dtype).itemsize)
        self.file.charge(extent.count * np.dtype(dtype).itemsize, self.label)
        return np.frombuffer(self.file.data, dtype, extent.count, extent.start)

    def integers(self, field: Field, dtype: str = "<i4") -> tuple[int, ...]:
        """A vector of integers."""
        return tuple(self.array(field, dtype).tolist())

    def text(self, field: Field) -> str:
        """A string on one line, with anything unprintable replaced."""
        extent = self._vector(field, 1)
        self.file.charge(extent.count, self.label)
        raw = self.file.data[extent.start : extent.start + extent.count]
        return one_line(raw.decode("utf-8", errors="replace"))

    def tables(self, field: Field, label: str) -> list[Table]:
        """A vector of tables; each is labelled with its number."""
        extent = self._vector(field, UINT32.size)
        self.file.charge(_TABLE_COST * extent.count, self.label)
        return [
            self._follow(extent.start + UINT32.size * i, f"{label} {i}")
            for i in range(extent.count)
        ]


def one_line(text: str, limit: int = 160) -> str:
    """Text from a file or a file's name, made fit for a one-line message."""
    clean = "".join(c if c.isprintable() else "?" for c in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 3] + "..."
