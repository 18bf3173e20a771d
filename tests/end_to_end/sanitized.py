"""Generated C as a program under address and undefined-behaviour sanitizers."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.c_compilers import run_tool
from tests.end_to_end.projects import write_files
from tinycc_ml.compiler import Compilation
from tinycc_ml.dtypes import DType
from tinycc_ml.emit import Manifest

_FLAGS = (
    *("-std=c99", "-g", "-O1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"),
    "-fsanitize=address,undefined,float-divide-by-zero,float-cast-overflow",
)


def _main(compilation: Compilation) -> str:
    """Reads inputs, runs, writes outputs; every tensor and the arena in a block of its own."""
    manifest = compilation.manifest
    name, ports = manifest.name, (*manifest.inputs, *manifest.outputs)
    pointers = ", ".join(f"(void *)b{i}" for i in range(len(ports)))
    sizes = [t.size_bytes for t in ports]
    lines = [
        f'#include "{name}.h"',
        "#include <stdio.h>",
        "#include <stdlib.h>",
        "#include <string.h>",
        "int main(void) {",
        *(f"  unsigned char *b{i} = malloc({size});" for i, size in enumerate(sizes)),
    ]
    context = ""
    if manifest.arena == "caller":
        context = "&context, "
        state = f", state, {manifest.state_bytes}" if manifest.states else ""
        lines += [
            f"  {name}_context context;",
            f"  void *arena = malloc({manifest.arena_bytes});",
            f"  void *state = malloc({manifest.state_bytes});",
            f"  if ({name}_init(&context, arena, {manifest.arena_bytes}{state})) return 3;",
        ]
    lines.append("  for (;;) {")
    inputs = len(manifest.inputs)
    lines += [
        f"    if (fread(b{i}, 1, {sizes[i]}, stdin) != {sizes[i]}) break;" for i in range(inputs)
    ]
    if manifest.input_rows:
        lines += _pushed_rows(manifest, context)
    else:
        lines.append(f"    if ({name}_run({context}{pointers}) != TCML_OK) return 2;")
    lines += [f"    fwrite(b{i}, 1, {sizes[i]}, stdout);" for i in range(inputs, len(ports))]
    lines += ["  }", *(f"  free(b{i});" for i in range(len(ports)))]
    lines += ["  free(arena);", "  free(state);"] if context else []
    return "\n".join([*lines, "  return 0;", "}", ""])


def _pushed_rows(manifest: Manifest, context: str) -> list[str]:
    """Pushes the rows of the input, each from a block of its own that is gone afterwards."""
    name, rows = manifest.name, manifest.input_rows
    size = manifest.inputs[0].size_bytes // rows
    outputs = ", ".join(f"(void *)b{1 + i}" for i in range(len(manifest.outputs)))
    return [
        f"    if ({name}_begin({context.rstrip(', ')}) != TCML_OK) return 4;",
        f"    for (int r = 0; r < {rows}; ++r) {{",
        f"      void *row = malloc({size});",
        f"      memcpy(row, b0 + r * {size}, {size});",
        f"      if ({name}_push_row({context}row) != TCML_OK) return 5;",
        "      free(row);",
        "    }",
        f"    if ({name}_finish({context}{outputs}) != TCML_OK) return 2;",
    ]


def run_sanitized(
    compilation: Compilation,
    samples: Sequence[Sequence[np.ndarray]],
    folder: Path,
    compiler: str = "gcc",
) -> list[list[np.ndarray]]:
    """The outputs of all samples; fails if a sanitizer finds anything."""
    sources = write_files(compilation, folder)
    main = folder / "main.c"
    main.write_text(_main(compilation))
    program = folder / "program"
    run_tool([compiler, *_FLAGS, main, *sources, "-o", program], folder)
    done = subprocess.run(
        [program],
        input=b"".join(np.ascontiguousarray(x).tobytes() for sample in samples for x in sample),
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr.decode(errors="replace")[:4000]
    return _split(done.stdout, compilation, len(samples))


def _split(data: bytes, compilation: Compilation, count: int) -> list[list[np.ndarray]]:
    outputs = compilation.manifest.outputs
    assert len(data) == count * sum(t.size_bytes for t in outputs)
    result, at = [], 0
    for _ in range(count):
        sample = []
        for tensor in outputs:
            part = data[at : at + tensor.size_bytes]
            at += tensor.size_bytes
            sample.append(np.frombuffer(part, DType(tensor.dtype).numpy).reshape(tensor.shape))
        result.append(sample)
    return result
