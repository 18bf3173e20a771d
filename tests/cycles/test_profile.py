"""From the plugin's counts to basic blocks, however QEMU cut the code."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cycles.assembler import code
from tinycc_ml.errors import InternalError
from tinycc_ml.runner.cycles.cortex_m4 import CORTEX_M4
from tinycc_ml.runner.cycles.disassembly import Disassembly, Located, read_disassembly
from tinycc_ml.runner.cycles.profile import (
    Counted,
    basic_blocks,
    inference,
    read_counts,
)

# Two nested loops; a block is entered at its middle, 108, from inside.
PROGRAM = """
00000100 <f>:
     100:\t2105      \tmovs\tr1, #5
     102:\t2203      \tmovs\tr2, #3
     104:\tf850 3b04 \tldr.w\tr3, [r0], #4
     108:\tf850 4b04 \tldr.w\tr4, [r0], #4\t@ comment
     10c:\t3a01      \tsubs\tr2, #1
     10e:\td1fb      \tbne.n\t108 <f+0x8>
     110:\t3901      \tsubs\tr1, #1
     112:\td1f7      \tbne.n\t104 <f+0x4>
     114:\t4770      \tbx\tlr
     116:\t0000      \t.short\t0x0000

00000118 <tcml_layer_done>:
     118:\t4770      \tbx\tlr
"""
# In the order of execution: 3 and 2 turns of the inner loop in 2 of the outer one.
INNER = [0x108, 0x10C, 0x10E]
TRACE = [
    *(0x100, 0x102),
    *(0x104, *INNER * 3, 0x110, 0x112),
    *(0x104, *INNER * 2, 0x110, 0x112),
    *(0x114, 0x118),
]


def cut(program: Disassembly, trace: list[int], at: list[bool]) -> list[Counted]:
    """What the plugin would count if QEMU cut the code after the instructions that `at` says."""
    times: Counter[tuple[int, int]] = Counter()
    left: Counter[tuple[int, int]] = Counter()
    start = 0
    for i, address in enumerate(trace):
        following = trace[i + 1] if i + 1 < len(trace) else None
        end = address + program.code[address].size_bytes
        jumps = following != end
        if jumps or at[i] or program.code[address].instruction.name == "b":
            block = (trace[start], i + 1 - start)
            times[block] += 1
            left[block] += jumps
            start = i + 1
    return [Counted(*block, n, left[block]) for block, n in times.items()]


@given(st.lists(st.booleans(), min_size=len(TRACE), max_size=len(TRACE)))
def test_blocks_do_not_depend_on_how_qemu_cut(at: list[bool]):
    program = read_disassembly(PROGRAM)
    blocks = basic_blocks(cut(program, TRACE, at), program)
    assert [(len(b.code), b.times, b.left) for b in blocks] == [
        (2, 1, 0),  # before the loops
        (1, 2, 0),  # the outer loop's head, which falls into the inner loop
        (3, 5, 3),
        (2, 2, 1),
        (1, 1, 1),
    ]
    assert sum(b.times * len(b.code) for b in blocks) == len(TRACE) - 1
    # 2 + 2 x 2 + 5 x (2 + 1 + 1) + 3 refills of 2 + 2 x 2 + 2 + 3
    assert CORTEX_M4.cycles(blocks) == 2 + 4 + 20 + 6 + 4 + 2 + 3


def test_disassembly():
    program = read_disassembly(PROGRAM)
    assert program.functions == {"f": 0x100, "tcml_layer_done": 0x118}
    assert program.code[0x104] == Located(0x104, 4, "f", code("ldr r3, [r0], #4")[0])
    assert program.code[0x10E].size_bytes == 2
    assert program.code[0x118].function == "tcml_layer_done"


def test_the_harness_is_not_counted():
    program = read_disassembly(PROGRAM)
    assert basic_blocks([Counted(0x118, 1, 7, 7)], program) == []


def test_an_address_without_code_is_a_bug():
    with pytest.raises(InternalError, match="0x200"):
        basic_blocks([Counted(0x200, 1, 1, 1)], read_disassembly(PROGRAM))


COUNTS = """open
100 2 1 1
close
open
100 2 1 0
split
104 1 9 0
split
114 1 1 1
close
open
100 2 5 0
split
"""


def test_counts_are_read_phase_by_phase():
    stretches = read_counts(COUNTS)
    assert [len(s) for s in stretches] == [1, 3], "what was not closed is left out"
    assert stretches[1][1] == [Counted(0x104, 1, 9, 0)]
    assert inference(stretches, 2) is stretches[1]
    assert inference(stretches, 3) is None


@pytest.mark.parametrize("line", ["opened", "100 2 1", "100 2 1 0 0"])
def test_other_lines_are_a_bug(line: str):
    with pytest.raises(InternalError, match="no line of the plugin"):
        read_counts(f"open\n{line}\nclose\n")
