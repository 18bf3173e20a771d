"""The kernels' assembly on emulated cores: every byte is the reference's."""

from __future__ import annotations

import shutil

import pytest

from tests.kernels.dsp.batch import build_batch, check_batch, run_batch
from tests.kernels.swar.cases import BOARDS, KERNELS, isa_of, taken

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)
SCALE = 3
CLANG = (
    *("clang", "-isystem", "/usr/lib/arm-none-eabi/include"),
    *("-Wno-unused-command-line-argument", "-fshort-enums"),
)
TARGETS = {"thumb1": "--target=thumbv6m-none-eabi", "thumb2": "--target=thumbv7m-none-eabi"}
#: Every way to compile: flags, or another compiler with its flags.
MODES = {
    "Os": ("-Os",),
    "instrumented": ("-O0", "-finstrument-functions", "-fstack-protector-all"),
    "lto": ("-O2", "-flto"),
    "portable": ("-O2", "-DTCML_PORTABLE"),
    "clang": (*CLANG, "-Os"),
}


def of_isa(isa):
    return [name for name, definition in KERNELS.items() if isa_of(definition) == isa]


def check(cases, isa, folder, command=("-O2",)):
    board = BOARDS[isa]
    check_batch(cases, run_batch(build_batch(cases, board, folder, command), board))


@pytest.mark.parametrize("isa", BOARDS)
def test_drawn_layers(isa, tmp_path):
    check(
        [case for kernel in of_isa(isa) for case in taken(kernel, 12, 1000, SCALE)], isa, tmp_path
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("isa", BOARDS)
def test_every_way_to_compile(isa, mode, tmp_path):
    command = MODES[mode]
    if command[0] == "clang":
        if shutil.which("clang") is None:
            pytest.skip("clang is not installed")
        command = ("clang", TARGETS[isa], *command[1:])
    check([case for kernel in of_isa(isa) for case in taken(kernel, 2, 50)], isa, tmp_path, command)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(10))
@pytest.mark.parametrize("kernel", KERNELS)
def test_five_hundred_layers_each(kernel, batch, tmp_path):
    cases = taken(kernel, 50, 10_000 * (batch + 1), SCALE)
    check(cases, isa_of(KERNELS[kernel]), tmp_path)
