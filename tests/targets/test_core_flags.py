"""The compilers accept every core's flags, and define what its features promise."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tinycc_ml.targets import AARCH64_GCC, ARM_GCC, CORES, RISCV_GCC, Core

MACROS = {
    "dsp": "__ARM_FEATURE_DSP",
    "mve": "__ARM_FEATURE_MVE",
    "unaligned": "__ARM_FEATURE_UNALIGNED",
    "thumb2": "__thumb2__",
}
VARIANTS = [
    (core, fpu) for core in CORES.values() if core.family == "cortex-m" for fpu in core.fpu_flags
]
OTHERS = [core for core in CORES.values() if core.family in ("riscv", "aarch64")]
DEFINED = {
    "dotprod": "__ARM_FEATURE_DOTPROD 1",
    "umull": "__riscv_mul 1",
    "aarch64": "__ARM_NEON 1",
}


@pytest.mark.skipif(shutil.which(ARM_GCC.compiler) is None, reason="no arm-none-eabi-gcc")
@pytest.mark.parametrize(("core", "fpu"), VARIANTS, ids=[f"{c.name}-{f}" for c, f in VARIANTS])
def test_features_agree_with_the_compiler(core: Core, fpu: str):
    command = [ARM_GCC.compiler, *core.flags, *core.fpu_flags[fpu], "-E", "-dM", "-x", "c", "-"]
    result = subprocess.run(command, input="", capture_output=True, text=True, check=True)
    for feature, macro in MACROS.items():
        expected = feature in core.features and not (feature == "mve" and fpu == "none")
        assert (f"#define {macro} " in result.stdout) == expected, feature


@pytest.mark.parametrize("core", OTHERS, ids=[core.name for core in OTHERS])
def test_features_of_other_families_agree_with_the_compiler(core: Core):
    compiler = (RISCV_GCC if core.family == "riscv" else AARCH64_GCC).compiler
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    command = [compiler, *core.flags, "-E", "-dM", "-x", "c", "-"]
    result = subprocess.run(command, input="", capture_output=True, text=True, check=True)
    for feature, macro in DEFINED.items():
        if feature == "umull" and core.family == "aarch64":
            continue
        assert (f"#define {macro}" in result.stdout) == (feature in core.features), feature
