"""The code of an ELF file, instruction by instruction."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tinycc_ml.errors import ToolchainError
from tinycc_ml.runner.cycles.instruction import Instruction, parse

OBJDUMP = "arm-none-eabi-objdump"
_LIMIT_S = 60.0
_FUNCTION = re.compile(r"^([0-9a-f]+) <(.+)>:$")
# "    8010:\tf8d3 3004 \tldr.w\tr3, [r3, #4]"
_LINE = re.compile(r"^\s*([0-9a-f]+):\t((?:[0-9a-f]{4} ?)+)\s*\t(\S+)(?:\t(.*))?$")


@dataclass(frozen=True, slots=True)
class Located:
    """An instruction in its place.

    Attributes:
        address: Of its first byte.
        size_bytes: 2 or 4.
        function: Name of the symbol that it follows.
        instruction: What it is.
    """

    address: int
    size_bytes: int
    function: str
    instruction: Instruction


@dataclass(frozen=True, slots=True)
class Disassembly:
    """A program.

    Attributes:
        code: Its instructions by address.
        functions: The address of each symbol in the code.
    """

    code: dict[int, Located]
    functions: dict[str, int]


def disassemble(elf: Path) -> Disassembly:
    """Runs `objdump`, which comes with the compiler.

    Raises:
        ToolchainError: If it is missing or fails.
    """
    program = shutil.which(OBJDUMP)
    if program is None:
        raise ToolchainError(
            f"{OBJDUMP} is not installed; on Debian and Ubuntu: "
            f"sudo apt-get install binutils-arm-none-eabi"
        )
    done = subprocess.run(
        [program, "--disassemble", "--show-raw-insn", str(elf)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        raise ToolchainError(f"{OBJDUMP} cannot read {elf.name}", details=done.stderr)
    return read_disassembly(done.stdout)


def read_disassembly(text: str) -> Disassembly:
    """What `objdump --disassemble --show-raw-insn` printed."""
    code: dict[int, Located] = {}
    functions: dict[str, int] = {}
    function = ""
    for line in text.splitlines():
        head = _FUNCTION.match(line)
        if head:
            function = head.group(2)
            functions[function] = int(head.group(1), 16)
            continue
        found = _LINE.match(line)
        if found:
            address, raw, mnemonic, operands = found.groups()
            at, size_bytes = int(address, 16), len(raw.replace(" ", "")) // 2
            code[at] = Located(at, size_bytes, function, parse(mnemonic, operands or ""))
    return Disassembly(code, functions)
