"""The C of every scalar function, compiled with sanitizers, against its meaning."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.c_compilers import C_WARNINGS, CORES, WARNINGS, run_tool, undefined_symbols
from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import FUNCTIONS, ScalarFunction, print_c_function
from tinycc_ml.numerics import affine_quantize, fixed_point

COMPILERS = {
    "c99": ("gcc", "-std=c99", *C_WARNINGS),
    "c11": ("gcc", "-std=c11", *C_WARNINGS),
    "c++": ("g++", "-x", "c++", *WARNINGS),
    "clang": ("clang", "-std=c11", *C_WARNINGS),
}
SANITIZERS = ("-fsanitize=undefined,address", "-fno-sanitize-recover=all")
#: Those whose meaning also runs on whole arrays.
ON_ARRAYS = {
    "doubling_high_mul": fixed_point.saturating_rounding_doubling_high_mul,
    "rounding_divide_by_pot": fixed_point.rounding_divide_by_pot,
    "requantize": fixed_point.multiply_by_quantized_multiplier,
}
EDGES = np.array(
    sorted(
        {
            value
            for power in range(32)
            for value in (2**power - 1, 2**power, 2**power + 1, -(2**power) - 1, -(2**power))
            if -(2**31) <= value < 2**31
        }
    ),
    np.int32,
)


def program() -> str:
    """Reads rows of arguments for the function that is named, and writes its results."""
    texts = ["#include <stdint.h>", "#include <stdio.h>", "#include <string.h>"]
    cases = []
    for function in FUNCTIONS.values():
        texts.append(print_c_function(function))
        assert function.result.is_integer
        reads = "".join(
            f"      {dtype.c_name} {name};\n" for name, dtype in function.parameters
        ) + "".join(
            f"      if (fread(&{name}, sizeof {name}, 1, stdin) != 1) {{ return 0; }}\n"
            for name, _ in function.parameters
        )
        arguments = ", ".join(name for name, _ in function.parameters)
        cases.append(
            f'  if (strcmp(argv[1], "{function.name}") == 0) {{\n    for (;;) {{\n{reads}'
            f"      const {function.result.c_name} result = tcml_{function.name}({arguments});\n"
            "      if (fwrite(&result, sizeof result, 1, stdout) != 1) { return 1; }\n    }\n  }\n"
        )
    main = "int main(int argc, char **argv) {\n  if (argc != 2) { return 1; }\n"
    return "\n".join(texts) + "\n" + main + "".join(cases) + "  return 2;\n}\n"


@pytest.fixture(scope="module", params=sorted(COMPILERS))
def binary(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    command = COMPILERS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    folder = tmp_path_factory.mktemp("functions")
    (folder / "functions.c").write_text(program())
    run_tool([*command, "-O1", *SANITIZERS, "functions.c", "-o", "functions"], folder)
    return folder / "functions"


def run_c(binary: Path, function: ScalarFunction, columns: list[np.ndarray]) -> np.ndarray:
    rows = np.concatenate([c.view(np.uint8).reshape(len(c), -1) for c in columns], axis=1)
    done = subprocess.run(
        [binary, function.name], input=rows.tobytes(), capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, function.result.numpy)


def arguments(name: str, count: int, seed: int) -> list[np.ndarray]:
    """Random arguments in the domain of a function, edges among them."""
    rng = np.random.default_rng(seed)

    def integers(low: int = -(2**31), high: int = 2**31 - 1) -> np.ndarray:
        uniform = rng.integers(low, high + 1, count)
        small = uniform >> rng.integers(0, 32, count)
        edges = rng.choice(EDGES, count)
        chosen = np.choose(rng.integers(0, 3, count), [uniform, small, edges])
        return np.clip(chosen, low, high).astype(np.int32)

    def floats() -> np.ndarray:
        bits = rng.integers(0, 2**32, count, dtype=np.uint64).astype(np.uint32)
        near = rng.uniform(-300, 300, count).astype(np.float32)
        halves = rng.integers(-600, 600, count).astype(np.float32) / np.float32(2)
        chosen = rng.integers(0, 3, count)
        return np.choose(chosen, [bits.view(np.float32), near, halves]).astype(np.float32)

    if name == "doubling_high_mul":
        return [integers(), integers()]
    if name == "gate_index":
        return [integers(-(2**31) + 1), rng.choice([8, 9], count).astype(np.int32)]
    if name in ("logistic_between", "tanh_between"):
        low = integers(-32768, 32767)
        return [integers(-(2**31) + 1), low, np.clip(low + integers(0, 700), -32768, 32767)]
    if name == "rounding_divide_by_pot":
        return [integers(), integers(0, 31)]
    if name == "requantize_wide":
        acc = rng.integers(-(2**47) + 1, 2**47, count) >> rng.integers(0, 47, count)
        shift = integers(8, 46)
        # Results are int32: larger ones are refused beforehand.
        multiplier = np.minimum(integers(0, 0x7FFF), (1 << 31) - 2 << shift.astype(np.int64) >> 47)
        return [acc.astype(np.int64), multiplier.astype(np.int32), shift]
    if name.startswith(("bits_", "shift_word_", "shift_signed_", "low_bits", "modulo_2_64")) or (
        name == "as_signed_64"
    ):
        return [
            integers(1, 31).astype(np.int32)
            if parameter == "width"
            else (
                rng.integers(0, 40, count).astype(np.uint32)
                if parameter == "n" and seed % 2
                else rng.integers(dtype.min, dtype.max, count, dtype.numpy, endpoint=True)
            )
            for parameter, dtype in FUNCTIONS[name].parameters
        ]
    if name == "requantize":
        return [integers(), integers(0), integers(-31, 30)]
    if name in ("count_leading_zeros", "modulo_2_32"):
        return [integers()]
    if name == "as_signed":
        return [integers().view(np.uint32)]
    if name == "between_samples":
        return [integers(-32768, 32767), integers(-32768, 32767), integers(-32768, 32767)]
    if name == "rounded_shift":
        return [integers(0, 2**30), integers(1, 30)]
    if name in ("softmax_scale", "softmax_exponent", "sum_argument"):
        return [integers(1)]
    if name in ("byte_pair_first", "byte_pair_second", "int16_half"):
        return [integers(), integers(0, 1)]
    if name == "byte_pair_bias":
        return [integers(), integers()]
    if name in ("requantize_relu", "requantize_signed"):
        reach = 2**30 - 1
        return [integers(-reach, reach), integers(0), integers(-reach, reach), integers(0, 31)]
    if name in ("pair_low", "pair_high"):
        # Any two bytes are in between.
        return [integers(-128 * 65537, 127 * 65537)]
    if name == "shift_right":
        return [integers(), integers(0, 31)]
    if name in ("stream_weight", "signed_byte"):
        return [integers(), integers(0, 3)]
    if name == "pair_total":
        return [integers(), integers(), integers()]
    if name == "chunk_start":
        return [integers(-2048, 2032)]
    if name == "scale_short":
        return [*(integers(0, 65535) for _ in range(3)), integers(0, 16)]
    if name == "add_from":
        return [integers() for _ in range(4)]
    if name == "round_short":
        return [integers(), integers(), integers(0, 24)]
    assert name == "quantize", f"add the domain of {name}"
    low = rng.choice([-128, -32768], count)
    scale = np.abs(np.where(rng.random(count) < 0.5, np.float32(1), floats()))
    scale = np.where((scale > 0) & np.isfinite(scale), scale, 1).astype(np.float32)
    zero_point = np.clip(integers(), low, -low - 1)
    return [floats(), scale, *(c.astype(np.int32) for c in (zero_point, low, -low - 1))]


def meaning(function: ScalarFunction, columns: list[np.ndarray]) -> np.ndarray:
    rows = zip(*(c.tolist() for c in columns), strict=True)
    return np.array([function.meaning(*row) for row in rows], function.result.numpy)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_c_is_the_meaning(binary, name):
    columns = arguments(name, 5000, seed=1)
    assert np.array_equal(
        run_c(binary, FUNCTIONS[name], columns), meaning(FUNCTIONS[name], columns)
    )


@pytest.mark.parametrize("name", sorted(ON_ARRAYS))
def test_a_million_arguments(binary, name):
    columns = arguments(name, 1_000_000, seed=2)
    assert np.array_equal(run_c(binary, FUNCTIONS[name], columns), ON_ARRAYS[name](*columns))


def test_all_pairs_of_edges(binary):
    a, b = (x.reshape(-1) for x in np.meshgrid(EDGES, EDGES))
    expected = ON_ARRAYS["doubling_high_mul"](a, b)
    assert np.array_equal(run_c(binary, FUNCTIONS["doubling_high_mul"], [a, b]), expected)


def test_division_of_edges_by_every_power(binary):
    x, exponent = (v.reshape(-1) for v in np.meshgrid(EDGES, np.arange(32, dtype=np.int32)))
    expected = ON_ARRAYS["rounding_divide_by_pot"](x, exponent)
    function = FUNCTIONS["rounding_divide_by_pot"]
    assert np.array_equal(run_c(binary, function, [x, exponent]), expected)


def test_a_hundred_thousand_floats(binary):
    scale, zero_point = np.float32(0.037), 5
    rng = np.random.default_rng(3)
    halves = ((np.arange(-300, 300) + 0.5) * scale).astype(np.float32)
    up, down = (np.nextafter(halves, np.float32(s * 9e9)) for s in (1, -1))
    bits = rng.integers(0, 2**32, 100_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    x = np.concatenate([halves, up, down, bits, rng.normal(0, 3, 100_000).astype(np.float32)])
    rest = [np.full(x.size, v, np.int32) for v in (zero_point, -128, 127)]
    found = run_c(binary, FUNCTIONS["quantize"], [x, np.full(x.size, scale), *rest])
    assert np.array_equal(found, affine_quantize(x, float(scale), zero_point, (-128, 127)))


def test_product_rounds_as_the_library_writes_it():
    """A shift and no nudge by sign: equal to gemmlowp's truncating division."""
    for a in EDGES.tolist():
        for b in EDGES.tolist():
            product = a * b
            nudged = product + (2**30 if product >= 0 else 1 - 2**30)
            truncated = abs(nudged) >> 31
            expected = min(truncated if nudged >= 0 else -truncated, 2**31 - 1)
            assert FUNCTIONS["doubling_high_mul"].meaning(a, b) == expected


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4", "cortex-m7", "cortex-m55"])
@pytest.mark.parametrize("optimize", ["-Os", "-O2", "-O3"])
def test_arm_code_needs_no_library(core, optimize, tmp_path):
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    text = "#include <stdint.h>\n"
    for function in FUNCTIONS.values():
        # Without a unit for floats, their arithmetic is a library of its own.
        if core == "cortex-m3" and DType.FLOAT32 in dict(function.parameters).values():
            continue
        text += print_c_function(function).replace("static inline ", "")
    (tmp_path / "all.c").write_text(text)
    run_tool(["arm-none-eabi-gcc", *CORES[core], optimize, "-c", "all.c", "-o", "all.o"], tmp_path)
    assert undefined_symbols(tmp_path / "all.o") <= {f"tcml_{name}" for name in FUNCTIONS}
