"""The compilers that generated C is tried with, and the flags that it must stand."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

#: Exactly what the project promises to build with, and nothing else.
PROMISED = (
    *("arm-none-eabi-gcc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic"),
    *("-Wconversion", "-Wsign-conversion", "-Werror"),
)
#: The warning set of the house for C; C++ knows no missing prototypes.
WARNINGS = (
    *("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion"),
    *("-Wshadow", "-Wundef", "-Werror"),
)
C_WARNINGS = (*WARNINGS, "-Wmissing-prototypes")

CORES = {
    "cortex-m0plus": ("-mcpu=cortex-m0plus", "-mthumb"),
    "cortex-m3": ("-mcpu=cortex-m3", "-mthumb"),
    "cortex-m4": ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    "cortex-m7": ("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
    "cortex-m55": ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
}
#: Every compiler by a name, with the dialects that it takes.
COMPILERS: dict[str, tuple[str, ...]] = {
    "gcc-c99": ("gcc", "-std=c99", *C_WARNINGS),
    "gcc-c11": ("gcc", "-std=c11", *C_WARNINGS),
    "g++": ("g++", "-x", "c++", *WARNINGS),
    "clang-c99": ("clang", "-std=c99", *C_WARNINGS),
    "clang-c11": ("clang", "-std=c11", *C_WARNINGS),
    "clang++": ("clang++", "-x", "c++", *WARNINGS),
    **{
        f"{core}-{standard}": ("arm-none-eabi-gcc", *flags, f"-std={standard}", *C_WARNINGS)
        for core, flags in CORES.items()
        for standard in ("c99", "c11")
    },
    **{
        f"{core}-c++": ("arm-none-eabi-gcc", *flags, "-x", "c++", "-fsyntax-only", *WARNINGS)
        for core, flags in CORES.items()
        if core in ("cortex-m4", "cortex-m55")
    },
}


def run_tool(command: Sequence[str | Path], folder: Path) -> str:
    """Runs a tool in a folder; returns what it printed, and fails with that if it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stderr}{done.stdout}"
    # A warning that is no error would be as bad.
    assert not done.stderr.strip(), f"{' '.join(map(str, command))}\n{done.stderr}"
    return done.stdout


def compile_each(
    command: Sequence[str], sources: Iterable[Path], folder: Path, *flags: str
) -> list[Path]:
    """Compiles each source file to an object file in `folder`."""
    objects = []
    for source in sources:
        target = folder / f"{source.stem}.o"
        run_tool([*command, *flags, "-c", source, "-o", target], source.parent)
        objects.append(target)
    return objects


def link_relocatable(objects: Sequence[Path], target: Path) -> Path:
    """One relocatable object of several, for the Arm cores: what a firmware would link."""
    run_tool(["arm-none-eabi-ld", "-r", "-o", target, *objects], target.parent)
    return target


def undefined_symbols(binary: Path) -> set[str]:
    """What an Arm object needs from elsewhere."""
    listing = run_tool(["arm-none-eabi-nm", "-u", binary], binary.parent)
    return {line.split()[-1] for line in listing.splitlines()}


def section_bytes(binary: Path) -> dict[str, int]:
    """Sizes of the sections of an Arm object that take memory, without unwind tables and notes."""
    listing = run_tool(["arm-none-eabi-objdump", "-h", "-w", binary], binary.parent)
    sizes: dict[str, int] = {}
    for line in listing.splitlines():
        words = line.split()
        if words and words[0].isdecimal() and "ALLOC" in line:
            sizes[words[1]] = int(words[2], 16)
    return sizes
