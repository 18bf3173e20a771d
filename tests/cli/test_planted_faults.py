"""`validate` finds a wrong byte in the generated code and says where it first shows."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import DIGITS, DIGITS_DATA
from tests.end_to_end.projects import build_host, compile_bytes
from tinycc_ml.compiler import Compilation, generate
from tinycc_ml.emit import write_project
from tinycc_ml.runner import build_project
from tinycc_ml.runner.host_process import running_program

#: What is changed: (layer number, constant, element, by what).
PLANTS = {
    "a weight of the first layer": (0, "weight", 7, 1),
    "a bias in the middle": (3, "bias", 0, 1000),
    "a multiplier": (4, "multiplier", 1, -(2**28)),
    "the last weight of the dense layer": (-2, "weight", -1, 60),
    "the table of the softmax": (-1, "exp_table", 0, -(2**24)),
}


def tampered(compilation: Compilation, plant: tuple[int, str, int, int]) -> dict[str, str]:
    """The generated files with one element of a constant changed."""
    layer, role, element, change = plant
    name = f"{compilation.manifest.layers[layer].name}_{role}"
    files = generate(compilation)
    file = f"{compilation.manifest.name}_weights.c"
    head, _, rest = files[file].partition(f"_{name}[")
    assert rest, f"no constant {name}"
    start = rest.index("{") + 1
    end = rest.index("}")
    values = re.findall(r"-?\d+", rest[start:end])
    values[element] = str(int(values[element]) + change)
    files[file] = f"{head}_{name}[{rest[:start]}{', '.join(values)}{rest[end:]}"
    return files


def first_difference(
    compilation: Compilation, files: dict[str, str], folder: Path, samples: np.ndarray
) -> dict[str, object]:
    """Where the tampered code first differs, by running both here."""
    good = build_host([compilation], folder / "good")[0]
    place = folder / "bad" / "digits"
    place.mkdir(parents=True)
    bad = build_host([compilation], folder / "bad")[0]
    for name, content in files.items():
        (place / name).write_text(content)
    bad = _rebuild(bad, folder)
    for number, sample in enumerate(samples):
        if good.run([sample])[0].tobytes() == bad.run([sample])[0].tobytes():
            continue
        want, found = good.run_traced([sample]), bad.run_traced([sample])
        for layer in compilation.manifest.layers:
            a, b = (np.frombuffer(x[layer.output], np.int8) for x in (want, found))
            differs = np.flatnonzero(a != b)
            if differs.size:
                index = np.unravel_index(int(differs[0]), layer.output_shapes[0])
                return {
                    "sample": number,
                    "layer": layer.name,
                    "index": [int(i) for i in index],
                    "found": float(b[differs[0]]),
                    "expected": float(a[differs[0]]),
                    "differing": int(differs.size),
                    "elements": int(a.size),
                }
    raise AssertionError("the planted fault makes no difference")


def _rebuild(model, folder: Path):
    import ctypes

    from tests.c_compilers import run_tool

    sources = sorted((folder / "bad").rglob("*.c"))
    library = folder / "bad" / "tampered.so"
    flags = ["-std=c99", "-O1", "-shared", "-fPIC", "-DTCML_TRACE"]
    run_tool(["gcc", *flags, "-o", library, *sources], folder)
    model.library = ctypes.CDLL(str(library))
    return model


@pytest.mark.parametrize("plant", PLANTS)
def test_the_first_differing_layer_and_element_are_named(cli, plant, tmp_path):
    compilation = compile_bytes(DIGITS.read_bytes(), "digits")
    files = tampered(compilation, PLANTS[plant])
    with np.load(DIGITS_DATA) as data:
        samples = data["inputs"]
    want = first_difference(compilation, files, tmp_path / "compare", samples)
    write_project(tmp_path / "project", files)
    built = build_project(tmp_path / "project", compilation.board, "host", tmp_path / "build")
    arguments = ("--board", "host", "--on", "serial", "--data", DIGITS_DATA)
    with running_program(built.image.elf) as (_, port):
        result = cli("validate", DIGITS, *arguments, "--port", port, "--json")
    assert result.code == 1
    data = result.json
    assert data["identical"] < data["total"] == 100
    found = dict(data["first_mismatch"])
    assert str(found.pop("layer")).split()[0] == want.pop("layer")
    assert found == want
    with running_program(built.image.elf) as (_, port):
        text = cli("validate", DIGITS, *arguments, "--port", port)
    assert text.code == 1
    assert f"{data['identical']}/100 identical" in text.out
    assert "first mismatch: sample" in text.out and str(want["differing"]) in text.out


def test_wrong_output_only_in_what_reaches_the_application(cli, tmp_path):
    """All layers right, but the copy to the application's buffer is not: the output is named."""
    compilation = compile_bytes(DIGITS.read_bytes(), "digits")
    files = generate(compilation)
    source = files["digits.c"]
    files["digits.c"] = source.replace(
        "  return TCML_OK;\n}\n\nint8_t", "  output[3] = 99;\n  return TCML_OK;\n}\n\nint8_t"
    )
    assert files["digits.c"] != source
    write_project(tmp_path / "project", files)
    built = build_project(tmp_path / "project", compilation.board, "host", tmp_path / "build")
    with running_program(built.image.elf) as (_, port):
        arguments = ("--board", "host", "--data", DIGITS_DATA, "--port", port, "--json")
        result = cli("validate", DIGITS, *arguments)
    assert result.code == 1
    mismatch = result.json["first_mismatch"]
    assert (mismatch["layer"], mismatch["index"]) == ("output", [0, 3])
    assert mismatch["found"] == 99 and mismatch["differing"] == 1
