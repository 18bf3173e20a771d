"""Layers for the kernels without the DSP extension: those of the DSP kernels, and harder ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from tests.kernels.dsp.cases import Case, conv_case, dense_case
from tests.kernels.dsp.depthwise_cases import depthwise_case
from tinycc_ml.kernels.base import KernelDef
from tinycc_ml.kernels.swar import SWAR

#: The board on whose emulator each instruction set runs.
BOARDS = {"thumb1": "nucleo-g0b1re", "thumb2": "mps2-an385"}
_DRAWS: dict[str, Callable[[Random, int], Case]] = {
    "conv2d": conv_case,
    "depthwise_conv2d": depthwise_case,
    "fully_connected": dense_case,
}
KERNELS = {d.name: d for d in SWAR if d.op in _DRAWS}


def isa_of(definition: KernelDef) -> str:
    """``thumb1`` or ``thumb2``."""
    return "thumb1" if "thumb1" in definition.requires else "thumb2"


def drawn(kernel: str, seed: int, scale: int = 1) -> Case:
    """A layer for a kernel, whether it takes it or not."""
    definition = KERNELS[kernel]
    return replace(_DRAWS[definition.op](Random(seed), scale), definition=definition)


def is_taken(case: Case) -> bool:
    """Whether the kernel computes the layer."""
    return case.definition.accepts(case.workload, case.constants) is None


def taken(kernel: str, count: int, seed: int, scale: int = 1) -> list[Case]:
    """Layers that the kernel takes."""
    cases: list[Case] = []
    while len(cases) < count:
        seed += 1
        case = drawn(kernel, seed, scale)
        if is_taken(case):
            cases.append(case)
    return cases
