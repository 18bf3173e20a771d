"""The kernels in loop IR, with the tiles' meanings, against the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.dsp.test_meaning import interpreted
from tests.kernels.swar.cases import KERNELS, drawn, is_taken


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_drawn_layers(kernel, seed):
    case = drawn(kernel, seed)
    if is_taken(case):
        assert np.array_equal(interpreted(case), case.expected)


@pytest.mark.parametrize("kernel", KERNELS)
def test_most_drawn_layers_are_taken(kernel):
    assert sum(is_taken(drawn(kernel, seed)) for seed in range(60)) > 40


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("kernel", KERNELS)
def test_twenty_thousand_layers_each(kernel, part):
    for seed in range(2500 * part, 2500 * (part + 1)):
        case = drawn(kernel, seed)
        if is_taken(case):
            assert np.array_equal(interpreted(case), case.expected)
