"""Texts that layers of any size share: against the reference, emulated, as machine code."""

from __future__ import annotations

import shutil
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.dsp.batch import build_batch, check_batch, compile_batch, run_batch
from tests.kernels.dsp.cases import Case, conv_case, dense_case
from tests.kernels.dsp.depthwise_cases import depthwise_case
from tests.kernels.dsp.test_emulated import BOARDS, CLANG, MODES, SCALE
from tests.kernels.dsp.test_machine_code import Listing
from tests.kernels.dsp.test_meaning import interpreted
from tinycc_ml.kernels.dsp import SHARED
from tinycc_ml.loopir import CallIntrinsic, For, If, LoopKernel, Stmt, required_intrinsics

KERNELS = {definition.op: definition for definition in SHARED}
FAMILIES = {
    "conv2d": conv_case,
    "fully_connected": dense_case,
    "depthwise_conv2d": depthwise_case,
}
needs_core = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)


def drawn(family: str, seed: int, scale: int = 1) -> Case | None:
    """A layer for the family's shared kernel; ``None`` where it does not take it."""
    case = replace(FAMILIES[family](Random(seed), scale), definition=KERNELS[family])
    refused = case.definition.accepts(case.workload, case.constants)
    return None if refused else case


def taken(family: str, count: int, seed: int, scale: int = SCALE) -> list[Case]:
    cases = (drawn(family, n, scale) for n in range(seed + 1, seed + 20 * count))
    found = [case for case in cases if case][:count]
    assert len(found) == count
    return found


def check_meaning(case: Case | None) -> None:
    if case:
        assert np.array_equal(interpreted(case), case.expected)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(FAMILIES)))
def test_meanings(seed, family):
    check_meaning(drawn(family, seed))


@pytest.mark.parametrize("family", ["conv2d", "fully_connected"])
def test_they_take_what_the_others_take(family):
    cases = (FAMILIES[family](Random(seed)) for seed in range(60))
    for case in cases:
        fast, shared = (
            kernel.accepts(case.workload, case.constants)
            for kernel in (case.definition, KERNELS[family])
        )
        assert fast == shared


def test_refused_kernels_are_named():
    reasons = set()
    for seed in range(200):
        case = depthwise_case(Random(seed))
        reason = KERNELS["depthwise_conv2d"].accepts(case.workload, case.constants)
        kernel = case.workload.operand("weight").shape[1:3]
        if kernel == (3, 3) and case.definition.accepts(case.workload, case.constants) is None:
            assert reason is None
        reasons.add(reason)
    assert any(r and "allowed 3 rows" in r for r in reasons)


@needs_core
@pytest.mark.parametrize("board", BOARDS)
def test_drawn_layers(board, tmp_path):
    cases = [case for family in FAMILIES for case in taken(family, 8, seed=1000)]
    check_batch(cases, run_batch(build_batch(cases, board, tmp_path), board))


def with_sizes(case: Case, position: int) -> Case:
    """The case with a size of its tiles, and of a gather, one too large."""

    def changed(statement: Stmt) -> Stmt:
        if isinstance(statement, For | If):
            return replace(statement, body=tuple(map(changed, statement.body)))
        if isinstance(statement, CallIntrinsic) and len(statement.intrinsic.sizes) > 2:
            sizes = list(statement.intrinsic.sizes)
            sizes[position] += 1
            return replace(statement, intrinsic=replace(statement.intrinsic, sizes=tuple(sizes)))
        return statement

    class Faulty(type(case.definition)):  # type: ignore[misc]
        def build(self, workload, constants):
            kernel = super().build(workload, constants)
            body = tuple(map(changed, kernel.loops.body))
            return replace(kernel, loops=LoopKernel("faulty", kernel.loops.buffers, body))

    return replace(case, definition=Faulty())


@needs_core
@pytest.mark.parametrize(("family", "position"), [("conv2d", 0), ("depthwise_conv2d", 3)])
def test_a_wrong_size_is_noticed(family, position, tmp_path):
    """One filter too many; lines of the output a byte too far apart, and one more is gathered."""
    wrong = [with_sizes(case, position) for case in taken(family, 4, seed=77)]
    with pytest.raises(AssertionError, match=r"wrong|wrote|behind"):
        check_batch(wrong, run_batch(build_batch(wrong, "mps2-an386", tmp_path), "mps2-an386"))


@needs_core
def test_every_compiler_keeps_the_texts_as_they_are(tmp_path):
    cases = [case for family in FAMILIES for case in taken(family, 3, seed=5)]
    kernels = [case.definition.build(case.workload, case.constants).loops for case in cases]
    intrinsics = {i for kernel in kernels for i in required_intrinsics(kernel) if i.shared}
    names = {f"tcml_{i.shared.name}" for i in intrinsics}

    def texts(mode: str, command: tuple[str, ...]) -> dict[str, list[str]]:
        listing = Listing.of(compile_batch(cases, "mps2-an386", tmp_path / mode, command), tmp_path)
        return {name: code for name, code in listing.tiles().items() if name in names}

    reference = texts("O2", ("-O2",))
    assert set(reference) == names
    for mode in ("O0", "stack-protector", "lto", "clang-O2"):
        if MODES[mode][0] == CLANG[0] and shutil.which(CLANG[0]) is None:
            continue
        assert texts(mode, MODES[mode]) == reference, mode


@pytest.mark.slow
@needs_core
@pytest.mark.parametrize("batch", range(5))
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_five_hundred_layers_each(family, board, batch, tmp_path):
    cases = taken(family, 100, seed=10_000 * (batch + 1))
    check_batch(cases, run_batch(build_batch(cases, board, tmp_path), board))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("family", FAMILIES)
def test_twenty_thousand_layers_each(family, part):
    for seed in range(2500 * part, 2500 * (part + 1)):
        check_meaning(drawn(family, seed))
