"""Compiles a model to C, and the C to a shared library that Python calls."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.c_compilers import run_tool
from tinycc_ml.compiler import Compilation, compile_model, generate
from tinycc_ml.dtypes import DType
from tinycc_ml.emit import EmitOptions, Manifest
from tinycc_ml.targets import load_board

#: All choices about the interface of generated code.
OPTIONS = [EmitOptions(arena, io) for arena in ("static", "caller") for io in ("arena", "external")]

#: All choices about kernels and memory; a host build runs what the kernels of a core mean.
CHOICES: list[dict[str, Any]] = [
    {"board": "host"},
    {"board": "host", "optimize": "ram"},
    {"board": "nucleo-f746"},
    {"board": "nucleo-f746", "optimize": "ram"},
    {"board": "nucleo-f746", "kernels": "portable"},
]


def choices_name(choices: dict[str, Any]) -> str:
    return "-".join(str(value) for value in choices.values())


_TRACE_C = """
#include <stdint.h>
typedef void (*hook)(uint32_t layer, const void *data, uint32_t size_bytes);
void tcml_layer_done(uint32_t layer, const void *data, uint32_t size_bytes);
void set_hook(hook wanted);
static hook current;
void set_hook(hook wanted) { current = wanted; }
void tcml_layer_done(uint32_t layer, const void *data, uint32_t size_bytes) {
  if (current) { current(layer, data, size_bytes); }
}
"""
_HOOK = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)


def options_name(options: EmitOptions) -> str:
    return f"{options.arena}-{options.io}"


def compile_bytes(
    model: bytes,
    name: str,
    options: EmitOptions | None = None,
    board: str = "host",
    **choices: Any,
) -> Compilation:
    """Compiles the content of a .tflite file that is called like the model.

    `choices` are those of :func:`compile_model`: which kernels, which kind of memory plan.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.tflite"
        path.write_bytes(model)
        return compile_model(path, load_board(board), options, **choices)


def write_files(compilation: Compilation, folder: Path) -> list[Path]:
    """Writes the generated files; returns the C sources."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in generate(compilation).items():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")
    return sorted(folder.glob("*.c"))


@dataclass
class HostModel:
    """Generated C as a library of this process."""

    manifest: Manifest
    library: ctypes.CDLL
    #: What holds the state between runs of code that is given its memory.
    _state: np.ndarray | None = None

    def reset(self) -> None:
        """Forgets earlier runs, which only models with state remember."""
        self._state = None
        if self.manifest.states and self.manifest.arena == "static":
            reset = getattr(self.library, f"{self.manifest.name}_reset")
            reset.restype = None
            reset()

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs for one set of inputs."""
        arrays = [np.ascontiguousarray(x) for x in inputs]
        for array, tensor in zip(arrays, self.manifest.inputs, strict=True):
            assert array.nbytes == tensor.size_bytes
        # Filled, so that elements that nobody writes are seen; with room behind, to see overruns.
        outputs = [np.full(t.size_bytes + 16, 0xA5, np.uint8) for t in self.manifest.outputs]
        status = self._run([a.ctypes.data for a in (*arrays, *outputs)])
        assert status == 0
        assert all((raw[-16:] == 0xA5).all() for raw in outputs)
        return [
            raw[: t.size_bytes].view(DType(t.dtype).numpy).reshape(t.shape)
            for raw, t in zip(outputs, self.manifest.outputs, strict=True)
        ]

    def run_traced(self, inputs: Sequence[np.ndarray]) -> dict[str, bytes]:
        """What every layer wrote, by the name of the value, in the order of execution."""
        seen: dict[str, bytes] = {}

        def note(layer: int, data: int, size_bytes: int) -> None:
            assert layer == len(seen)
            seen[self.manifest.layers[layer].output] = ctypes.string_at(data, size_bytes)

        hook = _HOOK(note)
        self.library.set_hook(hook)
        try:
            self.run(inputs)
        finally:
            self.library.set_hook(_HOOK())
        return seen

    def _run(self, pointers: list[int]) -> int:
        if self.manifest.input_rows:
            return self._push(pointers)
        run = getattr(self.library, f"{self.manifest.name}_run")
        run.restype = ctypes.c_int
        arguments = [ctypes.c_void_p(p) for p in pointers]
        if self.manifest.arena == "static":
            return int(run(*arguments))
        context = (ctypes.c_void_p * 2)()
        arena = np.full(max(1, self.manifest.arena_bytes) + 64 + 16, 0x5A, np.uint8)
        start = -arena.ctypes.data % 64
        end = start + self.manifest.arena_bytes
        init = getattr(self.library, f"{self.manifest.name}_init")
        address = ctypes.c_void_p(arena.ctypes.data + start)
        size = ctypes.c_size_t(self.manifest.arena_bytes)
        if not self.manifest.states:
            assert init(context, address, size) == 0
        elif self._state is None:
            self._state = _aligned(np.full(self.manifest.state_bytes, 0x5A, np.uint8))
            place = ctypes.c_void_p(self._state.ctypes.data)
            assert init(context, address, size, place, ctypes.c_size_t(self._state.size)) == 0
        else:  # init would reset it
            context[0], context[1] = address.value, self._state.ctypes.data
        status = int(run(context, *arguments))
        assert (arena[:start] == 0x5A).all() and (arena[end:] == 0x5A).all()
        return status

    def _push(self, pointers: list[int]) -> int:
        """Pushes the rows of the input from one buffer, and gets the output."""
        manifest = self.manifest
        source, *targets = pointers
        row_bytes = manifest.inputs[0].size_bytes // manifest.input_rows
        rows = ctypes.string_at(source, manifest.inputs[0].size_bytes)
        arena = np.full(manifest.arena_bytes + 64, 0x5A, np.uint8)
        context = (ctypes.c_void_p * 2)()
        instance = []
        if manifest.arena == "caller":
            address = ctypes.c_void_p(arena.ctypes.data + -arena.ctypes.data % 64)
            size = ctypes.c_size_t(manifest.arena_bytes)
            assert self.function("init")(context, address, size) == 0
            instance = [context]
        else:
            assert self.function("begin")() == 0
        missing, too_many = 5, 4
        outputs = [ctypes.c_void_p(p) for p in targets]
        for first in range(0, len(rows), row_bytes):
            assert self.function("finish")(*instance, *outputs) == missing
            # In a buffer of its own: it is gone when the call is over.
            row = ctypes.create_string_buffer(rows[first : first + row_bytes], row_bytes)
            assert self.function("push_row")(*instance, row) == 0
            ctypes.memset(row, 0x77, row_bytes)
        assert self.function("push_row")(*instance, row) == too_many
        return int(self.function("finish")(*instance, *outputs))

    def function(self, name: str) -> Any:
        """A function of the model."""
        return getattr(self.library, f"{self.manifest.name}_{name}")


def _aligned(array: np.ndarray) -> np.ndarray:
    """The same bytes at a multiple of 64."""
    room = np.zeros(array.size + 64, np.uint8)
    start = -room.ctypes.data % 64
    room[start : start + array.size] = array
    return room[start : start + array.size]


def build_host(
    compilations: Sequence[Compilation], folder: Path, optimize: str = "-O1"
) -> list[HostModel]:
    """Builds one library of several models."""
    sources = [path for c in compilations for path in write_files(c, folder / c.manifest.name)]
    trace = folder / "trace.c"
    trace.write_text(_TRACE_C)
    library = folder / "models.so"
    run_tool(
        [
            *("gcc", "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", optimize),
            *("-shared", "-fPIC", "-DTCML_TRACE", "-o", library, trace, *sources, "-lm"),
        ],
        folder,
    )
    loaded = ctypes.CDLL(str(library))
    return [HostModel(c.manifest, loaded) for c in compilations]


def extreme_inputs(manifest: Manifest, count: int, seed: int = 0) -> list[list[np.ndarray]]:
    """Inputs at the limits of the types, then random ones over their whole range."""
    rng = np.random.default_rng(seed)
    fillers: list[Callable[[int, int], np.ndarray]] = [
        lambda n, i: np.full(n, -128),
        lambda n, i: np.full(n, 127),
        lambda n, i: np.where(np.arange(n) % 2, 127, -128),
        lambda n, i: np.where(np.arange(n) % 2 == i % 2, 127, -128),
    ]
    samples = []
    for number in range(count):
        sample = []
        for index, tensor in enumerate(manifest.inputs):
            dtype = DType(tensor.dtype).numpy
            n = tensor.size_bytes // dtype.itemsize
            if number < len(fillers):
                flat = fillers[number](n, index)
            else:
                flat = rng.integers(-128, 128, n)
            if tensor.dtype == "float32":
                flat = flat * (rng.random(n) * 0.3)
            sample.append(flat.astype(dtype).reshape(tensor.shape))
        samples.append(sample)
    return samples
