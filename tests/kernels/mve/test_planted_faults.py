"""Faults in the assembly that the tests on the emulated core must find."""

from __future__ import annotations

import pytest

from tests.kernels.mve.cases import accepted
from tests.kernels.mve.test_emulated import check, needs_emulator
from tinycc_ml.kernels.mve import depthwise_meaning, gemm_meaning, mean_code, mul_code
from tinycc_ml.kernels.mve.pool_code import PoolCode

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
#: The same of kernels whose text comes from one function: where that is.
SMALL_FAULTS = {
    "the last channels' maxima are not masked": ("max_pool2d", PoolCode, "vctp.8", "nop @"),
    "a run is not taken": ("average_pool2d", PoolCode, "bne 2b", None),
    "256 rows of many": ("mean", mean_code, "bne 2b", None),
    "the even products only": ("mul", mul_code, "vqmovnt", None),
    "products' ties upward": ("mul", mul_code, "vshr", None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_is_found(fault, monkeypatch, tmp_path):
    family, old, new = FAULTS[fault]
    module = depthwise_meaning if family == "depthwise" else gemm_meaning
    right = module.assemble
    monkeypatch.setattr(module, "assemble", lambda tile: damaged(right(tile), old, new))
    with pytest.raises(AssertionError, match=r"wrong|wrote"):
        check(accepted(family, 10, seed=900, scale=2), tmp_path)


@pytest.mark.parametrize("fault", SMALL_FAULTS)
def test_is_found_in_small_kernels(fault, monkeypatch, tmp_path):
    family, place, old, new = SMALL_FAULTS[fault]
    right = place._text
    monkeypatch.setattr(place, "_text", lambda tile: damaged(tuple(right(tile)), old, new))
    with pytest.raises(AssertionError, match=r"wrong|wrote"):
        check(accepted(family, 20, seed=900, scale=2), tmp_path)
