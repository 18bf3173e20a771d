"""Many float32 kernels in one firmware: constants and inputs are compiled in, outputs read back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.kernels.dsp.batch import (
    GLUE,
    GUARD,
    GUARD_BYTES,
    HOOKS,
    build_batch,
    kernels_text,
    run_batch,
)
from tests.kernels.dsp.cases import Case
from tinycc_ml.loopir import LoopKernel, Role, float_text

BOARD = "mps2-an386"
_WORD_BYTES = 4


def check(
    cases: Sequence[Case], folder: Path, command: Sequence[str] = ("-O2",), board: str = BOARD
) -> None:
    """Every output is the reference's, and no guard has changed."""
    output = run_batch(build_batch(cases, board, folder, command, _source), board)
    guard, at = bytes([GUARD]) * GUARD_BYTES, 0
    for number, case in enumerate(cases):
        expected = case.expected
        found = np.frombuffer(output, np.float32, expected.size, at).reshape(expected.shape)
        wrong = np.argwhere(found != expected)
        assert not len(wrong), f"case {number}: {len(wrong)} wrong, first {wrong[0]}: {case}"
        at += expected.nbytes
        assert output[at : at + 8] == guard, f"case {number}: wrote behind the output: {case}"
        assert output[at + 8 : at + 16] == guard, f"case {number}: behind the scratch: {case}"
        at += 2 * GUARD_BYTES
    assert at == len(output)


def _source(cases: Sequence[Case]) -> str:
    """The C file of a batch."""
    kernels = [case.definition.build(case.workload, case.constants).loops for case in cases]
    sizes = [_scratch_bytes(kernel) for kernel in kernels]
    data, calls, at = [], [], 0
    for i, case in enumerate(cases):
        (packed,) = case.definition.pack(case.workload, case.constants)
        data += [_array(f"x{i}", case.x), _array(f"c{i}", packed.array)]
        arguments = [f"x{i}", f"c{i}", f"(float *)(void *)(output + {at})"]
        if sizes[i]:
            arguments.append("(float *)(void *)scratch")
        at += case.expected.nbytes + GUARD_BYTES
        calls += [
            f"  memset(scratch, {GUARD}, sizeof scratch);",
            f"  k{i}({', '.join(arguments)});",
            f"  memcpy(output + {at}, scratch + {sizes[i]}, {GUARD_BYTES});",
        ]
        at += GUARD_BYTES
    return "\n".join(
        [
            '#include <stdint.h>\n#include <string.h>\n\n#include "tcml_harness.h"\n',
            kernels_text(kernels),
            *data,
            f"static uint8_t output[{at}] __attribute__((aligned(4)));",
            f"static uint8_t scratch[{max(sizes) + GUARD_BYTES}] __attribute__((aligned(4)));",
            "static int32_t run(void) {",
            f"  memset(output, {GUARD}, sizeof output);",
            *calls,
            "  return 0;\n}",
            HOOKS,
            GLUE,
        ]
    )


def _scratch_bytes(kernel: LoopKernel) -> int:
    return sum(_WORD_BYTES * b.elements for b in kernel.buffers if b.role is Role.SCRATCH)


def _array(name: str, array: np.ndarray) -> str:
    values = ", ".join(map(float_text, array.reshape(-1).tolist()))
    return f"static const float {name}[{array.size}] = {{{values}}};"
