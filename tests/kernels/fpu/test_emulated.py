"""The kernels' assembly on emulated cores: every bit is the reference's, but for the sign of 0."""

from __future__ import annotations

import shutil

import pytest

from tests.kernels.fpu.batch import check
from tests.kernels.fpu.cases import KERNELS, taken
from tinycc_ml.kernels.fpu import depthwise_tile, gemm

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)
CLANG = (
    *("clang", "--target=thumbv7em-none-eabihf", "-isystem", "/usr/lib/arm-none-eabi/include"),
    *("-Wno-unused-command-line-argument", "-fshort-enums"),
)
#: Every way to compile: flags, or another compiler with its flags.
MODES = {
    "instrumented": ("-O0", "-finstrument-functions", "-fstack-protector-all"),
    "Os": ("-Os", "-fno-omit-frame-pointer"),
    "lto": ("-O2", "-flto"),
    "portable": ("-O2", "-DTCML_PORTABLE"),
    "clang": (*CLANG, "-Os"),
}


def drawn(count, seed, scale=1):
    return [case for kernel in KERNELS for case in taken(kernel, count, seed, scale)]


@pytest.mark.parametrize("board", ["mps2-an386", "mps3-an547"])
def test_drawn_layers(board, tmp_path):
    check(drawn(16, 1000, 3), tmp_path, board=board)


@pytest.mark.parametrize("mode", MODES)
def test_every_way_to_compile(mode, tmp_path):
    if MODES[mode][0] == "clang" and shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    check(drawn(4, 50), tmp_path, MODES[mode])


#: Faults in the assembly: what is replaced by what.
FAULTS = {
    "no sign is taken off": ("bic r", "orr r"),
    "a pixel's column begins at the other's": ("add r6, r0, r3", "add r6, r0, #0"),
    "a weight is used twice": ("s17", "s16"),
    "no step to the next run": ("add r5, r5, r9", "add r5, r5, #0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault, monkeypatch, tmp_path):
    old, new = FAULTS[fault]
    for module, name in ((gemm, "assemble"), (depthwise_tile, "_assemble")):
        right = getattr(module, name)

        def damaged(tile, right=right):
            return tuple(line.replace(old, new) for line in right(tile))

        monkeypatch.setattr(module, name, damaged)
    with pytest.raises(AssertionError, match=r"wrong|wrote"):
        check(drawn(6, 900, 2), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(10))
@pytest.mark.parametrize("kernel", KERNELS)
def test_five_hundred_layers_each(kernel, batch, tmp_path):
    check(taken(kernel, 50, 10_000 * (batch + 1), 3), tmp_path)
