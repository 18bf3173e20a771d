"""A board as validated data: what `boards/<name>.toml` may say.

Only this package uses pydantic; everything above sees frozen objects.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tinycc_ml.targets.core import CORES, Core

# TOML has its own integers and strings: `size_bytes = true` or `1.0` is a mistake, not a number.
_Int = Annotated[int, Field(strict=True)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
Text = Annotated[str, Field(min_length=1, max_length=400)]
# Machine options and macros only: a board file must not be able to load a compiler plugin.
Flag = Annotated[str, Field(pattern=r"^-[mD][A-Za-z0-9_+=.,-]+$", max_length=80)]

_ADDRESS_END = 2**32


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Memory(_Data):
    """One memory region as the linker sees it."""

    name: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=20)]
    """Name in linker scripts and reports."""
    kind: Literal["flash", "ram", "itcm", "dtcm"]
    """`flash` holds code and weights, `ram` and `dtcm` hold data, `itcm` is code RAM."""
    origin: Annotated[_Int, Field(ge=0, lt=_ADDRESS_END)]
    """First address."""
    size_bytes: Annotated[_Int, Field(gt=0, le=2**31)]
    """Size in bytes."""
    wait_states: Annotated[_Int, Field(ge=0, le=31)] = 0
    """Extra core cycles of an uncached access at the board's clock."""
    access_bits: Literal[16, 32, 64, 128, 256] = 32
    """How much one access reads: a flash may give several words after its wait states."""

    @property
    def end(self) -> int:
        """The first address after the region."""
        return self.origin + self.size_bytes


class Caches(_Data):
    """Caches between the core and the memories with wait states: the core's own or the flash's."""

    instruction_bytes: Annotated[_Int, Field(ge=0, le=2**20)]
    """Size of the instruction cache in bytes."""
    data_bytes: Annotated[_Int, Field(ge=0, le=2**20)]
    """Size of the data cache in bytes."""


class Emulator(_Data):
    """How QEMU runs this board's code.

    A board that QEMU does not know names, in `firmware_of`, the board file of the machine with the
    same core: the firmware is then built for that machine's memories and serial port, while this
    board's own memory limits still decide whether a model fits.
    """

    program: Literal[
        "qemu-system-arm", "qemu-system-riscv32", "qemu-system-riscv64", "qemu-aarch64"
    ] = "qemu-system-arm"
    """Which QEMU. `qemu-aarch64` runs a program for Linux instead of a whole machine."""
    machine: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
    """QEMU's name of the machine (`qemu-system-arm -M`); `linux` for `qemu-aarch64`."""
    cpu: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.,=_-]*$", max_length=80)] = ""
    """The core and its options (`-cpu`), where the machine does not decide that."""
    firmware_of: Name
    """The board whose start-up code, linker script and serial port the firmware uses."""
    timer_hz: Annotated[_Int, Field(gt=0)]
    """Frequency of the emulated timer.

    Virtual time is one nanosecond per instruction (`-icount shift=0`), so this tells how many
    instructions pass per tick.
    """
    note: Annotated[str, Field(max_length=400)] = ""
    """What of the emulation differs from the board."""

    @property
    def is_program(self) -> bool:
        """Whether the firmware runs as a program under Linux."""
        return self.program == "qemu-aarch64"


class Firmware(_Data):
    """Which files of `firmware_harness/` make a firmware for this board."""

    port: Literal["mps2", "mps3", "virt", "stm32f7", "posix"]
    """The port: start-up code, serial port and timer."""
    baud: Annotated[_Int, Field(gt=0)] = 115200
    """Speed of the serial line."""


class PlatformIO(_Data):
    """What PlatformIO calls the board: the lines of a project's `platformio.ini`."""

    platform: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$", max_length=60)]
    """The development platform that knows the board (`platform = ststm32`)."""
    board: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=60)]
    """The board's id; `--board` takes it too."""
    framework: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$", max_length=30)] | None = None
    """A framework that the platform offers for the board; absent for bare firmware only."""


class Debug(_Data):
    """The board's debug probe: how to flash it, and its serial port on USB."""

    pyocd: Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=40)] | None = None
    """pyOCD's name of the target."""
    openocd: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z0-9_/.-]+\.cfg$", max_length=80)], ...],
        Field(max_length=4),
    ] = ()
    """OpenOCD's scripts of the probe and the target, in this order."""
    usb: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{4}(:[0-9a-f]{4})?$")], ...],
        Field(max_length=8),
    ] = ()
    """USB ids of its serial port: vendor, or vendor and product, in hexadecimal."""


class Source(_Data):
    """Where a number comes from."""

    field: Text
    """The field or memory that the number stands in."""
    document: Text
    """The document (data sheet, reference manual, machine description) and what it says."""


class Board(_Data):
    """A board: core, clock, memories, how to build for it and how to run it."""

    name: Name
    """What `--board` takes; the file's name without `.toml`."""
    title: Text
    """The vendor's name of the board."""
    vendor: Text
    """Who makes the board."""
    core: str
    """The processor core: one of `tinycc_ml.targets.CORES`."""
    clock_hz: Annotated[_Int, Field(gt=0)]
    """Core clock that cycle and latency figures assume."""
    fpu: Literal["none", "sp", "dp"] = "none"
    """The floating-point unit: none, single or double precision."""
    memories: Annotated[tuple[Memory, ...], Field(min_length=1, max_length=32)]
    """The memory regions; they may touch but not overlap."""
    caches: Caches | None = None
    """The caches in front of memories with wait states; absent if there are none."""
    platformio: PlatformIO | None = None
    """What PlatformIO calls the board; absent if its registry's platforms do not know it."""
    emulator: Emulator | None = None
    """How QEMU runs this board's code; absent if it cannot."""
    firmware: Firmware | None = None
    """Which port of the firmware harness drives the board itself; absent if there is none yet."""
    debug: Debug | None = None
    """The debug probe on the board; absent if there is none, or it is not known."""
    compiler_flags: tuple[Flag, ...] = ()
    """Compiler flags after those of the core; `-m...` and `-D...` only."""
    sources: Annotated[tuple[Source, ...], Field(min_length=1, max_length=64)]
    """Where the numbers come from."""

    @model_validator(mode="after")
    def _check(self) -> Board:
        _check_core(self)
        _check_memories(self.memories)
        return self

    @property
    def core_data(self) -> Core:
        """The core's features and compiler flags."""
        return CORES[self.core]

    @property
    def is_host(self) -> bool:
        """Whether the board is the machine that tinycc-ml runs on."""
        return self.core == "host"

    def memory_bytes(self, *kinds: str) -> int:
        """Total size of the memories of these kinds, in bytes."""
        return sum(m.size_bytes for m in self.memories if m.kind in kinds)

    def largest_block_bytes(self, *kinds: str) -> int:
        """Largest run of adjacent memories of these kinds, in bytes: the limit of one array."""
        best = run = end = 0
        for memory in sorted(self.memories, key=lambda m: m.origin):
            if memory.kind in kinds:
                run = (run if memory.origin == end else 0) + memory.size_bytes
                end, best = memory.end, max(best, run)
        return best

    @property
    def flash_bytes(self) -> int:
        """Flash that code and weights may use, in bytes."""
        return self.memory_bytes("flash")

    @property
    def ram_bytes(self) -> int:
        """Data RAM that arena, stack and variables may use, in bytes."""
        return self.memory_bytes("ram", "dtcm")


def _check_core(board: Board) -> None:
    core = CORES.get(board.core)
    if core is None:
        raise ValueError(f"core: {board.core[:40]!r} is not known; allowed {', '.join(CORES)}")
    if board.fpu not in core.fpu_flags:
        allowed = ", ".join(core.fpu_flags)
        raise ValueError(f"fpu: {board.fpu!r} does not exist on {core.name}; allowed {allowed}")


def _check_memories(memories: tuple[Memory, ...]) -> None:
    names = [m.name for m in memories]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"memories: {twice[0]} is defined twice; allowed once")
    for kinds in (("flash",), ("ram", "dtcm")):
        if not any(m.kind in kinds for m in memories):
            raise ValueError(f"memories: none is of kind {' or '.join(kinds)}; one is needed")
    ordered = sorted(memories, key=lambda m: m.origin)
    for low, high in pairwise(ordered):
        if high.origin < low.end:
            raise ValueError(
                f"memories: {high.name} starts at {high.origin:#010x}, inside {low.name}; "
                f"allowed from {low.end:#010x}"
            )
    if ordered[-1].end > _ADDRESS_END:
        raise ValueError(
            f"memories: {ordered[-1].name} ends at {ordered[-1].end:#x}; allowed up to 0x100000000"
        )
