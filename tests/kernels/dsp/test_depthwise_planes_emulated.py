"""The assembly of depthwise layers on emulated cores: every byte is the reference's."""

from __future__ import annotations

import re
import shutil
from random import Random

import pytest

from tests.c_compilers import CORES, run_tool
from tests.kernels.dsp.batch import compile_batch
from tests.kernels.dsp.cases import Case
from tests.kernels.dsp.depthwise_cases import depthwise_case
from tests.kernels.dsp.test_emulated import BOARDS, MODES, SCALE, check
from tests.kernels.dsp.test_machine_code import Listing
from tinycc_ml.kernels.dsp.depthwise_planes_meaning import depthwise_intrinsic
from tinycc_ml.kernels.dsp.depthwise_planes_tile import PlanesTile
from tinycc_ml.loopir import print_c_intrinsics

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)
#: Kernel rows and taps, stride, and the instructions of a loop of 12 outputs.
LOOPS = {"3x3": (3, 3, 1, 161), "3x3s2": (3, 3, 2, 179), "5x1": (1, 5, 1, 122)}


def accepted(count: int, seed: int, scale: int = SCALE) -> list[Case]:
    """Cases that the kernel takes."""
    cases: list[Case] = []
    while len(cases) < count:
        seed += 1
        case = depthwise_case(Random(seed), scale)
        if case.definition.accepts(case.workload, case.constants) is None:
            cases.append(case)
    return cases


@pytest.mark.parametrize("board", BOARDS)
def test_drawn_layers(board, tmp_path):
    check(accepted(30, seed=1000), board, tmp_path)


@pytest.mark.parametrize("mode", ["O0", "lto", "portable", "clang-O2"])
def test_ways_to_compile(mode, tmp_path):
    if MODES[mode][0] == "clang" and shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    check(accepted(8, seed=50, scale=1), "mps2-an386", tmp_path, MODES[mode])


def test_every_compiler_keeps_the_tiles_as_they_are(tmp_path):
    cases = accepted(6, seed=3)
    reference = Listing.of(compile_batch(cases, "mps2-an386", tmp_path / "O2"), tmp_path).tiles()
    assert reference
    for mode in ("O0", "frame-pointer", "instrumented", "clang-Os"):
        if MODES[mode][0] == "clang" and shutil.which("clang") is None:
            continue
        binary = compile_batch(cases, "mps2-an386", tmp_path / mode, MODES[mode])
        assert Listing.of(binary, tmp_path).tiles() == reference, mode


@pytest.mark.parametrize("name", LOOPS)
def test_instructions_of_the_inner_loop(name, tmp_path):
    """Sums, requantization, stores and the loop itself; nothing is spilled."""
    rows, taps, stride, limit = LOOPS[name]
    words = (47 * stride + taps + 1) // 2
    tile = PlanesTile(4, 48, rows, taps, stride, words, 1, stride, 16, 768, -128, 127, False)
    text = print_c_intrinsics([depthwise_intrinsic(tile)])
    (tmp_path / "tile.c").write_text(f"#include <stdint.h>\n{text}")
    run_tool(["arm-none-eabi-gcc", *CORES["cortex-m4"], "-c", "tile.c", "-o", "tile.o"], tmp_path)
    objdump = ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", "tile.o"]
    code = re.findall(r"^\s+([0-9a-f]+):\t(\S+)\t?(.*)$", run_tool(objdump, tmp_path), re.MULTILINE)
    number = {int(address, 16): i for i, (address, _, _) in enumerate(code)}
    loops = [
        (number[int(where.split()[0], 16)], end)
        for end, (_, instruction, where) in enumerate(code)
        if instruction.startswith("bne")
    ]
    start, end = min(loops, key=lambda loop: loop[1] - loop[0])
    names = [instruction.split(".")[0] for _, instruction, _ in code[start : end + 1]]
    outputs = names.count("strb")
    assert outputs == 12
    assert not {"str", "push", "pop", "stmia", "stmdb", "b", "bl"} & set(names)
    assert len(names) <= limit


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(5))
@pytest.mark.parametrize("board", BOARDS)
def test_five_hundred_layers_each(board, batch, tmp_path):
    check(accepted(100, seed=10_000 * (batch + 1)), board, tmp_path)
