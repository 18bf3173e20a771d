"""What the assembler makes of the tiles: nothing that the cores lack."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.c_compilers import run_tool
from tests.kernels.dsp.batch import compile_batch
from tests.kernels.swar.cases import BOARDS, KERNELS, isa_of, taken

pytestmark = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)
#: What the DSP extension adds to ARMv7-M.
_PARALLEL = {p + o for p in ("s", "q", "sh", "u", "uq", "uh") for o in ("add", "sub")}
DSP = {
    *(f"{name}{size}" for name in _PARALLEL for size in ("8", "16")),
    *(p + o for p in ("s", "q", "sh", "u", "uq", "uh") for o in ("asx", "sax")),
    *(f"{name}{x}{y}" for name in ("smul", "smla", "smlal") for x in "bt" for y in "bt"),
    *("smlad", "smladx", "smlsd", "smlsdx", "smuad", "smuadx", "smusd", "smusdx", "smlald"),
    *("smlaldx", "smlsld", "smlsldx", "smulwb", "smulwt", "smlawb", "smlawt", "umaal"),
    *("smmul", "smmulr", "smmla", "smmlar", "smmls", "smmlsr", "pkhbt", "pkhtb", "sel"),
    *("qadd", "qsub", "qdadd", "qdsub", "usad8", "usada8", "ssat16", "usat16"),
    *("sxtb16", "uxtb16", "sxtab", "uxtab", "sxtah", "uxtah", "sxtab16", "uxtab16"),
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_instruction_of_the_dsp_extension(kernel, tmp_path):
    isa = isa_of(KERNELS[kernel])
    target = compile_batch(taken(kernel, 8, seed=7, scale=2), BOARDS[isa], tmp_path)
    text = run_tool(["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", target], tmp_path)
    code = re.findall(r"^\s+[0-9a-f]+:\t([a-z0-9]+)", text, re.MULTILINE)
    assert len(code) > 1000
    assert not DSP & set(code)
    # The assembly is there, and not the meaning in its place.
    assert {"thumb1": "muls", "thumb2": "smlal"}[isa] in code
