"""Every verb does its work, prints JSON as documented, and ends with the right exit code."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import DIGITS, DIGITS_DATA, run_process
from tests.end_to_end.networks import float_layers
from tests.shared_data import REPOSITORY, shared_path
from tests.tflite_builder import ModelBuilder
from tinycc_ml import __version__
from tinycc_ml.cli import device
from tinycc_ml.cli.main import _VERBS
from tinycc_ml.cli.output import JSON_VERSION

LAYERS = [
    *("name", "op", "kernel", "macs", "instructions", "cycles", "time_us"),
    *("cycles_estimate", "cycles_per_mac", "cycles_bound"),
]


@pytest.fixture(scope="module")
def documented() -> dict[str, set[str]]:
    """The names in code style of each section of docs/json.md."""
    text = (REPOSITORY / "docs" / "json.md").read_text(encoding="utf-8")
    sections: dict[str, set[str]] = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        head, _, body = section.partition("\n")
        for verb in re.findall(r"`(\w+)`", head):
            sections[verb] = set(re.findall(r"`(\w+)`", body))
    return sections


def check_json(result, kind: str, documented: dict[str, set[str]]) -> dict:
    assert result.code == 0, result.err
    data = result.json
    assert data.pop("kind") == kind
    assert data.pop("version") == JSON_VERSION == 1
    assert set(data) <= documented[kind], "fields that are not documented"
    return data


@pytest.mark.parametrize("verb", _VERBS)
def test_help_of_every_verb(cli, verb):
    result = cli(verb, "--help")
    assert result.code == 0
    assert result.out.startswith("Usage: tinycc-ml")
    assert "--json" in result.out
    module = importlib.import_module(f"tinycc_ml.cli.{verb}")
    assert module.command.name == verb


def test_help_lists_every_verb(cli):
    for arguments in (["--help"], ["-h"], []):
        result = cli(*arguments)
        assert [v for v in _VERBS if f"  {v} " not in result.out + result.err] == []


def test_every_module_of_the_command_line_is_a_verb_or_shared():
    shared = {"__init__", "main", "output", "parameters", "compiling", "device"}
    shared |= {"pass_report", "quantizing", "shell"}
    files = {p.stem for p in (REPOSITORY / "tinycc_ml" / "cli").glob("*.py")}
    assert files - shared == set(_VERBS)


def test_version(cli):
    result = cli("--version")
    assert result.code == 0
    assert result.out.strip() == f"tinycc-ml, version {__version__}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["gen"],
        ["gen", "m.tflite"],
        ["gen", "m.tflite", "--board", "host"],
        ["gen", "m.tflite", "--board", "host", "-o", "x", "--arena", "heap"],
        ["validate", "m.tflite", "--board", "host", "--on", "moon", "--data", "x"],
        ["bench", "m.tflite", "--board", "host", "--runs", "0"],
        ["analyze", "--nonsense"],
        ["boards", "more"],
    ],
    ids=" ".join,
)
def test_wrong_usage(cli, arguments):
    result = cli(*arguments)
    assert result.code == 2
    assert "Usage:" in result.err
    assert "Traceback" not in result.err


def test_gen(cli, documented):
    result = cli("gen", DIGITS, "--board", "nucleo-f746", "-o", "out", "--json")
    data = check_json(result, "gen", documented)
    assert set(data) == documented["gen"] - {"models"}  # those of --share-arena
    assert sorted(data["files"]) == sorted(p.name for p in Path("out").iterdir())
    assert data["name"] == "digits" and data["output"] == "out"
    assert data["lower_bound_bytes"] <= data["arena_bytes"]


def test_gen_with_another_name_and_dumps(cli):
    result = cli("gen", DIGITS, "-b", "host", "-o", "out", "--name", "seen", "--dump-dir", "dumps")
    assert result.code == 0
    assert Path("out/seen.h").is_file()
    dumps = sorted(p.name for p in Path("dumps").iterdir())
    assert dumps[0] == "02_import.txt" and len(dumps) >= 6
    assert all(p.stat().st_size for p in Path("dumps").iterdir())


@pytest.mark.parametrize("name", ["Upper", "1st", "a-b", "", "a" * 49, "*/", "a b", "ä", "../x"])
def test_gen_with_an_impossible_name(cli, name):
    result = cli("gen", DIGITS, "-b", "host", "-o", "out", "--name", name)
    assert "--name" in result.error_line()
    assert not Path("out").exists()


def test_gen_with_the_name_of_a_library_header(cli):
    assert cli("gen", DIGITS, "-b", "host", "-o", "out", "--name", "string").code == 0
    assert Path("out/string_model.h").is_file()


def test_gen_writes_the_same_bytes_twice(cli):
    for folder in ("a", "b"):
        assert cli("gen", DIGITS, "--board", "nucleo-f746", "-o", folder).code == 0
    assert [p.read_bytes() for p in sorted(Path("a").iterdir())] == [
        p.read_bytes() for p in sorted(Path("b").iterdir())
    ]


def test_analyze(cli, documented):
    data = check_json(cli("analyze", DIGITS, "--json"), "analyze", documented)
    fields = {*data, *data["layers"][0], *data["curve"][0], *("pass", "node", "reason")}
    fields |= {"nodes_before", "nodes_after", "changes"}
    assert fields == documented["analyze"] - {"null"}
    assert data["board"] is None and data["fits"] is True and data["problems"] == []
    assert data["macs"] == sum(x["macs"] for x in data["layers"])
    assert data["gap_bytes"] == data["arena_bytes"] - data["lower_bound_bytes"]
    assert data["model_bytes"] == DIGITS.stat().st_size
    names = [layer["name"] for layer in data["layers"]]
    assert data["curve"][0]["groups"] == [] and data["curve"][-1]["groups"] != []
    assert all(set(group) <= set(names) for plan in data["curve"] for group in plan["groups"])


def test_analyze_prints_a_table(cli):
    result = cli("analyze", DIGITS, "--board", "nucleo-f746")
    assert result.code == 0
    assert "conv2d" in result.out and "fits nucleo-f746" in result.out
    assert "RAM against time" in result.out and "+0.0%" in result.out


def test_analyze_and_gen_start_no_process(cli, monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError("a process was started")

    for name in ("Popen", "run", "call", "check_output"):
        monkeypatch.setattr(subprocess, name, refuse)
    monkeypatch.setattr("os.posix_spawn", refuse)
    monkeypatch.setattr("os.fork", refuse)
    monkeypatch.setattr("os.system", refuse)
    assert cli("analyze", DIGITS, "--board", "nucleo-f746").code == 0
    assert cli("gen", DIGITS, "--board", "nucleo-f746", "-o", "out").code == 0


def test_run(cli, documented):
    with np.load(DIGITS_DATA) as data:
        inputs = data["inputs"][:2]
    np.savez("two.npz", inputs=inputs)
    result = cli("run", DIGITS, "--board", "host", "--input", "two.npz", "--json")
    found = check_json(result, "run", documented)
    assert set(found) == {"name", "board", "on", "samples"}
    assert len(found["samples"]) == 2
    (output,) = found["samples"][0]
    assert set(output) == {"name", "shape", "dtype", "values"}
    assert output["shape"] == [1, 10] and len(output["values"]) == 10


@pytest.mark.parametrize("suffix", ["npy", "bin"])
def test_run_reads_other_files(cli, suffix):
    with np.load(DIGITS_DATA) as data:
        inputs = data["inputs"][:3]
    if suffix == "npy":
        np.save("x.npy", inputs)
    else:
        Path("x.bin").write_bytes(inputs.tobytes())
    result = cli("run", DIGITS, "--board", "host", "--input", f"x.{suffix}")
    assert result.code == 0, result.err
    assert len(result.out.splitlines()) == 3


@pytest.mark.parametrize("on", ["host", "qemu"])
def test_validate_the_example(cli, documented, on):
    arguments = ("--board", "nucleo-f746", "--on", on, "--data", DIGITS_DATA, "--json")
    data = check_json(cli("validate", DIGITS, *arguments), "validate", documented)
    assert (data["identical"], data["total"]) == (100, 100)
    assert data["reference"] == "tflm" and data["on"] == on
    assert data["labelled"] and data["correct"] >= 95
    assert data["accuracy"] == data["correct"] / 100
    assert data["first_mismatch"] is None


def test_validate_with_our_own_reference_and_no_labels(cli, documented):
    with np.load(DIGITS_DATA) as data:
        np.savez("plain.npz", inputs=data["inputs"][:5])
    arguments = ("--board", "host", "--data", "plain.npz", "--reference", "numpy", "--json")
    data = check_json(cli("validate", DIGITS, *arguments), "validate", documented)
    assert (data["identical"], data["total"], data["reference"]) == (5, 5, "numpy")
    assert data["labelled"] is False and data["correct"] is None and data["accuracy"] is None


def test_validate_floats_within_a_tolerance(cli, documented):
    Path("floats.tflite").write_bytes(float_layers().build())
    x = np.random.default_rng(8).standard_normal((3, 1, 6, 6, 2)).astype(np.float32)
    np.savez("floats.npz", inputs=x)
    arguments = ("validate", "floats.tflite", "--board", "host", "--data", "floats.npz")
    data = check_json(cli(*arguments, "--json"), "validate", documented)
    assert (data["identical"], data["total"], data["tolerance"]) == (3, 3, 1e-5)
    assert "3/3 within 1e-05 relative of TensorFlow Lite Micro" in cli(*arguments).out


def test_bench_in_the_emulator_is_exact_and_repeatable(cli, documented):
    found = []
    for _ in range(2):
        result = cli("bench", DIGITS, "--board", "nucleo-f746", "--on", "qemu", "--json")
        found.append(check_json(result, "bench", documented))
    assert found[0] == found[1]
    data = found[0]
    promised = {
        *("instructions", "cycles_estimate", "arena_bytes", "scratch_bytes", "stack_bytes"),
        *("code_bytes", "weight_bytes", "layers"),
    }
    assert promised <= set(data)
    assert list(data["layers"][0]) == LAYERS
    assert data["instructions"] > 10_000
    assert data["time_us"] is None and data["cycles"] is None
    assert 10_000 < data["cycles_estimate"] < data["instructions"], "two at a time"
    assert data["cycles_per_mac"] == round(data["cycles_estimate"] / data["macs"], 4)
    assert data["cycles_bound"] == data["macs"] / 2
    assert 0 < data["stack_bytes"] < 4096
    assert data["code_bytes"] > 0 and data["weight_bytes"] > 0
    # Without the watching of layers an inference is at most what its layers take, but not much.
    layers = sum(layer["instructions"] for layer in data["layers"])
    assert 0.9 * data["instructions"] < layers < 1.1 * data["instructions"]


def test_bench_estimates_cycles_where_there_is_a_table(cli, documented):
    data = check_json(cli("bench", DIGITS, "--board", "mps2-an386", "--json"), "bench", documented)
    assert data["cycles_estimate"] > data["instructions"], "one at a time"
    layers = [layer["cycles_estimate"] for layer in data["layers"]]
    assert 0.99 * data["cycles_estimate"] < sum(layers) <= data["cycles_estimate"]
    result = cli("bench", DIGITS, "--board", "mps3-an547", "--json")
    data = check_json(result, "bench", documented)
    assert data["instructions"] and data["cycles_estimate"] is None
    assert {layer["cycles_estimate"] for layer in data["layers"]} == {None}
    (line,) = result.err.splitlines()
    assert line.startswith("no estimate of cycles: no cost table for cortex-m55")


def test_bench_without_a_compiler_for_this_computer(cli, documented, monkeypatch):
    monkeypatch.setattr(device, "why_no_estimate", lambda core: "no C compiler")
    result = cli("bench", DIGITS, "--board", "mps2-an386", "--json")
    data = check_json(result, "bench", documented)
    assert data["instructions"] and data["cycles_estimate"] is None
    assert result.err == "no estimate of cycles: no C compiler\n"


def test_bench_with_a_plugin_that_qemu_refuses(cli, documented, monkeypatch):
    bad = "/nowhere/plugin.so"
    monkeypatch.setattr("tinycc_ml.runner.CycleCounter.plugin_option", property(lambda _: bad))
    result = cli("bench", DIGITS, "--board", "mps2-an386", "--json")
    data = check_json(result, "bench", documented)
    assert data["instructions"] and data["cycles_estimate"] is None
    assert result.err.startswith("no estimate of cycles: QEMU does not run with the plugin: ")


def test_bench_on_this_computer(cli, documented):
    result = cli("bench", DIGITS, "--board", "host", "--json", "--runs", "3")
    data = check_json(result, "bench", documented)
    assert data["instructions"] is None and data["time_us"] > 0 and data["runs"] == 3


def test_bench_prints_a_table(cli):
    result = cli("bench", DIGITS, "--board", "nucleo-f746")
    assert result.code == 0
    for word in ("kernel", "instructions", "est. cycles", "cycles/MAC", "bound", "arena"):
        assert word in result.out


def test_firmware(cli):
    result = cli("firmware", DIGITS, "--board", "nucleo-f746", "-o", "fw/digits.elf", "--json")
    assert result.code == 0, result.err
    assert result.json["kind"] == "firmware"
    assert Path("fw/digits.elf").read_bytes()[:4] == b"\x7fELF"
    assert [p.name for p in Path("fw").iterdir()] == ["digits.elf"]
    assert 40 < result.json["stack_bound_bytes"] < 1000


def test_boards(cli, documented):
    data = check_json(cli("boards", "--json"), "boards", documented)
    names = [board["name"] for board in data["boards"]]
    assert {"nucleo-f746", "rpi-pico", "mps3-an547", "host"} <= set(names)
    assert all(name in cli("boards").out for name in names)


def test_ops(cli, documented):
    data = check_json(cli("ops", "--json"), "ops", documented)
    assert {*data["ops"][0]} == {"name", "dtypes", "summary", "kernels"}
    names = {row["name"] for row in data["ops"]}
    (conv,) = (row for row in data["ops"] if row["name"] == "conv2d")
    of_m4 = {row["dtype"]: row["names"] for row in conv["kernels"] if "cortex-m4" in row["cores"]}
    assert any("__dsp" in name for name in of_m4["int8"])
    assert any("__fpu" in name for name in of_m4["float32"])
    assert "cortex-m4" in data["cores"]
    assert {"conv2d", "depthwise_conv2d", "softmax", "concatenation"} <= names
    assert all(name in cli("ops").out for name in names)


def test_the_page_of_operators_is_current(cli):
    """Else: tinycc-ml ops --markdown > docs/operators.md."""
    page = (REPOSITORY / "docs" / "operators.md").read_text(encoding="utf-8")
    assert cli("ops", "--markdown").out == page


def test_analyze_tells_what_passes_did(cli, documented, tmp_path):
    b = ModelBuilder()
    x = b.input("x", (1, 4), "int8", 0.5, 0)
    a, y = (b.tensor(name, (1, 4), "int8", 0.5, 0) for name in ("a", "y"))
    b.operator("RELU", [x], [a])
    b.operator("RELU", [a], [y])
    b.output(y)
    model = tmp_path / "twice.tflite"
    model.write_bytes(b.build())
    data = check_json(cli("analyze", model, "--json"), "analyze", documented)
    assert [p["name"] for p in data["passes"]] == ["simplify_algebra"]
    assert data["passes"][0]["changes"][0] == "- n01_relu (relu)"
    assert (data["passes"][0]["nodes_before"], data["passes"][0]["nodes_after"]) == (2, 1)
    text = cli("analyze", model, "--passes").out
    assert "simplify_algebra: 2 -> 1 nodes" in text and "- n01_relu (relu)" in text
    dumps = tmp_path / "dumps"
    cli("gen", model, "-b", "host", "-o", tmp_path / "out", "--dump-dir", dumps)
    dumped = (dumps / "03_simplify_01_simplify_algebra.txt").read_text(encoding="utf-8")
    assert dumped.startswith("# - n01_relu (relu)")


def test_doctor(cli, documented):
    data = check_json(cli("doctor", "--json"), "doctor", documented)
    assert {*data["checks"][0]} <= documented["doctor"]
    assert cli("doctor").code == 0


def test_every_verb_is_documented(documented):
    assert set(documented) == set(_VERBS)


def test_output_to_a_pipe_that_closes():
    command = f"{sys.executable} -m tinycc_ml boards | head -c 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""


HEAVY = ("numpy", "jinja2", "pydantic", "tflite", "flatbuffers", "serial", "rich", "tflite_micro")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments):
    command = [sys.executable, "-X", "importtime", "-m", "tinycc_ml", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    assert imported & set(HEAVY) == set()


@pytest.mark.parametrize("verb", ["gen", "analyze", "boards", "ops"])
def test_verbs_that_build_nothing_import_no_serial_port_and_no_oracle(verb):
    command = [sys.executable, "-X", "importtime", "-m", "tinycc_ml", verb, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert imported & {"serial", "tflite_micro", "tensorflow", "torch"} == set()


def test_keyword_spotting_on_an_emulated_board(cli, documented):
    model = shared_path("data/models/kws_ref_model.tflite")
    data = shared_path("data/kws01/kws01.npz")
    arguments = ("--board", "nucleo-f746", "--on", "qemu", "--data", data, "--json")
    result = check_json(cli("validate", model, *arguments), "validate", documented)
    assert (result["identical"], result["total"], result["correct"]) == (1000, 1000, 901)


def test_the_module_runs_as_a_program():
    result = run_process("ops", "--json")
    assert result.code == 0 and result.json["kind"] == "ops" and result.err == ""
