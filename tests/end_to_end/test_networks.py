"""Small networks of every shape: generated C computes what TensorFlow Lite Micro does."""

from __future__ import annotations

import numpy as np
import pytest

from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import (
    CHOICES,
    OPTIONS,
    build_host,
    choices_name,
    compile_bytes,
    extreme_inputs,
    options_name,
)
from tests.end_to_end.sanitized import run_sanitized
from tests.oracle import run_tflm
from tinycc_ml.compiler import Compilation
from tinycc_ml.emit import EmitOptions

SAMPLES = 12


def expected(name: str, samples: list[list[np.ndarray]]) -> list[list[bytes]]:
    model = NETWORKS[name]()
    return [[y.tobytes() for y in run_tflm(model, sample)] for sample in samples]


def as_bytes(results: list[list[np.ndarray]]) -> list[list[bytes]]:
    return [[y.tobytes() for y in outputs] for outputs in results]


def compilation(name: str, options: EmitOptions) -> Compilation:
    return compile_bytes(NETWORKS[name](), name, options)


@pytest.mark.parametrize("choices", CHOICES, ids=choices_name)
@pytest.mark.parametrize("options", OPTIONS, ids=options_name)
def test_outputs_are_those_of_tensorflow_lite_micro(options, choices, tmp_path):
    compilations = [compile_bytes(NETWORKS[n](), n, options, **choices) for n in NETWORKS]
    for model in build_host(compilations, tmp_path):
        samples = extreme_inputs(model.manifest, SAMPLES)
        found = [model.run(sample) for sample in samples]
        assert as_bytes(found) == expected(model.manifest.name, samples), model.manifest.name


@pytest.mark.parametrize(
    ("options", "compiler"),
    [*((o, "gcc") for o in OPTIONS), (OPTIONS[-1], "clang")],
    ids=lambda x: x if isinstance(x, str) else options_name(x),
)
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_sanitizers_find_nothing(name, options, compiler, tmp_path):
    built = compilation(name, options)
    samples = extreme_inputs(built.manifest, SAMPLES)
    found = run_sanitized(built, samples, tmp_path, compiler)
    assert as_bytes(found) == expected(name, samples)


@pytest.mark.parametrize("choices", CHOICES[1:], ids=choices_name)
def test_sanitizers_find_nothing_whatever_is_chosen(choices, tmp_path):
    for name in ("digits", "everything", "several_ports", "concatenated"):
        for io in ("arena", "external"):
            built = compile_bytes(NETWORKS[name](), name, EmitOptions("caller", io), **choices)
            samples = extreme_inputs(built.manifest, SAMPLES)
            found = run_sanitized(built, samples, tmp_path / f"{name}-{io}")
            assert as_bytes(found) == expected(name, samples), name


def test_inputs_may_be_filled_in_the_arena(tmp_path):
    """The accessors' pointers: nothing is copied, and the result is the same."""
    import ctypes

    built = compilation("several_ports", OPTIONS[0])
    (model,) = build_host([built], tmp_path)
    sample = extreme_inputs(model.manifest, 6)[-1]
    outputs = model.run(sample)

    def address(function: str) -> int:
        accessor = getattr(model.library, f"several_ports_{function}")
        accessor.restype = ctypes.c_void_p
        return int(accessor())

    inputs = [address(f"input_{i}") for i in range(2)]
    places = [address(f"output_{i}") for i in range(3)]
    for place, array in zip(inputs, sample, strict=True):
        ctypes.memmove(place, array.tobytes(), array.nbytes)
    assert model.library.several_ports_run(*map(ctypes.c_void_p, (*inputs, *places))) == 0
    for place, array in zip(places, outputs, strict=True):
        assert ctypes.string_at(place, array.nbytes) == array.tobytes()


def test_null_pointers_and_bad_arenas_are_refused(tmp_path):
    import ctypes

    built = compilation("float_ends", EmitOptions("caller", "arena"))
    (model,) = build_host([built], tmp_path)
    library, size = model.library, built.manifest.arena_bytes
    memory = np.zeros(size + 64, np.uint8)
    start = memory.ctypes.data + (-memory.ctypes.data % 64)
    context, pointer = ctypes.c_void_p(), ctypes.c_void_p

    def init(where: object, at: int | None, bytes_: int) -> int:
        return int(library.float_ends_init(where, pointer(at), ctypes.c_size_t(bytes_)))

    here = ctypes.byref(context)
    null, too_small, unaligned = 1, 2, 3
    x, y = (pointer(np.zeros(25, np.float32).ctypes.data) for _ in range(2))
    assert library.float_ends_run(here, x, y) == null
    assert init(None, start, size) == null
    assert init(here, None, size) == null
    assert init(here, start, size - 1) == too_small
    assert init(here, start, 0) == too_small
    assert init(here, start + 1, size) == unaligned
    assert library.float_ends_run(here, x, y) == null
    assert init(here, start, size) == 0
    assert library.float_ends_run(None, x, y) == null
    assert library.float_ends_run(here, None, y) == null
    assert library.float_ends_run(here, x, None) == null


def test_two_instances_do_not_disturb_each_other(tmp_path):
    """Two contexts in two threads at once, each with inputs of its own."""
    from concurrent.futures import ThreadPoolExecutor

    (model,) = build_host([compilation("everything", EmitOptions("caller", "arena"))], tmp_path)
    samples = extreme_inputs(model.manifest, 40)
    want = expected("everything", samples)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(model.run, samples * 5))
    assert as_bytes(found) == want * 5
