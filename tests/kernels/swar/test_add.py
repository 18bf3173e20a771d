"""Addition by tables against the reference."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.dsp.cases import int8_data
from tests.kernels.dsp.test_add import add_workload, draw_numbers
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, TensorType
from tinycc_ml.kernels.swar.add import AddTables
from tinycc_ml.loopir import Role, run_kernel
from tinycc_ml.ops import Workload, op

KERNEL = AddTables("thumb1")


def clamped(r: Random, workload: Workload) -> Workload:
    """Now and then with limits other than those of int8."""
    low = r.choice([-128, -128, r.randint(-128, 127)])
    high = r.choice([127, 127, r.randint(low, 127)])
    return replace(workload, numbers=replace(workload.numbers, output_min=low, output_max=high))


def interpreted(workload: Workload, x: dict[str, Array]) -> Array:
    loops = KERNEL.build(workload, ()).loops
    packed = iter(KERNEL.pack(workload, ()))
    arrays = {b.name: x[b.name] for b in loops.buffers if b.role is Role.INPUT}
    arrays |= {b.name: next(packed).array for b in loops.buffers if b.role is Role.CONSTANT}
    arrays["output"] = np.full(workload.operand("output").shape, 85, np.int8)
    run_kernel(loops, arrays)
    return arrays["output"]


def check(workload: Workload, x0: Array, x1: Array) -> None:
    x = {"input0": x0, "input1": x1}
    (expected,) = op("add").reference(workload, x)
    assert np.array_equal(interpreted(workload, x), expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_drawn_layers(seed):
    r = Random(seed)
    elements = r.randint(1, 60)
    workload = clamped(r, add_workload((elements,), draw_numbers(r)))
    if KERNEL.accepts(workload, ()) is None:
        check(workload, int8_data(r, (elements,)), int8_data(r, (elements,)))


@pytest.mark.parametrize("seed", [1, 5])
def test_every_pair_of_values(seed):
    r = Random(seed)
    workload = clamped(r, add_workload((65536,), draw_numbers(r)))
    assert KERNEL.accepts(workload, ()) is None
    values = np.arange(-128, 128, dtype=np.int8)
    check(workload, *(grid.reshape(-1) for grid in np.meshgrid(values, values)))


def test_most_scales_are_exact():
    workloads = (add_workload((4,), draw_numbers(Random(seed))) for seed in range(100))
    assert sum(KERNEL.accepts(workload, ()) is None for workload in workloads) > 80


def test_broadcasting_is_refused():
    workload = add_workload((4, 5), draw_numbers(Random(1)))
    row = replace(workload, inputs=(workload.inputs[0], ("input1", TensorType((5,), DType.INT8))))
    assert "different shapes" in KERNEL.accepts(row, ())
