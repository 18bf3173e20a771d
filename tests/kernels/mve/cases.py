"""The layers of the DSP kernels' tests for the vector kernels, with more weights of -128."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np

from tests.kernels.dsp import cases
from tests.kernels.dsp.cases import Case
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import KernelDef
from tinycc_ml.kernels.mve.conv2d import Conv2DMve
from tinycc_ml.kernels.mve.fully_connected import FullyConnectedMve

CONV, DENSE = Conv2DMve(), FullyConnectedMve()


def _with(definition: KernelDef, case: Case, r: Random) -> Case:
    weight, *others = case.constants
    if r.random() < 0.3:
        rng = np.random.default_rng(r.getrandbits(32))
        extreme = rng.random(weight.array.shape) < r.choice([0.05, 0.5, 1.0])
        weight = Constant(np.where(extreme, np.int8(-128), weight.array))
    return replace(case, definition=definition, constants=(weight, *others))


def dense_case(r: Random, scale: int = 1) -> Case:
    """A fully connected layer."""
    return _with(DENSE, cases.dense_case(r, scale), r)


def conv_case(r: Random, scale: int = 1) -> Case:
    """A convolution."""
    return _with(CONV, cases.conv_case(r, scale), r)


FAMILIES: dict[str, Callable[[Random, int], Case]] = {
    "conv2d": conv_case,
    "fully_connected": dense_case,
}


def accepted(family: str, count: int, seed: int, scale: int) -> list[Case]:
    """Cases that the kernel takes."""
    found: list[Case] = []
    while len(found) < count:
        seed += 1
        case = FAMILIES[family](Random(seed), scale)
        if case.definition.accepts(case.workload, case.constants) is None:
            found.append(case)
    return found
