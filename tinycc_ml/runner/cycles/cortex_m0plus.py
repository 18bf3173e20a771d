"""Cycles of a Cortex-M0+ without wait states: its Technical Reference Manual, Arm DDI 0484C.

The multiplier is the fast one of 1 cycle; the core can also be built with one of 32 cycles.
"""

from __future__ import annotations

from tinycc_ml.runner.cycles.instruction import (
    BRANCHES,
    LOADS,
    LOADS_MULTIPLE,
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

_TABLE = "Cortex-M0+ TRM, table 3.1"


def _pops_pc(code: Instruction, _: Instruction | None) -> bool:
    return code.name == "pop" and "pc" in code.listed


def _jumps(code: Instruction, _: Instruction | None) -> bool:
    return (code.name in BRANCHES or code.sets_pc) and not is_conditional(code)


CORTEX_M0PLUS = CostTable(
    "cortex-m0plus",
    (
        Row("LDR, STR", named(*LOADS, *STORES), fixed(2), _TABLE, "ldr r0, [r1]; ldr r2, [r3]", 4),
        Row(
            "POP with PC",
            _pops_pc,
            lambda code: one_more_than_words(code) + 2,
            f"{_TABLE}: 3 + N, N with PC",
            "pop {r4, r5, pc}",
            6,
        ),
        Row(
            "LDM, STM, PUSH, POP",
            named(*LOADS_MULTIPLE, *STORES_MULTIPLE),
            one_more_than_words,
            f"{_TABLE}: 1 + N",
            "push {r4, r5, lr}",
            4,
        ),
        Row("BL", named("bl"), fixed(3), _TABLE, "bl .", 3),
        Row("B, BX, BLX, MOV to PC", _jumps, fixed(2), _TABLE, "bx lr", 2),
        Row(
            "all other: arithmetic, MULS, B<cond> that is not taken",
            always,
            fixed(1),
            f"{_TABLE}; MULS with the fast multiplier",
            "muls r0, r1",
            1,
        ),
    ),
    (),
    1,
)
