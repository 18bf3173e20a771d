"""Thumb instructions as `objdump` writes them, as far as their timing needs them understood."""

from __future__ import annotations

import re
from dataclasses import dataclass


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONDITIONS = _names("eq ne cs cc hs lo mi pl vs vc hi ls ge lt gt le")

LOADS = _names("ldr ldrb ldrh ldrsb ldrsh ldrt ldrbt ldrht ldrsbt ldrsht ldrex ldrexb ldrexh")
STORES = _names("str strb strh strt strbt strht strex strexb strexh")
PAIRS = _names("ldrd strd")
LOADS_MULTIPLE = _names("ldm ldmia ldmdb pop")
STORES_MULTIPLE = _names("stm stmia stmdb push")
FLOAT_LOADS = _names("vldr")
FLOAT_STORES = _names("vstr")
FLOAT_MULTIPLE = _names("vldm vldmia vldmdb vpop vstm vstmia vstmdb vpush")
MULTIPLE = LOADS_MULTIPLE | STORES_MULTIPLE | FLOAT_MULTIPLE
MEMORY = LOADS | STORES | PAIRS | MULTIPLE | FLOAT_LOADS | FLOAT_STORES
BRANCHES = _names("b bl blx bx cbz cbnz tbb tbh")
LONG_MULTIPLIES = _names(
    "smull umull smlal umlal umaal smlald smlaldx smlsld smlsldx smlalbb smlalbt smlaltb smlaltt"
)
DIVIDES = _names("sdiv udiv")
FLOAT_DIVIDES = _names("vdiv vsqrt")
FLOAT_ACCUMULATES = _names("vmla vmls vnmla vnmls vfma vfms vfnma vfnms")
_ARITHMETIC = _names("mov movs add adds sub subs mul muls mla mls teq svc vmov")

# Write no core register.
_NO_RESULT = _names("cmp cmn tst teq nop it strd") | BRANCHES | STORES | STORES_MULTIPLE
# Names that a condition may follow, and names that only look as if one did.
_KNOWN = (
    MEMORY | BRANCHES | LONG_MULTIPLIES | DIVIDES | FLOAT_DIVIDES | FLOAT_ACCUMULATES | _ARITHMETIC
)
_REGISTER = re.compile(r"\b(?:r\d+|sp|lr|pc|ip|sl|fp)\b")
_LIST = re.compile(r"\{(.*)\}")
_RANGE = re.compile(r"([rsd])(\d+)-[rsd](\d+)$")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        name: Mnemonic without width, element type and condition: ``ldr``, ``vadd``.
        operands: The rest of the line, without comments.
        condition: Of a conditional branch or of an instruction in an IT block, as far as its name
            is one that timing looks at; else empty.
    """

    name: str
    operands: str
    condition: str = ""

    @property
    def _first(self) -> str:
        return self.operands.split(",")[0].strip()

    @property
    def listed(self) -> tuple[str, ...]:
        """The registers of ``{r4-r6, lr}``, ranges written out."""
        found = _LIST.search(self.operands)
        names: list[str] = []
        for part in found.group(1).split(",") if found else ():
            span = _RANGE.match(part.strip())
            if span:
                kind, low, high = span.groups()
                names += [f"{kind}{i}" for i in range(int(low), int(high) + 1)]
            elif part.strip():
                names.append(part.strip())
        return tuple(names)

    @property
    def address(self) -> frozenset[str]:
        """The registers that an access to memory makes its address of."""
        if self.name not in MEMORY and self.name not in ("tbb", "tbh"):
            return frozenset()
        if self.name in ("push", "pop", "vpush", "vpop"):
            return frozenset(("sp",))
        inside = re.search(r"\[(.*?)\]", self.operands)
        return frozenset(_REGISTER.findall(inside.group(1) if inside else self._first))

    @property
    def has_register_offset(self) -> bool:
        """Whether the address is the sum of two registers."""
        return "[" in self.operands and len(self.address) > 1

    @property
    def results(self) -> frozenset[str]:
        """The core registers that it writes, but for a base register that it moves."""
        if self.name in _NO_RESULT:
            return frozenset()
        if self.name in LOADS_MULTIPLE:
            return frozenset(self.listed)
        count = 2 if self.name in LONG_MULTIPLIES or self.name == "ldrd" else 1
        names = ",".join(self.operands.split(",")[:count])
        return frozenset(_REGISTER.findall(names)) if "[" not in names else frozenset()

    @property
    def sources(self) -> frozenset[str]:
        """The core registers that it reads; accumulators are among them."""
        if self.name in LOADS_MULTIPLE:
            return self.address
        if self.name in STORES_MULTIPLE:
            return self.address.union(self.listed)
        whole = _NO_RESULT | PAIRS | frozenset(("vstr", "vstm", "vmov"))
        parts = self.operands.split(",")
        # `add r0, #1` and `smlald r0, r1, ...` read what they write.
        if self.name in whole or len(parts) == 2 or self.name in LONG_MULTIPLIES:
            read = self.operands
        else:
            read = ",".join(parts[1:])
        if self.name in LOADS or self.name in ("mov", "movs", "mvn", "mvns", "ldrd"):
            return frozenset(_REGISTER.findall(read)) - self.results | self.address
        return frozenset(_REGISTER.findall(read))

    @property
    def sets_pc(self) -> bool:
        """Whether it writes the program counter and is no branch by name."""
        return self.name not in BRANCHES and "pc" in self.results


def parse(mnemonic: str, operands: str) -> Instruction:
    """An instruction from the two columns of a disassembly.

    Args:
        mnemonic: Such as ``ldrne.w``.
        operands: Such as ``r3, [pc, #8]  @ (80 <f+0x10>)``; comments are dropped.
    """
    name = mnemonic.split(".", maxsplit=1)[0]
    text = re.split(r"[;@]", operands)[0].strip()
    if name.startswith("it") and set(name[2:]) <= {"t", "e"}:
        return Instruction("it", text)
    if name not in _KNOWN and name[-2:] in CONDITIONS and name[:-2] in _KNOWN:
        return Instruction(name[:-2], text, name[-2:])
    return Instruction(name, text)
