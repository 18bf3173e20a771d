"""How much an inference uses each buffer: what ranks them for a fast memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tinycc_ml.kernels import Program
from tinycc_ml.loopir import Role
from tinycc_ml.placement.traffic import bytes_moved


def buffer_heat(program: Program) -> Mapping[str, int]:
    """Bytes that the kernels read and write of each value and scratch, in one inference."""
    heat: Counter[str] = Counter()
    moved = [bytes_moved(kernel.loops) for kernel in program.functions]
    for call in program.calls:
        buffers = program.functions[call.function].loops.buffers
        states, scratch = ([name for name, _ in pairs] for pairs in (call.states, call.scratch))
        names = (*call.inputs, *call.constants, *call.outputs, *states, *scratch)
        for buffer, name in zip(buffers, names, strict=True):
            if buffer.role is not Role.CONSTANT:
                heat[name] += moved[call.function].get(buffer.name, 0)
    return heat
