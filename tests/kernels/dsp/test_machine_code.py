"""What compilers make of the tiles: the inner loop, and nothing but what was written."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

import pytest

from tests.c_compilers import CORES, run_tool
from tests.kernels.dsp.batch import compile_batch
from tests.kernels.dsp.test_emulated import CLANG, MODES, accepted
from tinycc_ml.kernels.dsp.gemm_meaning import gemm_intrinsic
from tinycc_ml.kernels.dsp.tile import GemmTile
from tinycc_ml.loopir import print_c_intrinsics, required_intrinsics

pytestmark = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)
#: K of a 1x1 layer, and rows of 3x3 layers: (runs, elements of a run).
SHAPES = {"1x1x64": (1, 64), "1x1x256": (1, 256), "3x3x16": (3, 48), "3x3x32": (3, 96)}
SHAPES |= {"3x3x64": (3, 192), "1x1x58": (1, 58), "3x3x3": (3, 10)}


def tile(runs: int, elements: int) -> GemmTile:
    stride = 34 * elements // 3 if runs > 1 else 0
    between = elements // runs
    return GemmTile(2, 4, 32, runs, elements // 2, stride, between, -128, 127, False, False)


def sums(listing: str) -> list[str]:
    """The instructions of the innermost loop that adds products.

    Where everything is unrolled it is the straight code between the biases and requantization.
    """
    code = re.findall(r"^\s+([0-9a-f]+):\t(\S+)\t?(.*)$", listing, re.MULTILINE)
    number = {int(address, 16): i for i, (address, _, _) in enumerate(code)}
    loops = [
        (number[int(where.split()[0], 16)], end)
        for end, (_, name, where) in enumerate(code)
        if name.startswith("bne")
    ]
    start, end = min(loops, key=lambda loop: loop[1] - loop[0])
    names = [name for _, name, _ in code[start : end + 1]]
    if "smmlar" in names:
        names = names[names.index("ldr.w") : next(i for i, n in enumerate(names) if "sub" in n)]
    return names


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_take_at_most_15_instructions_for_16_products(shape, tmp_path):
    intrinsic = gemm_intrinsic(tile(*SHAPES[shape]))
    (tmp_path / "tile.c").write_text(f"#include <stdint.h>\n{print_c_intrinsics([intrinsic])}")
    run_tool(["arm-none-eabi-gcc", *CORES["cortex-m4"], "-c", "tile.c", "-o", "tile.o"], tmp_path)
    objdump = ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", "tile.o"]
    names = sums(run_tool(objdump, tmp_path))
    products = 2 * names.count("smlad")
    assert products >= 16
    assert 16 * len(names) <= 15 * products
    assert {n.split(".")[0] for n in names} <= {
        "ldr",
        "smlad",
        "sxtb16",
        "add",
        "addw",
        "cmp",
        "bne",
    }


@dataclass
class Listing:
    """The instructions of every function of an object file."""

    functions: dict[str, list[str]]

    @classmethod
    def of(cls, binary, folder) -> Listing:
        text = run_tool(["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", binary], folder)
        functions: dict[str, list[str]] = {}
        for line in text.splitlines():
            if head := re.match(r"[0-9a-f]+ <(\S+)>:", line):
                current = functions.setdefault(head.group(1).split(".")[0], [])
            elif instruction := re.match(r"\s+[0-9a-f]+:\t(.*)", line):
                # Without comments, addresses and padding.
                plain = re.sub(r"\s*[@;].*|[0-9a-f]+ <.*>", "", instruction.group(1))
                current.append(" ".join(plain.split()))
        return cls(functions)

    def tiles(self) -> dict[str, list[str]]:
        """The naked functions, up to their return."""
        found = {}
        for name, code in self.functions.items():
            if "__dsp_" in name:
                end = max(i for i, line in enumerate(code) if "pc" in line or line == "bx lr")
                found[name] = code[: end + 1]
        return found


def test_every_compiler_keeps_the_tiles_as_they_are(tmp_path):
    cases = accepted("conv2d", 6, seed=3) + accepted("fully_connected", 2, seed=3)
    reference = Listing.of(compile_batch(cases, "mps2-an386", tmp_path / "O2"), tmp_path).tiles()
    kernels = [case.definition.build(case.workload, case.constants).loops for case in cases]
    names = {f"tcml_{i.name}" for kernel in kernels for i in required_intrinsics(kernel)}
    assert set(reference) == names
    modes = {**MODES, "pic": ("-O2", "-fpic"), "profile": ("-O2", "-pg")}
    for mode, command in modes.items():
        if mode == "portable" or (command[0] == CLANG[0] and shutil.which(CLANG[0]) is None):
            continue
        found = Listing.of(compile_batch(cases, "mps2-an386", tmp_path / mode, command), tmp_path)
        assert found.tiles() == reference, mode


def test_the_meaning_has_no_dsp_instruction_on_a_core_without(tmp_path):
    cases = accepted("conv2d", 4, seed=9)
    listing = Listing.of(compile_batch(cases, "mps2-an385", tmp_path), tmp_path)
    code = [line for lines in listing.functions.values() for line in lines]
    assert not any(re.match(r"(smla[dbt]|smmla|sxtb16|pkh)", line) for line in code)
