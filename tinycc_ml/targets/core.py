"""Cores as data: instruction-set features and the compiler flags that select them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Cores that one compiler builds for.
Family = Literal["cortex-m", "riscv", "aarch64", "xtensa", "host"]


@dataclass(frozen=True, slots=True)
class Core:
    """A processor core.

    Attributes:
        name: As the vendor writes it, in lower case: ``cortex-m7``. RISC-V cores that have no name
            people know are called as their instruction set: ``rv32imc``.
        features: Instruction-set features that kernels may require: ``thumb1``, ``thumb2``,
            ``dsp`` (SMLAD and friends), ``dual_issue`` (starts two instructions at a time, in
            order), ``mve`` (Helium vectors; needs the vector registers, so `fpu` must not be
            ``none``), ``umull`` (32x32 to 64 bits), ``unaligned`` (unaligned word access),
            ``native`` (the build machine), ``riscv``, ``rvv`` (RISC-V vectors 1.0 of any length),
            ``aarch64`` (with NEON), ``dotprod`` (SDOT), ``xtensa``.
        flags: GCC and Clang flags that select the core, without the floating-point ones.
        fpu_flags: The floating-point flags by the board's ``fpu``: ``none``, ``sp``, ``dp``.
        macs_per_cycle: Multiply-accumulates of int8 that its multipliers can do at most, operands
            being in registers; see docs/benchmarks.md. 0 where that is not known.
        family: Which compiler builds for it.
    """

    name: str
    features: frozenset[str]
    flags: tuple[str, ...]
    fpu_flags: dict[str, tuple[str, ...]]
    macs_per_cycle: int = 0
    family: Family = "cortex-m"


_SOFT = ("-mfloat-abi=soft",)
_T2 = frozenset({"thumb2", "umull", "unaligned"})
# Without the DSP extension two pixels share a word: a multiplication and an addition for two
# products. SMLAD does two products. VMLADAVA.S8 does 16 in the two cycles that it takes.
_WORD, _SMLAD, _VMLADAVA = 1, 2, 8


def _arm(
    name: str,
    features: frozenset[str],
    *,
    sp: tuple[str, ...] | None = None,
    dp: tuple[str, ...] | None = None,
    cpu: str = "",
) -> Core:
    fpu: dict[str, tuple[str, ...]] = {"none": _SOFT}
    if sp is not None:
        fpu["sp"] = ("-mfloat-abi=hard", *sp)
    if dp is not None:
        fpu["dp"] = ("-mfloat-abi=hard", *dp)
    macs_per_cycle = _VMLADAVA if "mve" in features else _SMLAD if "dsp" in features else _WORD
    return Core(name, features, (f"-mcpu={cpu or name}", "-mthumb"), fpu, macs_per_cycle)


def _riscv(
    name: str, isa: str, abi: str, features: frozenset[str] = frozenset(), *, fpu: str = "none"
) -> Core:
    """A RISC-V core. Its floating-point unit is part of the instruction set, not a choice."""
    # At 0x8000_0000 and above, RV64's usual code model cannot reach anything.
    model = ("-mcmodel=medany",) if isa.startswith("rv64") else ()
    flags = (f"-march={isa}", f"-mabi={abi}", *model)
    return Core(name, features | {"riscv", "umull"}, flags, {fpu: ()}, family="riscv")


def _aarch64(name: str, features: frozenset[str] = frozenset(), *, march: str = "") -> Core:
    """An Armv8-A core under Linux. NEON and double precision are always there."""
    known = features | {"aarch64", "umull", "unaligned"}
    flags = (f"-march={march}",) if march else (f"-mcpu={name}",)
    return Core(name, known, flags, {"dp": ()}, family="aarch64")


def _xtensa(name: str) -> Core:
    # The compiler is one per chip (xtensa-esp32-elf-gcc), so that no flags select the core.
    return Core(name, frozenset({"xtensa", "umull"}), ("-mlongcalls",), {"sp": ()}, family="xtensa")


CORES: dict[str, Core] = {
    core.name: core
    for core in (
        _arm("cortex-m0", frozenset({"thumb1"})),
        _arm("cortex-m0plus", frozenset({"thumb1"})),
        _arm("cortex-m3", _T2),
        _arm("cortex-m4", _T2 | {"dsp"}, sp=("-mfpu=fpv4-sp-d16",)),
        _arm(
            "cortex-m7",
            _T2 | {"dsp", "dual_issue"},
            sp=("-mfpu=fpv5-sp-d16",),
            dp=("-mfpu=fpv5-d16",),
        ),
        _arm("cortex-m23", frozenset({"thumb1"})),
        _arm("cortex-m33", _T2 | {"dsp"}, sp=("-mfpu=fpv5-sp-d16",)),
        _arm("cortex-m55", _T2 | {"dsp", "mve"}, dp=("-mfpu=auto",)),
        # GCC 12, which Debian 12 ships, does not know -mcpu=cortex-m85; the M55's code runs on it.
        _arm("cortex-m85", _T2 | {"dsp", "mve"}, dp=("-mfpu=auto",), cpu="cortex-m55"),
        _riscv("rv32imc", "rv32imc", "ilp32"),
        _riscv("rv32imac", "rv32imac", "ilp32"),
        # It has Zbs too, with which GCC 12 fails on ordinary code ("unrecognizable insn").
        _riscv("hazard3", "rv32imac_zba_zbb_zbkb", "ilp32"),
        _riscv("rv64gc", "rv64gc", "lp64d", fpu="dp"),
        _riscv("rv64gcv", "rv64gc", "lp64d", frozenset({"rvv"}), fpu="dp"),
        _aarch64("armv8-a", march="armv8-a"),
        _aarch64("cortex-a53"),
        _aarch64("cortex-a72"),
        _aarch64("cortex-a76", frozenset({"dotprod"})),
        _xtensa("xtensa-lx6"),
        _xtensa("xtensa-lx7"),
        Core(
            "host",
            frozenset({"native", "umull", "unaligned"}),
            (),
            {"none": (), "dp": ()},
            family="host",
        ),
    )
}
