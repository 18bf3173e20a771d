"""The kernels in loop IR, with the tiles' meanings, against the reference: equal, as no sum is
reordered and no product fused."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.dsp.test_meaning import interpreted
from tests.kernels.fpu.cases import DRAWS, KERNELS, is_taken


def check(kernel: str, seed: int) -> None:
    case = DRAWS[KERNELS[kernel].op](Random(seed), 1)
    if is_taken(case):
        assert np.array_equal(interpreted(case), case.expected)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_drawn_layers(kernel, seed):
    check(kernel, seed)


@pytest.mark.parametrize("kernel", KERNELS)
def test_most_drawn_layers_are_taken(kernel):
    draw = DRAWS[KERNELS[kernel].op]
    assert sum(is_taken(draw(Random(seed), 1)) for seed in range(60)) > 40


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("kernel", KERNELS)
def test_twenty_thousand_layers_each(kernel, part):
    for seed in range(2500 * part, 2500 * (part + 1)):
        check(kernel, seed)
