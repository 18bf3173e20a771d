"""How many bytes an object file brings into memory."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from tinycc_ml.errors import ToolchainError

_WRITE, _ALLOC, _EXECUTE = 1, 2, 4
_NOBITS = 8
# Unwind tables and notes: a microcontroller's C program does not need them.
_NOT_COUNTED = (".eh_frame", ".ARM.exidx", ".ARM.extab", ".note")

#: What the linker fragment of a model copies to RAM.
_COPIED = (".tcml_hot_code", ".tcml_hot_weights")


@dataclass(frozen=True, slots=True)
class SectionSizes:
    """Bytes of an object file by what they are.

    Attributes:
        text_bytes: Machine code.
        rodata_bytes: Constants.
        data_bytes: Variables with an initial value: both in flash and in RAM.
        bss_bytes: Variables without.
        copied_bytes: What of the code and constants is copied to RAM at start-up, and so is in
            flash and in RAM.
    """

    text_bytes: int
    rodata_bytes: int
    data_bytes: int
    bss_bytes: int
    copied_bytes: int = 0

    @property
    def flash_bytes(self) -> int:
        """What has to be stored."""
        return self.text_bytes + self.rodata_bytes + self.data_bytes

    @property
    def ram_bytes(self) -> int:
        """What needs RAM."""
        return self.data_bytes + self.bss_bytes + self.copied_bytes


def section_sizes(path: Path) -> SectionSizes:
    """Adds up the sections of a little-endian ELF object file or program.

    Raises:
        ToolchainError: If the file is no such file.
    """
    try:
        return _add_up(path.read_bytes())
    except (struct.error, IndexError, ValueError) as error:
        raise ToolchainError(f"{path.name}: not a little-endian ELF file: {error}") from error


def _add_up(data: bytes) -> SectionSizes:
    if data[:4] != b"\x7fELF" or data[5] != 1:
        raise ValueError("wrong magic number")
    wide = data[4] == 2
    table, entry_bytes, count, names_index = (
        (*struct.unpack_from("<Q", data, 40), *struct.unpack_from("<HHH", data, 58))
        if wide
        else (*struct.unpack_from("<I", data, 32), *struct.unpack_from("<HHH", data, 46))
    )
    # name, type, flags, address, offset, size
    layout = "<IIQQQQ" if wide else "<IIIIII"
    headers = [struct.unpack_from(layout, data, table + i * entry_bytes) for i in range(count)]
    names_at = headers[names_index][4]
    totals = dict.fromkeys(("text", "rodata", "data", "bss", "copied"), 0)
    for name_offset, kind, flags, _, _, size in headers:
        start = names_at + name_offset
        name = data[start : data.index(b"\0", start)].decode("ascii", errors="replace")
        if flags & _ALLOC and not name.startswith(_NOT_COUNTED):
            totals[_class_of(kind, flags)] += size
            totals["copied"] += size if name.startswith(_COPIED) else 0
    return SectionSizes(*totals.values())


def _class_of(kind: int, flags: int) -> str:
    if flags & _EXECUTE:
        return "text"
    if not flags & _WRITE:
        return "rodata"
    return "bss" if kind == _NOBITS else "data"
