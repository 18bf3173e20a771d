"""Addition by tables, in loop IR and on emulated cores, against the reference."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from tinycc_ml.graph import Constant, TensorType
from tinycc_ml.kernels.base import Kernel
from tinycc_ml.kernels.dsp.add import AddDsp
from tinycc_ml.loopir import Argument, Buffer, LoopKernel, Role, affine
from tinycc_ml.numerics import quantize_multiplier
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.rescaling import RescaledNumbers, Scaling

needs_emulator = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)


def one_input(kernel: Kernel) -> Kernel:
    """The kernel with its inputs one behind the other, as the batches have one."""
    first, _, tables, output = kernel.loops.buffers
    (call,) = kernel.loops.body
    x = Buffer("input", DType.INT8, (2, first.elements), Role.INPUT)
    windows = [Argument("input", (affine(i), affine(0))) for i in range(2)]
    call = replace(call, arguments=(*windows, *call.arguments[2:]))
    return replace(kernel, loops=LoopKernel("add", (x, tables, output), (call,)))


class OneInput(AddDsp):
    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        return one_input(super().build(workload, constants))


@dataclass(frozen=True)
class AddCase(Case):
    @property
    def expected(self) -> np.ndarray:
        operands = dict(zip(("input0", "input1"), self.x, strict=True))
        (y,) = op("add").reference(self.workload, operands)
        return y


def draw_numbers(r: Random) -> RescaledNumbers:
    """Scales as trained networks have them, and further apart."""
    spread = r.choice([1.0, 1.0, 6.0])
    first, second, out = (2.0 ** r.uniform(-spread, spread) for _ in range(3))
    unit = 2 * max(first, second)
    zeros = [r.choice([-128, 127, 0, r.randint(-128, 127)]) for _ in range(3)]
    return RescaledNumbers(
        Scaling(-zeros[0], *quantize_multiplier(first / unit)),
        Scaling(-zeros[1], *quantize_multiplier(second / unit)),
        Scaling(zeros[2], *quantize_multiplier(unit / (2**20 * out))),
        -128,
        127,
    )


def add_workload(shape: tuple[int, ...], numbers: RescaledNumbers) -> Workload:
    tensor = TensorType(shape, DType.INT8)
    inputs = (("input0", tensor), ("input1", tensor))
    return Workload("add", AddAttrs(), numbers, inputs, (), (("output", tensor),))


def add_case(r: Random, scale: int = 1) -> AddCase:
    elements = r.choice([1, 3, 4, 7, 8, 11, 16, 21, r.randint(1, 200 * scale)])
    x = np.stack([int8_data(r, (elements,)), int8_data(r, (elements,))])
    return AddCase(OneInput(), add_workload((elements,), draw_numbers(r)), (), x)


def all_pairs(r: Random) -> AddCase:
    """Every value with every value."""
    values = np.arange(-128, 128, dtype=np.int8)
    x = np.stack([grid.reshape(-1) for grid in np.meshgrid(values, values)])
    return AddCase(OneInput(), add_workload((65536,), draw_numbers(r)), (), x)


def accepted(draw, count: int, seed: int) -> list[AddCase]:
    cases: list[AddCase] = []
    while len(cases) < count:
        seed += 1
        case = draw(Random(seed))
        if case.definition.accepts(case.workload, case.constants) is None:
            cases.append(case)
    return cases


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_drawn_layers(seed):
    check(add_case(Random(seed)))


def test_every_pair_of_values():
    (case,) = accepted(all_pairs, 1, seed=1)
    assert np.array_equal(interpreted(case), case.expected)


def test_nearly_all_scales_are_exact():
    cases = (add_case(Random(seed)) for seed in range(200))
    assert sum(c.definition.accepts(c.workload, ()) is not None for c in cases) < 20


def test_refusals():
    numbers = accepted(add_case, 1, seed=1)[0].workload.numbers
    workload = add_workload((4, 5), numbers)
    assert AddDsp().accepts(workload, ()) is None
    row = replace(workload, inputs=(workload.inputs[0], ("input1", TensorType((5,), DType.INT8))))
    assert "broadcast" in AddDsp().accepts(row, ())
    clamped = replace(workload, numbers=replace(numbers, output_max=100))
    assert "clamped" in AddDsp().accepts(clamped, ())
    shifted = replace(numbers, output=replace(numbers.output, shift=0))
    assert "shifted by 0" in AddDsp().accepts(replace(workload, numbers=shifted), ())


@needs_emulator
@pytest.mark.parametrize("board", BOARDS)
def test_drawn_layers_on_cores(board, tmp_path):
    cases = accepted(lambda r: add_case(r, 5), 40, seed=7)
    check_emulated([*cases, *accepted(all_pairs, 1, seed=3)], board, tmp_path)


@needs_emulator
@pytest.mark.parametrize("mode", ["O0", "lto", "portable"])
def test_ways_to_compile(mode, tmp_path):
    check_emulated(accepted(add_case, 8, seed=50), "mps2-an386", tmp_path, MODES[mode])


@needs_emulator
@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
def test_all_pairs_of_many_scales(board, tmp_path):
    for batch in range(5):
        check_emulated(accepted(all_pairs, 5, seed=100 * batch), board, tmp_path / str(batch))
