"""Generated C whose outputs lie over inputs, under optimizing compilers and on an emulated core."""

from __future__ import annotations

import ctypes
import re
import tempfile
from functools import cache
from pathlib import Path

import pytest

from tests.c_compilers import run_tool
from tests.end_to_end.devices import running
from tests.end_to_end.golden import MODELS, golden
from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import HostModel, extreme_inputs, write_files
from tests.end_to_end.sanitized import run_sanitized
from tests.oracle import run_tflm
from tests.shared_data import REPOSITORY, shared_path
from tinycc_ml.compiler import Compilation, compile_model, fit_problems, generate
from tinycc_ml.errors import DoesNotFitError
from tinycc_ml.kernels import KernelChoice
from tinycc_ml.memplan import Optimize
from tinycc_ml.runner import infer
from tinycc_ml.targets import load_board

#: Portable kernels; see docs/memory.md.
ARENA_BYTES = {
    "ad01_int8": 768,
    "kws_ref_model": 6_186,
    "pretrainedResnet_quant": 14_080,
    "vww_96_int8": 27_750,
    "str_ww_ref_model": 3_624,
}
#: DSP kernels, scratch included.
DSP_ARENA_BYTES = {
    "ad01_int8": 1_920,
    "kws_ref_model": 5_162,
    "pretrainedResnet_quant": 15_616,
    "vww_96_int8": 28_920,
    "str_ww_ref_model": 3_792,
}

#: Of the arena of the fastest plan.
BALANCED_SHARE = {"kws_ref_model": 0.6, "pretrainedResnet_quant": 0.6}


@cache
def compiled(
    model: str,
    board: str = "host",
    optimize: Optimize = "ram",
    kernels: KernelChoice = "portable",
) -> Compilation:
    path = shared_path(f"data/models/{model}.tflite")
    return compile_model(path, load_board(board), kernels=kernels, optimize=optimize)


@cache
def network(name: str, board: str = "host") -> Compilation:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.tflite"
        path.write_bytes(NETWORKS[name]())
        return compile_model(path, load_board(board), optimize="ram")


@pytest.mark.parametrize("model", MODELS)
def test_the_arena_is_proved_to_be_the_smallest(model):
    manifest = compiled(model).manifest
    assert manifest.arena_bytes == ARENA_BYTES[model]
    assert manifest.gap_bytes == 0


@pytest.mark.parametrize("model", MODELS)
def test_with_dsp_kernels_too(model):
    manifest = compiled(model, "nucleo-f746", kernels="auto").manifest
    assert manifest.arena_bytes == DSP_ARENA_BYTES[model]
    assert manifest.gap_bytes == 0


def test_auto_overlaps_only_where_the_board_is_too_small(tmp_path):
    path = shared_path("data/models/vww_96_int8.tflite")
    text = (REPOSITORY / "boards" / "nucleo-g0b1re.toml").read_text(encoding="utf-8")
    board = tmp_path / "board.toml"
    arenas = {}
    for ram_bytes in (147_456, 55_296, 55_295):
        assert "size_bytes = 147_456" in text
        board.write_text(text.replace("size_bytes = 147_456", f"size_bytes = {ram_bytes}"))
        compilation = compile_model(path, load_board(str(board)), kernels="portable")
        arenas[ram_bytes] = compilation.manifest.arena_bytes
        if ram_bytes < 55_296:
            apart = compile_model(
                path, load_board(str(board)), kernels="portable", optimize="latency"
            )
            assert len(fit_problems(apart)) == 1
            assert fit_problems(compilation) == ()
    assert arenas == {147_456: 55_296, 55_296: 55_296, 55_295: 36_872}


def test_a_limit_is_kept_with_the_fewest_cycles():
    """The less memory, the more cycles; below the smallest plan there is an error."""
    path, board = shared_path("data/models/kws_ref_model.tflite"), load_board("mps2-an386")
    cycles = []
    for limit_bytes in (20_000, 9_000, 7_000):
        compilation = compile_model(path, board, ram_limit=limit_bytes)
        assert compilation.manifest.arena_bytes <= limit_bytes
        cycles.append(compilation.program.cycles)
    assert cycles == sorted(cycles)
    assert cycles[0] < cycles[-1]
    with pytest.raises(DoesNotFitError, match=r"--ram-limit 5,000: the arena takes 5,162 bytes"):
        compile_model(path, board, ram_limit=5_000)


@pytest.mark.parametrize("model", ["kws_ref_model", "pretrainedResnet_quant"])
def test_balanced_gives_up_little_speed_for_much_memory(model):
    fast, balanced = (compiled(model, "mps2-an386", o, "auto") for o in ("latency", "balanced"))
    assert balanced.program.cycles <= 1.1 * fast.program.cycles
    assert balanced.manifest.arena_bytes <= BALANCED_SHARE[model] * fast.manifest.arena_bytes


def build(compilations: list[Compilation], folder: Path, *command: str) -> list[HostModel]:
    sources = [path for c in compilations for path in write_files(c, folder / c.manifest.name)]
    library = folder / "models.so"
    flags = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-shared", "-fPIC")
    run_tool([*command, *flags, "-o", library, *sources], folder)
    loaded = ctypes.CDLL(str(library))
    return [HostModel(c.manifest, loaded) for c in compilations]


@pytest.mark.parametrize(
    ("compiler", "level"),
    [
        ("gcc", "-O3"),
        ("clang", "-O2"),
        pytest.param("gcc", "-O2", marks=pytest.mark.slow),
        pytest.param("clang", "-O3", marks=pytest.mark.slow),
    ],
)
def test_optimizing_compilers_keep_every_bit(compiler, level, tmp_path):
    hosts = build([compiled(m) for m in MODELS], tmp_path / "models", compiler, level)
    for model, host in zip(MODELS, hosts, strict=True):
        want = golden(model)
        for sample, expected in list(zip(want.inputs, want.outputs, strict=True))[:3]:
            assert host.run([sample])[0].tobytes() == expected.tobytes(), model
    hosts = build([network(n) for n in NETWORKS], tmp_path / "networks", compiler, level)
    for name, host in zip(NETWORKS, hosts, strict=True):
        data = NETWORKS[name]()
        for sample in extreme_inputs(host.manifest, 6):
            found = [y.tobytes() for y in host.run(sample)]
            assert found == [y.tobytes() for y in run_tflm(data, sample)], name


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_sanitizers_find_nothing(name, tmp_path):
    samples = extreme_inputs(network(name).manifest, 4)
    found = run_sanitized(network(name), samples, tmp_path)
    expected = [run_tflm(NETWORKS[name](), sample) for sample in samples]
    assert [[y.tobytes() for y in s] for s in found] == [[y.tobytes() for y in s] for s in expected]


@pytest.mark.parametrize(
    ("model", "kernels"),
    [*((model, "portable") for model in MODELS), ("kws_ref_model", "auto")]
    + [pytest.param(m, "auto", marks=pytest.mark.slow) for m in MODELS if m != "kws_ref_model"],
)
def test_one_input_on_an_emulated_core(model, kernels, tmp_path):
    compilation, want = compiled(model, "nucleo-f746", kernels=kernels), golden(model)
    with running(compilation, "qemu", tmp_path) as device:
        (found,) = infer(device, [want.inputs[-1]], compilation.manifest.outputs)
    assert found.tobytes() == want.outputs[-1].tobytes()


@pytest.mark.parametrize(
    ("model", "board"),
    [
        ("pretrainedResnet_quant", "mps2-an386"),
        ("kws_ref_model", "mps3-an547"),
        *(
            pytest.param(model, board, marks=pytest.mark.slow)
            for model in MODELS
            for board in ("mps2-an386", "mps3-an547")
        ),
    ],
)
def test_row_by_row_on_other_cores(model, board, tmp_path):
    compilation, want = compiled(model, board, kernels="auto"), golden(model)
    with running(compilation, "qemu", tmp_path) as device:
        for sample, expected in list(zip(want.inputs, want.outputs, strict=True))[:2]:
            (found,) = infer(device, [sample], compilation.manifest.outputs)
            assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", ["digits", "everything", "shared_functions"])
def test_kernels_with_scratch_on_an_emulated_core(name, tmp_path):
    compilation = network(name, "mps2-an386")
    sample = extreme_inputs(compilation.manifest, 6)[-1]
    with running(compilation, "qemu", tmp_path) as device:
        found = infer(device, sample, compilation.manifest.outputs)
    expected = run_tflm(NETWORKS[name](), sample)
    assert [y.tobytes() for y in found] == [y.tobytes() for y in expected]


@pytest.mark.parametrize("model", MODELS)
def test_no_restrict_where_any_call_of_a_function_overlaps(model):
    compilation = compiled(model)
    source = generate(compilation)[f"{model.lower()}.c"]
    written = {s.written for s in compilation.plan.shared}
    overlapping = {c.function for c in compilation.program.calls if written & set(c.outputs)}
    functions = re.findall(r"^static void [^{]*\{", source, flags=re.MULTILINE)
    assert len(functions) == len(compilation.program.functions)
    for index, text in enumerate(functions):
        assert ("TCML_RESTRICT output" in text) == (index not in overlapping)
    # Copies are between the application's buffers and the arena only.
    layers = source[: source.index("_run(")]
    assert "memcpy(" not in layers and "memmove(" not in layers


def test_the_header_says_how_the_arena_is_shared():
    header = generate(compiled("kws_ref_model"))["kws_ref_model.h"]
    words = " ".join(header.replace("\n *", "").split())
    assert "row by row, else layer by layer, outputs over dying inputs" in words
    plain = generate(compiled("kws_ref_model", "host", "auto"))["kws_ref_model.h"]
    assert "outputs over" not in plain
