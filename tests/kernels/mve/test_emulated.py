"""The vector kernels' assembly on an emulated Cortex-M55: every byte is the reference's."""

from __future__ import annotations

import shutil
from random import Random

import pytest

from tests.kernels.dsp.batch import build_batch, check_batch, run_batch
from tests.kernels.mve.cases import EMULATED, accepted, all_pairs_case
from tests.kernels.mve.elementwise_cases import all_products_case

needs_emulator = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)
pytestmark = needs_emulator
BOARD = "mps3-an547"
#: Larger than what the interpreter runs: loops of the tile are entered, counters exceed bytes.
SCALE = 3
#: Ways to compile: flags, or another compiler with its flags. Tiles are the same in all of them.
CLANG = (
    *("clang", "--target=thumbv8.1m.main-none-eabi", "-isystem", "/usr/lib/arm-none-eabi/include"),
    "-Wno-unused-command-line-argument",
    "-fshort-enums",
)
MODES = {
    "O0": ("-O0",),
    "O3": ("-O3",),
    "frame-pointer": ("-O2", "-fno-omit-frame-pointer"),
    "stack-protector": ("-O2", "-fstack-protector-all"),
    "instrumented": ("-O2", "-finstrument-functions"),
    "lto": ("-O2", "-flto"),
    "portable": ("-O2", "-DTCML_PORTABLE"),
    "clang-O0": (*CLANG, "-O0"),
    "clang-O2": (*CLANG, "-O2"),
}


def check(cases, folder, command=("-O2",)):
    check_batch(cases, run_batch(build_batch(cases, BOARD, folder, command), BOARD))


@pytest.mark.parametrize("family", EMULATED)
def test_drawn_layers(family, tmp_path):
    check(accepted(family, 20, seed=1000, scale=SCALE), tmp_path)


def test_every_pair_of_values_is_added(tmp_path):
    check([all_pairs_case(Random(seed)) for seed in range(1)], tmp_path)


def test_every_pair_of_values_is_multiplied(tmp_path):
    check([all_products_case(Random(1))], tmp_path)


@pytest.mark.parametrize("mode", ["O0", "lto", "portable", "clang-O2"])
def test_every_way_to_compile(mode, tmp_path):
    if MODES[mode][0] == "clang" and shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    cases = [case for family in EMULATED for case in accepted(family, 2, seed=50, scale=1)]
    check(cases, tmp_path, MODES[mode])


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(20))
@pytest.mark.parametrize("family", EMULATED)
def test_five_hundred_layers_each(family, batch, tmp_path):
    check(accepted(family, 25, seed=10_000 * (batch + 1), scale=SCALE), tmp_path)
