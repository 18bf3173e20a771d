"""What compilers make of the vector tiles: the inner loop, and nothing but what was written."""

from __future__ import annotations

import shutil

import pytest

from tests.kernels.dsp.batch import compile_batch
from tests.kernels.dsp.test_machine_code import Listing
from tests.kernels.mve.cases import EMULATED, accepted
from tests.kernels.mve.test_emulated import BOARD, CLANG, MODES
from tinycc_ml.kernels.mve.gemm_assembly import assemble
from tinycc_ml.kernels.mve.gemm_tile import GemmTile
from tinycc_ml.loopir import required_intrinsics

needs_compiler = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)
#: K of 1x1 layers, and rows of 3x3 layers: (runs, elements of a run).
SHAPES = {"1x1x64": (1, 64), "1x1x256": (1, 256), "3x3x16": (3, 48), "3x3x64": (3, 192)}


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_take_at_most_15_instructions_for_128_products(shape):
    runs, run = SHAPES[shape]
    tile = GemmTile(2, 1, 4, 32, runs, run, 34 * run // 3, run // runs, 0, -128, 127, True)
    code = [line.split()[0] for line in assemble(tile) if line.startswith("  ")]
    products = [i for i, name in enumerate(code) if name.startswith("vmladav")]
    sums = code[products[0] - 3 : products[-1] + 1]
    sums = [name for name in sums if name not in ("addw", "subs", "bne")]
    assert len(products) % 8 == 0
    assert len(sums) <= 15 * len(products) // 8


@needs_compiler
def test_every_compiler_keeps_the_tiles_as_they_are(tmp_path):
    cases = [case for family in EMULATED for case in accepted(family, 1, seed=3, scale=2)]
    kernels = [case.definition.build(case.workload, case.constants).loops for case in cases]
    names = {f"tcml_{i.name}" for kernel in kernels for i in required_intrinsics(kernel)}
    reference = _tiles(cases, tmp_path / "O2", ("-O2",))
    assert set(reference) == names
    modes = {**MODES, "Os": ("-Os",), "pic": ("-O2", "-fpic"), "profile": ("-O2", "-pg")}
    for mode, command in modes.items():
        if mode == "portable" or (command[0] == CLANG[0] and shutil.which(CLANG[0]) is None):
            continue
        assert _tiles(cases, tmp_path / mode, command) == reference, mode


def _tiles(cases, folder, command) -> dict[str, list[str]]:
    """The naked functions, up to their return."""
    listing = Listing.of(compile_batch(cases, BOARD, folder, command), folder)
    found = {}
    for name, code in listing.functions.items():
        if "__mve_" in name:
            pops = (i for i, line in enumerate(code) if line.startswith(("pop", "ldmia")))
            end = max(i for i in pops if "pc" in code[i])
            found[name] = code[: end + 1]
    return found
