"""Faults in the assembly that the tests on the emulated core must find."""

from __future__ import annotations

import pytest

from tests.kernels.mve.cases import accepted
from tests.kernels.mve.test_emulated import check, needs_emulator
from tinycc_ml.kernels.mve import depthwise_meaning, gemm_meaning

pytestmark = needs_emulator


def damaged(lines: tuple[str, ...], old: str, new: str | None) -> tuple[str, ...]:
    if new is None:
        return tuple(line for line in lines if not line.strip().startswith(old))
    return tuple(line.replace(old, new) for line in lines)


#: What is done to which family's tile: lines that start so are left out, or a word is replaced.
FAULTS = {
    "ties of negative numbers upward": ("conv2d", "vshr", None),
    "a vector is not masked": ("conv2d", "vctp.8", None),
    "the last filters are not masked": ("conv2d", "vctp.32", "nop @"),
    "a sum is not started again": ("wide", "vmladav.s8", "vmladava.s8"),
    "no saturation to 8 bits": ("depthwise", "vqmovn", "vmovn"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_is_found(fault, monkeypatch, tmp_path):
    family, old, new = FAULTS[fault]
    module = depthwise_meaning if family == "depthwise" else gemm_meaning
    right = module.assemble
    monkeypatch.setattr(module, "assemble", lambda tile: damaged(right(tile), old, new))
    with pytest.raises(AssertionError, match=r"wrong|wrote"):
        check(accepted(family, 10, seed=900, scale=2), tmp_path)
