"""The cost tables: every row by its own example, and blocks whose cycles the manuals give."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess

import pytest

from tests.cycles.assembler import block, code
from tinycc_ml.runner.cycles.cortex_m0plus import CORTEX_M0PLUS
from tinycc_ml.runner.cycles.cortex_m4 import CORTEX_M3, CORTEX_M4
from tinycc_ml.runner.cycles.disassembly import disassemble
from tinycc_ml.runner.cycles.table import CostTable, Row

TABLES = (CORTEX_M0PLUS, CORTEX_M3, CORTEX_M4)
ROWS = [
    pytest.param(table, row, id=f"{table.core}: {row.what}")
    for table in TABLES
    for row in (*table.rows, *table.stalls)
]
needs_assembler = pytest.mark.skipif(
    shutil.which("arm-none-eabi-as") is None, reason="arm-none-eabi-as is not installed"
)


def without(table: CostTable, row: Row) -> CostTable:
    keep = [tuple(r for r in rows if r is not row) for rows in (table.rows, table.stalls)]
    return dataclasses.replace(table, rows=keep[0], stalls=keep[1])


@pytest.mark.parametrize(("table", "row"), ROWS)
def test_every_row_gives_its_example_its_cycles(table: CostTable, row: Row):
    *others, last = code(row.example)
    before = others[-1] if others else None
    if row in table.stalls:
        assert row.matches(last, before)
    else:
        assert table.row(last, before) is row
    assert table.pass_cycles(code(row.example)) == row.example_cycles
    assert row.what and row.source


@pytest.mark.parametrize(("table", "row"), ROWS)
def test_a_wrong_row_is_noticed(table: CostTable, row: Row):
    dearer = dataclasses.replace(row, cycles=lambda c: row.cycles(c) + 1)
    planted = dataclasses.replace(
        table,
        rows=tuple(dearer if r is row else r for r in table.rows),
        stalls=tuple(dearer if r is row else r for r in table.stalls),
    )
    assert planted.pass_cycles(code(row.example)) > row.example_cycles


@pytest.mark.parametrize(("table", "row"), ROWS)
def test_no_row_is_shadowed_by_those_after_it(table: CostTable, row: Row):
    if row is table.rows[-1]:
        return
    lesser = without(table, row)
    *others, last = code(row.example)
    before = others[-1] if others else None
    if row in table.stalls:
        assert lesser.pass_cycles(code(row.example)) == row.example_cycles - 1
    else:
        assert lesser.row(last, before) is not row


@pytest.mark.parametrize(
    ("text", "cycles"),
    [
        # The examples of the manual's section on load/store timings.
        ("ldr r0, [r1]; ldr r1, [r2]", 3),
        ("ldr r0, [r1, r2]; str r0, [r3, #20]", 3),
        ("ldr r0, [r1, r2]; str r1, [r3, r2]", 3),
        ("ldr r0, [r1, r5]; ldr r1, [r2]; ldr r2, [r3, #4]", 4),
        # A load that needs the one before it is not pipelined.
        ("ldr r0, [r1]; ldr r2, [r0]", 4),
        ("ldr r0, [r1]; str r2, [r0, r3]", 4),
        # Nothing is pipelined behind these.
        ("str r0, [r1, r2]; ldr r3, [r4]", 4),
        ("ldrd r0, r1, [r2]; ldr r3, [r4]", 5),
        ("ldm r0!, {r1, r2, r3}; ldr r4, [r5]", 6),
        # An address from arithmetic, but not from a load of several or a comparison.
        ("adds r0, #4; ldr r1, [r0]", 4),
        ("adds r0, #4; ldrd r1, r2, [r0]", 5),
        ("adds r0, #4; ldm r0, {r1, r2}", 5),
        ("cmp r0, #4; ldr r1, [r0]", 3),
        ("smull r0, r1, r2, r3; str r2, [r1]", 3),
        # Eight products of the 2x4 tile: one group of loads, then arithmetic.
        ("ldr r0, [r1], #4; ldr r2, [r3], #4; ldr r4, [r5], #4; ldr r6, [r7], #4", 5),
        ("smlad r0, r1, r2, r0; sxtb16 r3, r3; smmlar r4, r5, r6, r7; ssat r8, #8, r8, asr #3", 4),
        # Conditional jumps that are not taken, in an IT block too.
        ("it ne; popne {r4, pc}", 4),
        ("it eq; bxeq lr", 2),
        ("ldrne r0, [r1]; ldrhi.w r2, [r3]", 3),
        ("vadd.f32 s0, s1, s2; vmov s0, r1; vmul.f32 s3, s4, s5; vmrs APSR_nzcv, fpscr", 4),
    ],
)
def test_cortex_m4(text: str, cycles: int):
    assert CORTEX_M4.pass_cycles(code(text)) == cycles


def test_jumps_cost_a_refill_when_they_are_taken():
    # Ten turns of a loop: nine times back, once through.
    loop = block("subs r0, #1; bne.n 8000 <f>", times=10, left=9)
    assert CORTEX_M4.cycles([loop]) == 10 * 2 + 9 * 2
    assert CORTEX_M0PLUS.cycles([loop]) == 10 * 2 + 9 * 1
    # What always jumps has its refill in the row.
    assert CORTEX_M4.cycles([block("bl 8000 <f>", times=10, left=10)]) == 30
    assert CORTEX_M4.cycles([block("it ne; bxne lr", times=5, left=2)]) == 5 * 2 + 2 * 2
    assert CORTEX_M4.cycles([block("cbz r0, 8010 <f>", times=5, left=5)]) == 15


def test_cortex_m0plus_pipelines_nothing():
    assert CORTEX_M0PLUS.pass_cycles(code("ldr r0, [r1]; ldrb r2, [r0]; strh r3, [r4]")) == 6
    assert CORTEX_M0PLUS.pass_cycles(code("push {r4-r7, lr}; pop {r4-r7}; blx r3")) == 13


def test_the_cores_are_those_of_the_board_files():
    from tinycc_ml.runner.cycles.estimate import PRICES
    from tinycc_ml.targets import CORES

    assert set(PRICES) <= set(CORES)
    assert [t.core for t in TABLES] == ["cortex-m0plus", "cortex-m3", "cortex-m4"]


@needs_assembler
@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.core)
def test_examples_are_read_as_objdump_writes_them(table: CostTable, tmp_path):
    rows = (*table.rows, *table.stalls)
    parts = [f"f{i}:\n" + row.example.replace(";", "\n") + "\nnop\n" for i, row in enumerate(rows)]
    thumb1 = table.core == "cortex-m0plus"
    flags = ["-mcpu=cortex-m0plus"] if thumb1 else ["-mcpu=cortex-m4", "-mfpu=fpv5-d16"]
    source, elf = tmp_path / "a.s", tmp_path / "a.o"
    labels = "".join(f".type f{i}, %function\n" for i in range(len(rows)))
    source.write_text(f".syntax unified\n.thumb\n{labels}" + "".join(parts))
    subprocess.run(["arm-none-eabi-as", *flags, source, "-o", elf], check=True)
    program = disassemble(elf)
    for i, row in enumerate(rows):
        found = [c.instruction for c in program.code.values() if c.function == f"f{i}"]
        assert table.pass_cycles(found[:-1]) == row.example_cycles, row.what
        assert found[-1].name == "nop"
