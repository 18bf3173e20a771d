"""The Cortex-M7's schedule on blocks that can be scheduled by hand."""

from __future__ import annotations

import pytest

from tests.cycles.assembler import block, code
from tinycc_ml.runner.cycles.cortex_m7 import CortexM7, block_cycles


@pytest.mark.parametrize(
    ("text", "cycles"),
    [
        ("adds r0, #1", 1),
        # Two at a time, unless one needs the other.
        ("adds r0, #1; adds r1, #1", 1),
        ("adds r0, #1; adds r0, #1", 2),
        ("adds r0, #1; adds r1, #1; adds r2, #1", 2),
        # One multiplier, one port for memory.
        ("smlad r0, r1, r2, r0; smlad r3, r1, r2, r3", 2),
        ("ldr r0, [r1]; ldr r2, [r3]", 2),
        ("ldr r0, [r1]; smlad r3, r4, r5, r3", 1),
        # A loaded value and a product come a cycle later, but for an accumulator.
        ("ldr r0, [r1]; adds r0, #1", 3),
        ("mul r0, r1, r2; adds r0, #1", 3),
        ("smlad r0, r1, r2, r0; smlad r0, r3, r4, r0", 2),
        ("smlad r0, r1, r2, r3; smlad r4, r0, r5, r6", 3),
        # Addresses count too.
        ("adds r0, #4; ldr r1, [r0]", 2),
        ("adds r0, #4; str r1, [r0]", 2),
        # 64 bits a cycle.
        ("ldmia r0!, {r1-r4}", 2),
        ("ldrd r0, r1, [r2]", 1),
        ("push {r4-r9, lr}", 4),
        ("sdiv r0, r1, r2", 6),
    ],
)
def test_hand_scheduled(text: str, cycles: int):
    assert block_cycles(code(text)) == cycles


def test_interleaved_code_is_faster_than_grouped():
    load, mac = "ldr r{0}, [r9, #{0}]", "smlad r{0}, r7, r8, r{0}"
    grouped = [load.format(i) for i in range(3)] + [mac.format(i) for i in range(3, 6)]
    mixed = [text for i in range(3) for text in (load.format(i), mac.format(i + 3))]
    assert block_cycles(code("; ".join(mixed))) == 3
    assert block_cycles(code("; ".join(grouped))) > 3


def test_blocks_are_weighted_by_how_often_they_ran():
    prices = CortexM7()
    assert prices.cycles([block("adds r0, #1", times=7), block("bx lr", times=2)]) == 9
