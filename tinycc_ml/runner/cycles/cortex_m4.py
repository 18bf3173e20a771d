"""Cycles of a Cortex-M4, and of a Cortex-M3 where it differs, without wait states.

Sources: *TRM* is Arm 100166, Cortex-M4 Technical Reference Manual r0p1; *LST* the section
"Load/store timings" of the r0p0 edition (Arm DDI 0439B), which TI prints word by word in SWCU185G.
The manuals give a jump's refill as 1 to 3 cycles; 2 is taken everywhere. Not in the table:
unaligned accesses, data and code in the same memory, literals whose load meets a fetch, interrupts.
"""

from __future__ import annotations

from tinycc_ml.runner.cycles.instruction import (
    BRANCHES,
    DIVIDES,
    FLOAT_ACCUMULATES,
    FLOAT_DIVIDES,
    FLOAT_LOADS,
    FLOAT_MULTIPLE,
    FLOAT_STORES,
    LOADS,
    LOADS_MULTIPLE,
    MEMORY,
    PAIRS,
    STORES,
    STORES_MULTIPLE,
    Instruction,
)
from tinycc_ml.runner.cycles.table import (
    CostTable,
    Row,
    always,
    fixed,
    is_conditional,
    named,
    one_more_than_words,
)

_REFILL = 2
_DIVIDE = 6


def _loads_pc(code: Instruction, _: Instruction | None) -> bool:
    return code.name in LOADS and code.sets_pc


def _behind_load(code: Instruction, before: Instruction | None) -> bool:
    """Right after a single load whose result is not its address."""
    if before is None or before.name not in LOADS or before.sets_pc:
        return False
    return code.name in LOADS | STORES and not before.results & code.address


def _behind_arithmetic(code: Instruction, before: Instruction | None) -> bool:
    """An address made of what a data processing instruction right before it computed."""
    if before is None or before.name in MEMORY | BRANCHES:
        return False
    return bool(before.results & code.address)


def _offset_store(code: Instruction, _: Instruction | None) -> bool:
    return code.name in STORES and code.has_register_offset


def _pops_pc(code: Instruction, _: Instruction | None) -> bool:
    return code.name in LOADS_MULTIPLE and "pc" in code.listed and not is_conditional(code)


def _doubles(code: Instruction, _: Instruction | None) -> bool:
    return code.name in FLOAT_LOADS | FLOAT_STORES and code.operands.startswith("d")


def _moves_two(code: Instruction, _: Instruction | None) -> bool:
    return code.name == "vmov" and code.operands.count(",") > 1


def _jumps(code: Instruction, _: Instruction | None) -> bool:
    return (code.name in BRANCHES or code.sets_pc) and not is_conditional(code)


_TABLE = "TRM, table 3-1"
_LST = "LST"
_FLOAT = "TRM, chapter 7, FPU instruction set"

_ROWS = (
    Row("load of PC", _loads_pc, fixed(5), f"{_LST}: at least five", "ldr pc, [r0]", 5),
    Row(
        "LDR or STR right after an LDR whose result is not its address",
        _behind_load,
        fixed(1),
        f"{_LST}: one cycle is removed from the next instruction's cost",
        "ldr r0, [r1]; str r0, [r3, r2]",
        3,
    ),
    Row("LDR", named(*LOADS), fixed(2), _TABLE, "ldrsb r0, [r1, r2]", 2),
    Row(
        "STR with register offset",
        _offset_store,
        fixed(2),
        f"{_TABLE}; {_LST}: nothing can be pipelined after it",
        "str r0, [r1, r2]",
        2,
    ),
    Row("STR", named(*STORES), fixed(1), f"{_LST}: always one cycle", "strb r0, [r1, #3]", 1),
    Row("LDRD, STRD", named(*PAIRS), fixed(3), _LST, "ldr r4, [r3]; ldrd r0, r1, [r2]", 5),
    Row(
        "LDM, POP with PC",
        _pops_pc,
        lambda code: one_more_than_words(code) + _REFILL,
        f"{_TABLE}: 1 + N + P",
        "pop {r4-r6, pc}",
        7,
    ),
    Row(
        "LDM, STM, PUSH, POP",
        named(*LOADS_MULTIPLE, *STORES_MULTIPLE),
        one_more_than_words,
        f"{_TABLE}: 1 + N",
        "stmia r0!, {r1-r3, r5}",
        5,
    ),
    Row("VLDR, VSTR of a double word", _doubles, fixed(3), _FLOAT, "vldr d1, [r0]", 3),
    Row("VLDR, VSTR", named(*FLOAT_LOADS, *FLOAT_STORES), fixed(2), _FLOAT, "vstr s1, [r0]", 2),
    Row(
        "VLDM, VSTM, VPUSH, VPOP",
        named(*FLOAT_MULTIPLE),
        one_more_than_words,
        f"{_FLOAT}: 1 + N, 1 + 2 N for double words",
        "vpush {d8-d9}",
        5,
    ),
    Row("VMOV of two core registers", _moves_two, fixed(2), _FLOAT, "vmov d0, r0, r1", 2),
    Row("VDIV, VSQRT", named(*FLOAT_DIVIDES), fixed(14), _FLOAT, "vdiv.f32 s0, s1, s2", 14),
    Row(
        "VMLA, VFMA and their kind",
        named(*FLOAT_ACCUMULATES),
        fixed(3),
        _FLOAT,
        "vfma.f32 s0, s1, s2",
        3,
    ),
    Row(
        "SDIV, UDIV",
        named(*DIVIDES),
        fixed(_DIVIDE),
        f"{_TABLE}: 2 to 12, by the operands; 6 is assumed",
        "sdiv r0, r1, r2",
        6,
    ),
    Row("TBB, TBH", named("tbb", "tbh"), fixed(6), f"{_LST}: at least six", "tbb [pc, r0]", 6),
    Row("B, BL, BX, BLX, MOV to PC", _jumps, fixed(1 + _REFILL), f"{_TABLE}: 1 + P", "bx lr", 3),
    Row(
        "all other: arithmetic, multiplication, SIMD, saturation, B<cond> that is not taken",
        always,
        fixed(1),
        f"{_TABLE}; {_FLOAT}. IT may even be folded",
        "smlad r0, r1, r2, r0",
        1,
    ),
)

_STALLS = (
    Row(
        "address from the data processing instruction right before",
        _behind_arithmetic,
        fixed(1),
        f"{_LST}: there is no forwarding path",
        "add r0, r0, r1; str r2, [r0, #4]",
        3,
    ),
)

CORTEX_M4 = CostTable("cortex-m4", _ROWS, _STALLS, _REFILL)

_M3_TRM = "Cortex-M3 TRM, Arm DDI 0337H, table 3-1"
CORTEX_M3 = CostTable(
    "cortex-m3",
    (
        Row("MLA, MLS", named("mla", "mls"), fixed(2), _M3_TRM, "mla r0, r1, r2, r0", 2),
        Row(
            "SMULL, UMULL",
            named("smull", "umull"),
            fixed(4),
            f"{_M3_TRM}: 3 to 5, by the operands; 4 is assumed",
            "smull r0, r1, r2, r3",
            4,
        ),
        Row(
            "SMLAL, UMLAL",
            named("smlal", "umlal"),
            fixed(6),
            f"{_M3_TRM}: 4 to 7, by the operands; 6 is assumed",
            "smlal r0, r1, r2, r3",
            6,
        ),
        *_ROWS,
    ),
    _STALLS,
    _REFILL,
)
