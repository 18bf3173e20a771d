"""What the firmware harness is built of for one machine, as data for build files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """A board or an emulated one that the harness runs on.

    Attributes:
        name: ``board`` or ``qemu``.
        folders: Folders of ``firmware_harness/`` with its start-up code and port.
        linker_script: The script in ``firmware_harness/linker/``.
        memory_script: Text of the ``memory.ld`` that the script includes.
        flags: Compiler flags of its core, which may be another one than the model's.
        macros: Definitions that its sources want, as ``NAME=VALUE``.
        emulator: Command line that runs a program in QEMU, up to the ELF file's name; empty for a
            board.
    """

    name: str
    folders: tuple[str, ...]
    linker_script: str
    memory_script: str
    flags: tuple[str, ...]
    macros: tuple[str, ...]
    emulator: tuple[str, ...] = ()
