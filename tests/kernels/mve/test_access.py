"""The vector kernels with their output over their input, as close as their promises allow.

The tiles read several pixels at a time, which their meanings do not; so the core is asked too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.kernels.dsp.cases import Case
from tests.kernels.dsp.test_access import check, legal_distances
from tests.kernels.mve.cases import accepted
from tests.kernels.mve.test_emulated import check as check_emulated
from tests.kernels.mve.test_emulated import needs_emulator
from tinycc_ml.kernels.mve.conv2d import _columns
from tinycc_ml.kernels.mve.conv_columns import Direct, Gathered, Rows
from tinycc_ml.kernels.mve.depthwise import DepthwiseLayer

FAMILIES = ("average_pool2d", "conv2d", "depthwise", "fully_connected", "max_pool2d")


def shared(cases: Sequence[Case]) -> list[Case]:
    """The cases at the least distance that their kernels allow."""
    found = []
    for case in cases:
        kernel = case.definition.build(case.workload, case.constants)
        distances = legal_distances(case, kernel)
        found += [replace(case, distance=min(distances))] if distances else []
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_drawn_layers(family):
    counts = [check(case) for case in accepted(family, 16, seed=300, scale=1)]
    # A single row is no room for an overlap.
    assert sum(count > 0 for count in counts) > 3


@needs_emulator
def test_drawn_layers_on_the_core(tmp_path):
    cases = [c for f in (*FAMILIES, "wide") for c in shared(accepted(f, 6, seed=70, scale=2))]
    assert len(cases) > 14
    check_emulated(cases, tmp_path)


@needs_emulator
def test_one_byte_closer_is_too_close_for_some(tmp_path):
    """So the test above can fail, and the promises are no larger than they must be."""
    cases = shared(accepted("conv2d", 24, seed=70, scale=2))
    direct = [c for c in cases if isinstance(_columns(c.workload), Direct)]
    closer = [replace(c, distance=(c.distance or 0) - 16) for c in direct]
    assert len(closer) > 2
    with pytest.raises(AssertionError, match="wrong"):
        check_emulated(closer, tmp_path)


@pytest.mark.parametrize("way", [Direct, Rows, Gathered])
def test_every_way_to_make_columns_is_drawn(way):
    cases = accepted("conv2d", 16, seed=300, scale=1)
    assert any(isinstance(_columns(case.workload), way) for case in cases)


def test_pixels_that_are_computed_as_one_are_drawn():
    cases = accepted("depthwise", 16, seed=300, scale=1)
    layers = [DepthwiseLayer.of(case.workload) for case in cases]
    assert any(layer.is_direct and layer.together > 1 for layer in layers)
