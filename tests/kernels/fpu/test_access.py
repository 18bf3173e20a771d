"""The float32 kernels with their output over their input, as close as their promises allow."""

from __future__ import annotations

import pytest

from tests.kernels.dsp.test_access import check
from tests.kernels.fpu.cases import KERNELS, taken
from tinycc_ml.kernels.fpu.shape import FloatShape


@pytest.mark.parametrize("kernel", KERNELS)
def test_drawn_layers(kernel):
    counts = [check(case) for case in taken(kernel, 16, 300)]
    # A single row is no room for an overlap.
    assert sum(count > 0 for count in counts) > 3


@pytest.mark.parametrize("kernel", [name for name in KERNELS if "conv2d" in name])
def test_layers_with_and_without_copies_are_drawn(kernel):
    inside = {FloatShape.of(case.workload).is_inside for case in taken(kernel, 16, 300)}
    assert inside == {True, False}
