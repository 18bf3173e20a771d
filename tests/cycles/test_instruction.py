"""Instructions: names without conditions, registers read and written."""

from __future__ import annotations

import pytest

from tests.cycles.assembler import code
from tinycc_ml.runner.cycles.instruction import Instruction, parse


@pytest.mark.parametrize(
    ("mnemonic", "name", "condition"),
    [
        ("ldr.w", "ldr", ""),
        ("ldrne.w", "ldr", "ne"),
        ("ldrhs", "ldr", "hs"),
        ("ldrsh", "ldrsh", ""),
        ("ldrlt", "ldr", "lt"),
        ("strls", "str", "ls"),
        ("b.n", "b", ""),
        ("bl", "bl", ""),
        ("bls.n", "b", "ls"),
        ("blt.w", "b", "lt"),
        ("ble", "b", "le"),
        ("blx", "blx", ""),
        ("bhi", "b", "hi"),
        ("bic", "bic", ""),
        ("bics", "bics", ""),
        ("bxeq", "bx", "eq"),
        ("muls", "muls", ""),
        ("mls", "mls", ""),
        ("smlal", "smlal", ""),
        ("teq", "teq", ""),
        ("movs", "movs", ""),
        ("vmls.f32", "vmls", ""),
        ("vmla.f32", "vmla", ""),
        ("itte", "it", ""),
        ("popne", "pop", "ne"),
        ("stmia.w", "stmia", ""),
    ],
)
def test_names(mnemonic: str, name: str, condition: str):
    found = parse(mnemonic, "")
    assert (found.name, found.condition) == (name, condition)


def test_comments_are_dropped():
    assert parse("ldr", "r3, [pc, #8]\t@ (80 <f+0x10>)") == Instruction("ldr", "r3, [pc, #8]")
    assert parse("ldr", "r3, [pc, #8]\t; 0x80").operands == "r3, [pc, #8]"


def only(text: str) -> Instruction:
    (found,) = code(text)
    return found


@pytest.mark.parametrize(
    ("text", "address", "results", "sources"),
    [
        ("ldr r0, [r1, r2, lsl #2]", {"r1", "r2"}, {"r0"}, {"r1", "r2"}),
        ("ldr r0, [r0], #4", {"r0"}, {"r0"}, {"r0"}),
        ("str r0, [r1, #4]!", {"r1"}, set(), {"r0", "r1"}),
        ("ldrd r0, r1, [r2]", {"r2"}, {"r0", "r1"}, {"r2"}),
        ("strd r0, r1, [sp, #8]", {"sp"}, set(), {"r0", "r1", "sp"}),
        ("ldmia r0!, {r1-r3, lr}", {"r0"}, {"r1", "r2", "r3", "lr"}, {"r0"}),
        ("pop {r4, pc}", {"sp"}, {"r4", "pc"}, {"sp"}),
        ("push {r4-r5}", {"sp"}, set(), {"r4", "r5", "sp"}),
        ("add r0, r1, r2", set(), {"r0"}, {"r1", "r2"}),
        ("adds r0, #1", set(), {"r0"}, {"r0"}),
        ("movs r0, r1", set(), {"r0"}, {"r1"}),
        ("mov r0, #7", set(), {"r0"}, set()),
        ("cmp r0, r1", set(), set(), {"r0", "r1"}),
        ("smlad r0, r1, r2, r3", set(), {"r0"}, {"r1", "r2", "r3"}),
        ("smlal r0, r1, r2, r3", set(), {"r0", "r1"}, {"r0", "r1", "r2", "r3"}),
        ("bx lr", set(), set(), {"lr"}),
        ("cbz r3, 8000 <f>", set(), set(), {"r3"}),
        ("vldr s0, [r4, #8]", {"r4"}, set(), {"r4"}),
    ],
)
def test_registers(text: str, address: set[str], results: set[str], sources: set[str]):
    found = only(text)
    assert found.address == address
    assert found.results == results
    assert found.sources == sources


def test_lists_of_registers():
    assert only("push {r4-r6, lr}").listed == ("r4", "r5", "r6", "lr")
    assert only("vpush {d8-d10}").listed == ("d8", "d9", "d10")
    assert only("vldmia r0!, {s0}").listed == ("s0",)


@pytest.mark.parametrize("text", ["mov pc, lr", "pop {pc}", "ldr pc, [r0]", "add pc, r1"])
def test_what_sets_pc(text: str):
    assert only(text).sets_pc


@pytest.mark.parametrize("text", ["ldr r0, [pc, #8]", "b 8000 <f>", "add r0, pc, #4", "bx lr"])
def test_what_only_reads_pc_or_is_a_branch(text: str):
    assert not only(text).sets_pc
