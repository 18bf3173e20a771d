"""Reordered tiles compute what they did: by symbolic execution, and on an emulated Cortex-M7."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cycles.assembler import code
from tests.kernels.dsp.cases import Case, conv_case, dense_case
from tests.kernels.dsp.test_depthwise_planes import depthwise_case
from tests.kernels.dsp.test_emulated import check as check_emulated
from tests.kernels.dsp.test_pooling import accepted as accepted_pools
from tests.kernels.dsp.winograd_cases import winograd_case
from tinycc_ml.kernels.dsp import DSP, DUAL_ISSUE, SHARED, dual_issue
from tinycc_ml.kernels.dsp.dual_issue import interleave, parse
from tinycc_ml.loopir import Intrinsic
from tinycc_ml.loopir.walk import intrinsic_calls
from tinycc_ml.runner.cycles.cortex_m7 import block_cycles

DRAWS = (conv_case, dense_case, depthwise_case, partial(winograd_case, "f4"))
_STEP = re.compile(r"\s*([a-z0-9]+) (.*)")
_NAMES = re.compile(r"\b(?:r\d+|sp|lr)\b")


def tiles(case: Case) -> list[Intrinsic]:
    loops = case.definition.build(case.workload, case.constants).loops
    return [call.intrinsic for call in intrinsic_calls(loops.body)]


class Machine:
    """Executes lines on symbols: what a register holds is the tree of how it came about."""

    def __init__(self) -> None:
        self.state: dict[str, int] = {}
        self.known: dict[object, int] = {}

    def number(self, value: object) -> int:
        return self.known.setdefault(value, len(self.known))

    def read(self, register: str) -> int:
        return self.state.get(register, self.number(register))

    def run(self, line: str) -> None:
        found = _STEP.fullmatch(line)
        if found is None or found[1].startswith("b") or found[1] in ("push", "pop", "it", "itt"):
            # What anything behind it may see.
            self.state["control"] = self.number((line.strip(), *sorted(self.state.items())))
            return
        name, operands = found.groups()
        listed = re.search(r"\{r(\d+)-r(\d+)\}", operands)
        if listed:
            spelled = ", ".join(f"r{i}" for i in range(int(listed[1]), int(listed[2]) + 1))
            operands = operands.replace(listed[0], spelled)
        names = _NAMES.findall(operands)
        if "[" in operands:
            data, address = _NAMES.findall(operands.split("[")[0]), operands.split("[")[1]
            base = _NAMES.findall(address)[:1]
            moved = base if address.rstrip()[-1] != "]" else []
        elif listed:
            base, data = names[:1], names[1:]
            moved = base if "!" in operands else []
        else:
            base, data, moved = [], names[:1], []
        values = tuple(map(self.read, names))
        if name.startswith("st"):
            self.state["memory"] = self.number(("store", name, operands, values, self.memory))
        elif base:
            inputs = tuple(map(self.read, (*base, *_NAMES.findall(operands.split("[")[-1]))))
            for i, register in enumerate(data):
                self.state[register] = self.number(("load", name, i, inputs, self.memory, operands))
        else:
            target = "flags" if name == "cmp" else data[0]
            self.state[target] = self.number((name, operands, values))
        for register in moved:
            self.state[register] = self.number(("moved", operands, values))

    @property
    def memory(self) -> int:
        return self.read("memory")


def outcome(lines: tuple[str, ...], machine: Machine) -> list[tuple[str, int]]:
    machine.state = {}
    for line in lines:
        if not line.strip().startswith("@"):
            machine.run(line)
    return sorted(machine.state.items())


def same(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    machine = Machine()
    return outcome(first, machine) == outcome(second, machine)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(DRAWS))
def test_every_register_and_all_memory_end_up_the_same(seed, draw):
    case = draw(Random(seed), 3)
    if case.definition.accepts(case.workload, case.constants) is None:
        for tile in tiles(case):
            found, given_ = (
                sorted(line for line in lines if "@" not in line)
                for lines in (interleave(tile.assembly), tile.assembly)
            )
            assert found == given_
            assert same(tile.assembly, interleave(tile.assembly))


@pytest.mark.parametrize("forget", ["reads", "writes", "is_store"])
def test_a_forgotten_dependence_is_noticed(forget, monkeypatch):
    def careless(line: str):
        found = parse(line)
        nothing = False if forget == "is_store" else frozenset()
        return found and replace(found, **{forget: nothing})

    monkeypatch.setattr(dual_issue, "parse", careless)
    found = [t for draw in DRAWS for seed in range(4) for t in tiles(draw(Random(seed), 2))]
    assert not all(same(tile.assembly, interleave(tile.assembly)) for tile in found)


def test_the_model_of_the_core_says_that_it_is_faster():
    drawn = [t for seed in range(30) for t in tiles(conv_case(Random(seed), 3)) if "2x4" in t.name]
    assembly = max((tile.assembly for tile in drawn), key=len)
    before, after = (
        [line.strip() for line in lines if parse(line) is not None]
        for lines in (assembly, interleave(assembly))
    )
    was, is_now = (block_cycles(code("; ".join(lines))) for lines in (before, after))
    assert is_now < 0.85 * was


def test_names_and_needs():
    assert len(DUAL_ISSUE) + len(SHARED) == len(DSP)
    for plain, dual in zip(DSP, DUAL_ISSUE, strict=False):
        assert dual.name == plain.name.replace("__dsp", "__m7")
        assert dual.requires == plain.requires | {"dual_issue"}


@pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)
def test_drawn_layers_on_a_core(tmp_path):
    duals = {plain.name: dual for plain, dual in zip(DSP, DUAL_ISSUE, strict=False)}
    cases = [draw(Random(seed), 2) for draw in DRAWS for seed in range(12)]
    cases += [c for kind in ("average", "max") for c in accepted_pools(kind, 6, seed=9, scale=2)]
    cases = [c for c in cases if c.definition.accepts(c.workload, c.constants) is None]
    assert len(cases) > 30
    check_emulated(
        [replace(c, definition=duals[c.definition.name]) for c in cases], "mps2-an500", tmp_path
    )
