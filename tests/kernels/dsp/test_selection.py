"""Which kernel a layer gets, and what follows from it for memory and the generated C."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from tests.c_compilers import COMPILERS, run_tool
from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import compile_bytes, write_files
from tests.kernels.dsp.cases import conv_case
from tinycc_ml.graph import Constant, Origin
from tinycc_ml.kernels import candidates, select
from tinycc_ml.ops import Layer, LayerGraph

STYLE = Path(__file__).parents[3] / ".clang-format"
DSP = frozenset({"thumb2", "umull", "unaligned", "dsp"})


def graph(case) -> LayerGraph:
    """A network of one layer."""
    types = {"x": case.workload.operand("input"), "y": case.workload.operand("output")}
    origin = Origin("drawn.tflite", 0, "conv")
    layer = Layer("n00", case.workload, ("x",), ("y",), case.constants, origin)
    return LayerGraph("drawn", (layer,), types, {}, ("x",), ("y",))


def accepted():
    """A layer of many filters, for which no other kernel is better."""
    cases = (conv_case(Random(seed), 2) for seed in range(200))
    many = (c for c in cases if c.workload.operand("weight").shape[0] > 8)
    dense = (c for c in many if c.workload.attrs.dilation == (1, 1))
    return next(c for c in dense if c.definition.accepts(c.workload, c.constants) is None)


def chosen(case, features=DSP, choice="auto") -> str:
    return select(graph(case), features, choice).functions[0].definition


def test_the_core_and_the_user_decide():
    case = accepted()
    assert chosen(case) == "conv2d_s8__dsp_2x4"
    assert chosen(case, DSP - {"dsp"}) == "conv2d_s8_code__thumb2_2x3"
    assert chosen(case, choice="portable") == "conv2d__c"
    assert [d.name for d in candidates("softmax", DSP)] == ["softmax__c"]


def test_a_refusal_is_recorded_with_its_reason():
    case = accepted()
    weight = case.constants[0].array.copy()
    weight[:] = -128
    multiplier = Constant(np.full_like(case.constants[2].array, 1 << 30))
    shift = Constant(np.full_like(case.constants[3].array, 1))
    refused = replace(case, constants=(Constant(weight), case.constants[1], multiplier, shift))
    program = select(graph(refused), DSP)
    assert program.functions[0].definition == "conv2d__c"
    reasons = {refusal.kernel: refusal.reason for refusal in program.refusals}
    assert "left" in reasons["conv2d_s8__dsp_2x4"]


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_plan_aligns_scratch_to_words(name):
    compilation = compile_bytes(NETWORKS[name](), name, board="mps2-an386")
    scratch = [s for call in compilation.program.calls for s, _ in call.scratch]
    places = {p.name: p for p in compilation.plan.placements}
    assert all(places[s].offset_bytes % 4 == 0 for s in scratch)
    assert not scratch or compilation.manifest.arena_alignment % 4 == 0


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_generated_text_is_formatted_and_free_of_warnings(name, tmp_path):
    compilation = compile_bytes(NETWORKS[name](), name, board="mps2-an386")
    sources = write_files(compilation, tmp_path)
    if shutil.which("clang-format"):
        for source in sources:
            run_tool(
                ["clang-format", "--dry-run", "-Werror", f"--style=file:{STYLE}", source], tmp_path
            )
    for compiler in (
        "gcc-c99",
        "clang-c11",
        "g++",
        "cortex-m4-c99",
        "cortex-m4-c++",
        "cortex-m3-c11",
    ):
        if shutil.which(COMPILERS[compiler][0]) is None:
            continue
        for source in sources:
            run_tool([*COMPILERS[compiler], "-O1", "-c", source, "-o", "out.o"], tmp_path)
