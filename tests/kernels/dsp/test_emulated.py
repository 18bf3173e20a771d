"""The kernels' assembly on emulated cores: every byte is the reference's."""

from __future__ import annotations

import shutil
from random import Random

import pytest

from tests.kernels.dsp.batch import build_batch, check_batch, run_batch
from tests.kernels.dsp.cases import Case, conv_case, dense_case

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)
BOARDS = ("mps2-an386", "mps2-an500")
FAMILIES = {"conv2d": conv_case, "fully_connected": dense_case}
#: Larger than what the interpreter runs: loops of the tile are entered, counters exceed bytes.
SCALE = 3
#: Every way to compile: flags, or another compiler with its flags.
CLANG = (
    *("clang", "--target=thumbv7em-none-eabi", "-isystem", "/usr/lib/arm-none-eabi/include"),
    "-Wno-unused-command-line-argument",
    "-fshort-enums",
)
MODES = {
    "O0": ("-O0",),
    "Os": ("-Os",),
    "O3": ("-O3",),
    "frame-pointer": ("-O2", "-fno-omit-frame-pointer"),
    "stack-protector": ("-O2", "-fstack-protector-all"),
    "instrumented": ("-O2", "-finstrument-functions"),
    "lto": ("-O2", "-flto"),
    "portable": ("-O2", "-DTCML_PORTABLE"),
    "clang-O0": (*CLANG, "-O0"),
    "clang-Os": (*CLANG, "-Os"),
    "clang-O2": (*CLANG, "-O2"),
}


def accepted(family: str, count: int, seed: int, scale: int = SCALE) -> list[Case]:
    """Cases that the kernel takes."""
    cases: list[Case] = []
    while len(cases) < count:
        seed += 1
        case = FAMILIES[family](Random(seed), scale)
        if case.definition.accepts(case.workload, case.constants) is None:
            cases.append(case)
    return cases


def check(cases, board, folder, command=("-O2",)):
    check_batch(cases, run_batch(build_batch(cases, board, folder, command), board))


@pytest.mark.parametrize("board", BOARDS)
def test_drawn_layers(board, tmp_path):
    cases = [case for family in FAMILIES for case in accepted(family, 25, seed=1000)]
    check(cases, board, tmp_path)


@pytest.mark.parametrize("mode", MODES)
def test_every_way_to_compile(mode, tmp_path):
    if MODES[mode][0] == "clang" and shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    cases = [case for family in FAMILIES for case in accepted(family, 5, seed=50, scale=1)]
    check(cases, "mps2-an386", tmp_path, MODES[mode])


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(5))
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_five_hundred_layers_each(family, board, batch, tmp_path):
    check(accepted(family, 100, seed=10_000 * (batch + 1)), board, tmp_path)
