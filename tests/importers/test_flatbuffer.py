from __future__ import annotations

import collections
import struct

import pytest

from tinycc_ml.errors import ModelFileError
from tinycc_ml.importers.flatbuffer import INT8, INT32, UINT32, Field, FlatFile, one_line

_A, _B = Field(0, "a"), Field(1, "b")


def _file(fields: tuple[int, ...], body: bytes, *, size: int | None = None) -> FlatFile:
    """A root table at 20 whose fields lie at these offsets of it; its vtable is at 4."""
    vtable = struct.pack(f"<HH{len(fields)}H", 4 + 2 * len(fields), size or 4 + len(body), *fields)
    head = struct.pack("<I", 20) + vtable
    table = struct.pack("<i", 20 - 4) + body
    return FlatFile(head.ljust(20, b"\0") + table, "f.bin")


def _message(error: pytest.ExceptionInfo[ModelFileError]) -> str:
    text = str(error.value)
    assert text.startswith("f.bin: ") and "\n" not in text
    return text


def test_numbers_and_their_defaults() -> None:
    table = _file((4, 0), struct.pack("<i", -7)).root("root")
    assert table.number(_A, INT32) == -7
    assert table.number(_B, INT32, 5) == 5
    assert table.number(Field(9, "beyond the vtable"), INT8, 6) == 6


def test_vectors() -> None:
    body = struct.pack("<II", 4, 3) + struct.pack("<iii", 1, 2, 3)
    table = _file((4,), body).root("root")
    assert table.integers(_A) == (1, 2, 3)
    assert table.integers(_B) == ()
    assert bytes(table.data(_A)) == b"\1\0\0"
    assert bytes(table.data(_B)) == b""


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "its offset lies outside"),
        (b"\0\0", "its offset lies outside"),
        (struct.pack("<I", 2**32 - 1), "the table lies outside"),
        (struct.pack("<Ii", 4, 5), "list of fields lies outside"),
        (struct.pack("<Ii", 4, -(2**31)), "list of fields lies outside"),
        (struct.pack("<IiHH", 4, -4, 60000, 4), "list of fields lies outside"),
        (struct.pack("<IiHH", 4, -4, 4, 60000), "the table lies outside"),
        (struct.pack("<IiHH", 4, -4, 4, 2), "a table of 2 bytes"),
    ],
)
def test_a_root_that_is_no_table(data: bytes, what: str) -> None:
    with pytest.raises(ModelFileError) as error:
        FlatFile(data, "f.bin").root("root")
    assert what in _message(error)


@pytest.mark.parametrize("offset", [1, 2, 3, 5, 8, 60000])
def test_a_field_outside_its_table(offset: int) -> None:
    table = _file((offset,), b"\0" * 4).root("root")
    with pytest.raises(ModelFileError) as error:
        table.number(_A, INT32)
    assert "root: a lies outside its table" in _message(error)


@pytest.mark.parametrize(
    "body",
    [
        struct.pack("<I", 2**32 - 1),
        struct.pack("<I", 4),
        struct.pack("<II", 4, 2**32 - 1),
        struct.pack("<III", 4, 2, 0),
    ],
)
def test_a_vector_outside_the_file(body: bytes) -> None:
    table = _file((4,), body).root("root")
    for read in (table.integers, table.text if len(body) < 12 else table.integers):
        with pytest.raises(ModelFileError) as error:
            read(_A)
        assert "root: a lies outside the file" in _message(error)
    with pytest.raises(ModelFileError):
        table.tables(_A, "part")


def test_tables_are_numbered_in_messages() -> None:
    table = _file((4,), struct.pack("<IIII", 4, 2, 0x10, 0xFFFFFF)).root("root")
    with pytest.raises(ModelFileError) as error:
        table.tables(_A, "part")
    assert "part" in _message(error)


def test_what_a_file_makes_us_read_is_limited() -> None:
    body = struct.pack("<II", 4, 1000) + b"\1" * 4000
    table = _file((4,), body).root("root")
    table.integers(_A)
    with pytest.raises(ModelFileError) as error:
        collections.deque(map(table.integers, [_A] * 1000), maxlen=0)
    assert "too many times" in _message(error)


def test_many_offsets_to_the_same_table() -> None:
    count = 100_000
    # The vector starts at 32; all its offsets lead to one table behind it.
    offsets = [4 * (count - i) for i in range(count)]
    tail = struct.pack("<i", 32 + 4 * count - 4) + b"\0" * 4
    body = struct.pack(f"<II{count}I", 4, count, *offsets) + tail
    file = _file((4,), body, size=8)
    with pytest.raises(ModelFileError) as error:
        file.root("root").tables(_A, "part")
    assert "too many times" in _message(error)


def test_names_fit_on_one_line() -> None:
    assert one_line("a\nb\x00c\u2028d") == "a?b?c?d"
    assert one_line("gr\u00fcn") == "gr\u00fcn"
    assert one_line("x" * 160) == "x" * 160
    assert one_line("x" * 161) == "x" * 157 + "..."
    body = struct.pack("<II", 4, 4) + b"\xff\n\xc3\xbc"
    assert _file((4,), body).root("root").text(_A) == "??\u00fc".replace("??", "\ufffd?")


def test_unsigned_numbers() -> None:
    assert _file((4,), b"\xff" * 4).root("root").number(_A, UINT32) == 2**32 - 1
