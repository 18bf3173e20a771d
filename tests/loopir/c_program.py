"""One C program of many kernels: reads their arrays from a file, runs them, writes the arrays.

Each array is a heap block of exactly its size, so that AddressSanitizer sees every stray access.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinycc_ml.loopir import (
    LoopKernel,
    Role,
    print_c_body,
    print_c_function,
    required_functions,
    required_headers,
)

Arrays = dict[str, np.ndarray]

_READ = """\
static void *block(FILE *file, size_t size_bytes) {
  void *data = malloc(size_bytes);
  if (data == NULL || fread(data, 1, size_bytes, file) != size_bytes) {
    exit(1);
  }
  return data;
}

static void finish(FILE *file, void *data, size_t size_bytes) {
  if (fwrite(data, 1, size_bytes, file) != size_bytes) {
    exit(1);
  }
  free(data);
}
"""


def kernels_file(kernels: Sequence[LoopKernel]) -> str:
    """The functions ``k0 ...`` with their prototypes and helpers; no main."""
    helpers = dict.fromkeys(f for kernel in kernels for f in required_functions(kernel))
    headers = dict.fromkeys(h for kernel in kernels for h in required_headers(kernel))
    texts = [
        *(f"#include <{h}>" for h in ("stdbool.h", "stdint.h", *headers)),
        *(print_c_function(f) for f in helpers),
    ]
    for i, kernel in enumerate(kernels):
        signature = f"void k{i}({', '.join(map(_parameter, kernel.buffers))})"
        texts.append(f"{signature};\n{signature} {{\n{print_c_body(kernel)}}}\n")
    return "\n".join(texts)


def _parameter(buffer) -> str:
    const = "const " if buffer.role in (Role.INPUT, Role.CONSTANT) else ""
    return f"{const}{buffer.dtype.c_name} *{buffer.name}"


def program(kernels: Sequence[LoopKernel]) -> str:
    """The whole program."""
    lines = []
    for i, kernel in enumerate(kernels):
        lines.append("  {")
        for buffer in kernel.buffers:
            kind, size = buffer.dtype.c_name, buffer.elements * buffer.dtype.size_bytes
            lines.append(f"    {kind} *{buffer.name} = ({kind} *)block(in, {size}U);")
        lines.append(f"    k{i}({', '.join(buffer.name for buffer in kernel.buffers)});")
        for buffer in kernel.buffers:
            size = buffer.elements * buffer.dtype.size_bytes
            lines.append(f"    finish(out, {buffer.name}, {size}U);")
        lines.append("  }")
    main = "\n".join(
        [
            "int main(int argc, char **argv) {",
            '  FILE *in = fopen(argc > 2 ? argv[1] : "", "rb");',
            '  FILE *out = fopen(argc > 2 ? argv[2] : "", "wb");',
            "  if (in == NULL || out == NULL) {\n    return 1;\n  }",
            *lines,
            "  return fclose(in) != 0 || fclose(out) != 0;\n}\n",
        ]
    )
    includes = "#include <stdio.h>\n#include <stdlib.h>\n"
    return includes + kernels_file(kernels) + "\n" + _READ + "\n" + main


def run_program(
    binary: Path, kernels: Sequence[LoopKernel], arrays: Sequence[Arrays]
) -> list[Arrays]:
    """What the C made of the arrays."""
    given, made = binary.parent / "in.bin", binary.parent / "out.bin"
    given.write_bytes(
        b"".join(
            a[b.name].tobytes() for k, a in zip(kernels, arrays, strict=True) for b in k.buffers
        )
    )
    done = subprocess.run(
        [binary, given, made], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    data, results, start = made.read_bytes(), [], 0
    for kernel in kernels:
        result = {}
        for buffer in kernel.buffers:
            size = buffer.elements * buffer.dtype.size_bytes
            flat = np.frombuffer(data[start : start + size], buffer.dtype.numpy)
            result[buffer.name] = flat.reshape(buffer.shape)
            start += size
        results.append(result)
    return results
