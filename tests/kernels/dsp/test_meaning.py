"""The kernels in loop IR, with the tiles' meanings, against the reference."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.dsp.cases import Case, conv_case, dense_case
from tinycc_ml.graph import Constant
from tinycc_ml.loopir import Role, run_kernel


def interpreted(case: Case, constants: Sequence[Constant] = ()) -> np.ndarray:
    """The output, with other packed constants on request; what is never written stays 85."""
    kernel = case.definition.build(case.workload, case.constants).loops
    packed = iter(constants or case.definition.pack(case.workload, case.constants))
    arrays = {}
    for buffer in kernel.buffers:
        if buffer.role is Role.INPUT:
            arrays[buffer.name] = case.x.reshape(buffer.shape)
        elif buffer.role is Role.CONSTANT:
            arrays[buffer.name] = next(packed).array
        else:
            arrays[buffer.name] = np.full(buffer.shape, 85, buffer.dtype.numpy)
    run_kernel(kernel, arrays)
    return arrays["output"].reshape(case.expected.shape)


def check(case: Case) -> None:
    if case.definition.accepts(case.workload, case.constants) is None:
        assert np.array_equal(interpreted(case), case.expected)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_drawn_layers(seed, dense):
    check((dense_case if dense else conv_case)(Random(seed)))


def test_nearly_all_drawn_layers_are_taken():
    cases = [(conv_case if seed % 2 else dense_case)(Random(seed)) for seed in range(200)]
    refused = [c.definition.accepts(c.workload, c.constants) is not None for c in cases]
    assert sum(refused) < 20


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("draw", [conv_case, dense_case])
def test_twenty_thousand_layers_each(draw, part):
    for seed in range(2500 * part, 2500 * (part + 1)):
        check(draw(Random(seed)))
