"""The vector kernels in loop IR, with the tiles' meanings, against the reference."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.dsp.test_meaning import check
from tests.kernels.mve.cases import FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_drawn_layers(family, seed):
    check(FAMILIES[family](Random(seed), 1))


@pytest.mark.parametrize("family", FAMILIES)
def test_nearly_all_drawn_layers_are_taken(family):
    cases = [FAMILIES[family](Random(seed), 1) for seed in range(60)]
    refused = [c.definition.accepts(c.workload, c.constants) for c in cases]
    assert sum(reason is not None for reason in refused) < 6, refused


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("family", FAMILIES)
def test_twenty_thousand_layers_each(family, part):
    for seed in range(2500 * part, 2500 * (part + 1)):
        check(FAMILIES[family](Random(seed), 1))
