"""The assembly of Winograd layers on emulated cores: every byte is the reference's."""

from __future__ import annotations

import re
import shutil
from random import Random

import pytest

from tests.c_compilers import CORES, run_tool
from tests.kernels.dsp.batch import build_batch, check_batch, compile_batch, run_batch
from tests.kernels.dsp.cases import Case
from tests.kernels.dsp.test_emulated import BOARDS, MODES, SCALE, check
from tests.kernels.dsp.test_machine_code import Listing, sums
from tests.kernels.dsp.winograd_cases import KERNELS, layer, winograd_case
from tinycc_ml.kernels.dsp import winograd_meaning
from tinycc_ml.kernels.dsp.winograd_algorithm import F4
from tinycc_ml.kernels.dsp.winograd_tile import ProductTile
from tinycc_ml.loopir import print_c_intrinsics
from tinycc_ml.ops.convolution import ConvNumbers

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)
SIGNED = ConvNumbers(3, -5, -128, 127)


def accepted(name: str, count: int, seed: int, scale: int = SCALE) -> list[Case]:
    """Cases that the kernel takes."""
    cases: list[Case] = []
    while len(cases) < count:
        seed += 1
        case = winograd_case(name, Random(seed), scale)
        if case.definition.accepts(case.workload, case.constants) is None:
            cases.append(case)
    return cases


@pytest.mark.parametrize("board", BOARDS)
def test_drawn_layers(board, tmp_path):
    check([case for name in KERNELS for case in accepted(name, 8, seed=1000)], board, tmp_path)


def test_layers_with_loops_over_steps(tmp_path):
    """64 channels are 32 steps, two turns of the loop; 36 are one turn of 9 and another."""
    cases = [layer(name, (8, 8), (c, 12), SIGNED) for name in KERNELS for c in (36, 64)]
    check(cases, "mps2-an386", tmp_path)


@pytest.mark.parametrize("mode", ["O0", "lto", "portable", "clang-O2"])
def test_ways_to_compile(mode, tmp_path):
    if MODES[mode][0] == "clang" and shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    cases = [case for name in KERNELS for case in accepted(name, 2, seed=50, scale=1)]
    check(cases, "mps2-an386", tmp_path, MODES[mode])


def test_every_compiler_keeps_the_tiles_as_they_are(tmp_path):
    cases = [case for name in KERNELS for case in accepted(name, 2, seed=3)]
    reference = Listing.of(compile_batch(cases, "mps2-an386", tmp_path / "O2"), tmp_path).tiles()
    assert reference
    for mode in ("O0", "frame-pointer", "instrumented", "clang-Os"):
        if MODES[mode][0] == "clang" and shutil.which("clang") is None:
            continue
        binary = compile_batch(cases, "mps2-an386", tmp_path / mode, MODES[mode])
        assert Listing.of(binary, tmp_path).tiles() == reference, mode


@pytest.mark.parametrize(
    ("function", "before", "after"),
    [
        ("assemble_inputs", "uxtb16 r3, r3, ror #8", "uxtb16 r3, r3, ror #16"),
        ("assemble_products", "lsl #5", "lsl #10"),
        ("assemble_products", "ldr r4, [sp, #28]", "ldr r4, [sp, #24]"),
    ],
)
def test_a_fault_in_the_assembly_is_seen(function, before, after, tmp_path, monkeypatch):
    """A wrong channel, too large a correction of the sign, another corner's bias."""
    original = getattr(winograd_meaning, function)

    def faulty(tile):
        lines = original(tile)
        changed = tuple(line.replace(before, after) for line in lines)
        assert changed != lines
        return changed

    monkeypatch.setattr(winograd_meaning, function, faulty)
    cases = [layer("f4", (8, 8), (8, 8), SIGNED)]
    output = run_batch(build_batch(cases, "mps2-an386", tmp_path), "mps2-an386")
    with pytest.raises(AssertionError, match="wrong"):
        check_batch(cases, output)


@pytest.mark.parametrize("channels", [16, 64])
def test_sums_take_at_most_15_instructions_for_16_products(channels, tmp_path):
    tile = ProductTile(F4, channels, 16, 2, 64, 512, -128, 127, False)
    text = print_c_intrinsics([winograd_meaning.product_intrinsic(tile)])
    (tmp_path / "tile.c").write_text(f"#include <stdint.h>\n{text}")
    run_tool(["arm-none-eabi-gcc", *CORES["cortex-m4"], "-c", "tile.c", "-o", "tile.o"], tmp_path)
    objdump = ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", "tile.o"]
    names = [re.sub(r"\..*", "", name) for name in sums(run_tool(objdump, tmp_path))]
    products = 2 * (names.count("smlad") + names.count("smuad"))
    assert products == 16 * min(channels // 2, 16)
    assert 16 * len(names) <= 15 * products
    assert set(names) <= {"ldr", "smlad", "smuad", "add", "stmia", "str", "cmp", "bne"}


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(5))
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", KERNELS)
def test_five_hundred_layers_each(name, board, batch, tmp_path):
    check(accepted(name, 100, seed=10_000 * (batch + 1)), board, tmp_path)
