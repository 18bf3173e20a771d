"""The compilers accept every core's flags, and define what its features promise."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tinycc_ml.targets import ARM_GCC, CORES, Core

MACROS = {
    "dsp": "__ARM_FEATURE_DSP",
    "mve": "__ARM_FEATURE_MVE",
    "unaligned": "__ARM_FEATURE_UNALIGNED",
    "thumb2": "__thumb2__",
}
VARIANTS = [(core, fpu) for core in CORES.values() if core.name != "host" for fpu in core.fpu_flags]


@pytest.mark.skipif(shutil.which(ARM_GCC.compiler) is None, reason="no arm-none-eabi-gcc")
@pytest.mark.parametrize(("core", "fpu"), VARIANTS, ids=[f"{c.name}-{f}" for c, f in VARIANTS])
def test_features_agree_with_the_compiler(core: Core, fpu: str):
    command = [ARM_GCC.compiler, *core.flags, *core.fpu_flags[fpu], "-E", "-dM", "-x", "c", "-"]
    result = subprocess.run(command, input="", capture_output=True, text=True, check=True)
    for feature, macro in MACROS.items():
        expected = feature in core.features and not (feature == "mve" and fpu == "none")
        assert (f"#define {macro} " in result.stdout) == expected, feature
