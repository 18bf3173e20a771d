"""Average pooling, in loop IR and on emulated cores, against the reference."""

from __future__ import annotations

import shutil
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.dsp.cases import Case, int8_data
from tests.kernels.dsp.test_emulated import BOARDS, MODES
from tests.kernels.dsp.test_emulated import check as check_emulated
from tests.kernels.dsp.test_meaning import check
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import TensorType
from tinycc_ml.kernels.dsp.average_pool import AveragePool2DDsp
from tinycc_ml.ops import Workload
from tinycc_ml.ops.pooling import Pool2DAttrs, PoolNumbers
from tinycc_ml.ops.window import Padding, window_output

POOL = AveragePool2DDsp()
needs_emulator = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)


def pool_case(r: Random, scale: int = 1) -> Case:
    kernel = (r.randint(1, 4 * scale), r.randint(1, 4 * scale))
    size = (kernel[0] + r.randint(0, 4), kernel[1] + r.choice([0, r.randint(0, 4)]))
    attrs = Pool2DAttrs(kernel, (r.randint(1, 3), r.randint(1, 3)))
    shape = (1, *size, 4 * r.randint(1, 4 * scale))
    out = window_output(size, kernel, attrs.stride, (1, 1), attrs.padding)
    workload = Workload(
        "average_pool2d",
        attrs,
        PoolNumbers(-128, 127),
        (("input", TensorType(shape, DType.INT8)),),
        (),
        (("output", TensorType((1, *out, shape[3]), DType.INT8)),),
    )
    return Case(POOL, workload, (), int8_data(r, shape))


def accepted(count: int, seed: int, scale: int = 3) -> list[Case]:
    cases: list[Case] = []
    while len(cases) < count:
        seed += 1
        case = pool_case(Random(seed), scale)
        if POOL.accepts(case.workload, ()) is None:
            cases.append(case)
    return cases


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_drawn_layers(seed):
    check(pool_case(Random(seed)))


def test_the_multiplication_is_the_division():
    """SMMUL by the reciprocal, plus one for negative sums, for every sum of every count."""
    for count in range(3, 257):
        acc = np.arange(-128 * count, 127 * count + 1, dtype=np.int64)
        nudged = acc + np.where(acc < 0, -(count // 2), count // 2)
        found = (nudged * ((1 << 32) // count + 1) >> 32) + (nudged < 0)
        expected = np.sign(acc) * ((np.abs(acc) + count // 2) // count)
        assert np.array_equal(found, expected), count
        assert acc[0] >= -(1 << 15) and acc[-1] < 1 << 15


def test_refusals():
    (case,) = accepted(1, seed=1)
    workload = case.workload
    attrs = replace(workload.attrs, padding=Padding(1, 0, 0, 0))
    assert "padding" in POOL.accepts(replace(workload, attrs=attrs), ())
    assert "clamped" in POOL.accepts(replace(workload, numbers=PoolNumbers(0, 127)), ())
    attrs = replace(workload.attrs, kernel=(20, 20))
    assert "400 pixels" in POOL.accepts(replace(workload, attrs=attrs), ())


@needs_emulator
@pytest.mark.parametrize("board", BOARDS)
def test_drawn_layers_on_cores(board, tmp_path):
    check_emulated(accepted(40, seed=7), board, tmp_path)


@needs_emulator
@pytest.mark.parametrize("mode", ["O0", "portable"])
def test_ways_to_compile(mode, tmp_path):
    check_emulated(accepted(8, seed=50, scale=1), "mps2-an386", tmp_path, MODES[mode])


@needs_emulator
@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
def test_five_hundred_layers(board, tmp_path):
    for batch in range(5):
        check_emulated(accepted(100, seed=1000 * (batch + 1)), board, tmp_path / str(batch))
