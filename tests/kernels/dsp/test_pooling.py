"""Pooling, in loop IR and on emulated cores, against the reference."""

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
from tests.kernels.dsp.test_meaning import check, interpreted
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import TensorType
from tinycc_ml.kernels.dsp.max_pool_code import MaxPoolCode
from tinycc_ml.kernels.dsp.pooling import AveragePool2DDsp, MaxPool2DDsp
from tinycc_ml.kernels.pool_windows import segments
from tinycc_ml.ops import Workload
from tinycc_ml.ops.pooling import Pool2DAttrs, PoolNumbers
from tinycc_ml.ops.window import Padding, window_output

KERNELS = {"average": AveragePool2DDsp(), "max": MaxPool2DDsp()}
needs_emulator = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)


def pool_case(kind: str, r: Random, scale: int = 1) -> Case:
    kernel = (r.randint(1, 4 * scale), r.randint(1, 4 * scale))
    size = (kernel[0] + r.randint(0, 4), kernel[1] + r.choice([0, r.randint(0, 4)]))
    stride = (r.randint(1, 3), r.randint(1, 3))
    around = Padding()
    if r.random() < 0.5:
        # No window may hold nothing but padding.
        top, left = r.randint(0, kernel[0] // 2), r.randint(0, kernel[1] // 2)
        around = Padding(top, r.randint(0, kernel[0] // 2), left, r.randint(0, kernel[1] // 2))
    attrs = Pool2DAttrs(kernel, stride, around)
    shape = (1, *size, r.choice([4 * r.randint(1, 4 * scale), r.randint(4, 16 * scale)]))
    out = window_output(size, kernel, stride, (1, 1), around)
    low = r.choice([-128, -128, r.randint(-128, 126)])
    high = r.choice([127, 127, r.randint(low, 127)])
    definition = KERNELS[kind]
    workload = Workload(
        definition.op,
        attrs,
        PoolNumbers(low, high),
        (("input", TensorType(shape, DType.INT8)),),
        (),
        (("output", TensorType((1, *out, shape[3]), DType.INT8)),),
    )
    return Case(definition, workload, (), int8_data(r, shape))


def accepted(kind: str, count: int, seed: int, scale: int = 3) -> list[Case]:
    cases: list[Case] = []
    while len(cases) < count:
        seed += 1
        case = pool_case(kind, Random(seed), scale)
        if case.definition.accepts(case.workload, ()) is None:
            cases.append(case)
    return cases


@pytest.mark.parametrize("kind", KERNELS)
@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_drawn_layers(kind, seed):
    check(pool_case(kind, Random(seed)))


@pytest.mark.parametrize("kind", KERNELS)
def test_most_layers_are_accepted(kind):
    cases = [pool_case(kind, Random(seed)) for seed in range(100)]
    assert sum(c.definition.accepts(c.workload, ()) is None for c in cases) > 80


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("kind", KERNELS)
def test_twenty_thousand_layers_each(kind, part):
    for seed in range(2500 * part, 2500 * (part + 1)):
        check(pool_case(kind, Random(seed)))


@given(
    *(st.integers(1, 12), st.integers(1, 6), st.integers(1, 4)),
    *(st.integers(0, 5), st.integers(0, 5)),
)
def test_segments_hold_every_tap(size, kernel, stride, before, after):
    if size + before + after < kernel:
        return
    out = (size + before + after - kernel) // stride + 1
    found = segments(out, size, kernel, stride, before)
    assert [s.first for s in found] == [0, *(s.first + s.count for s in found)][:-1]
    taps = [
        [s.start + i * stride + t for t in range(s.taps)] for s in found for i in range(s.count)
    ]
    inside = [
        [i for i in range(o * stride - before, o * stride - before + kernel) if 0 <= i < size]
        for o in range(out)
    ]
    assert taps == inside


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
    (case,) = accepted("average", 1, seed=1)
    workload, pool = case.workload, case.definition
    attrs = replace(workload.attrs, kernel=(20, 20), padding=Padding())
    assert "400 pixels" in pool.accepts(replace(workload, attrs=attrs), ())
    big = Pool2DAttrs((9, 9), (1, 1), Padding(4, 4, 4, 4))
    shape = (1, 9, 9, 8)
    types = {"inputs": (("input", TensorType(shape, DType.INT8)),)}
    types["outputs"] = (("output", TensorType(shape, DType.INT8)),)
    assert "25 ways" in pool.accepts(replace(workload, attrs=big, **types), ())
    few = tuple(("input", TensorType((*t.shape[:3], 3), DType.INT8)) for _, t in workload.inputs)
    assert "3 channels" in pool.accepts(replace(workload, inputs=few), ())


def test_a_wrong_start_is_noticed(monkeypatch):
    monkeypatch.setattr(MaxPoolCode, "initial", property(lambda _: 0))
    cases = accepted("max", 10, seed=3, scale=1)
    assert any(not np.array_equal(interpreted(c), c.expected) for c in cases)


@needs_emulator
@pytest.mark.parametrize("board", BOARDS)
def test_drawn_layers_on_cores(board, tmp_path):
    cases = [case for kind in KERNELS for case in accepted(kind, 30, seed=7)]
    check_emulated(cases, board, tmp_path)


@needs_emulator
@pytest.mark.parametrize("mode", ["O0", "portable", "clang-O2"])
def test_ways_to_compile(mode, tmp_path):
    if MODES[mode][0] == "clang" and shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    cases = [case for kind in KERNELS for case in accepted(kind, 8, seed=50, scale=1)]
    check_emulated(cases, "mps2-an386", tmp_path, MODES[mode])


@needs_emulator
@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("kind", KERNELS)
def test_five_hundred_layers(kind, board, tmp_path):
    for batch in range(5):
        cases = accepted(kind, 100, seed=1000 * (batch + 1))
        check_emulated(cases, board, tmp_path / str(batch))
