"""Models that share an arena, in one firmware."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tinycc_ml.cli.compiling import Choices, compile_together
from tinycc_ml.compiler import Compilation
from tinycc_ml.emit import EmitOptions, SharedProject, write_project
from tinycc_ml.runner import Device, Place, build_firmware, open_device
from tinycc_ml.sharing import generate_shared, shared_project
from tinycc_ml.targets import load_board

_DEFAULTS: dict[str, Any] = {
    "arena": "static",
    "io": "arena",
    "kernels": "auto",
    "optimize": "ram",
    "flash_limit": None,
    "hot_code": "flash",
    "weights": "flash",
    "ram_limit": None,
    "regions": "auto",
    "region_limit": (),
    "shape": (),
    "dim": (),
}


def compile_sharing(
    models: Sequence[Path], board: str, name: str = "shared", **choices: Any
) -> tuple[tuple[Compilation, ...], SharedProject]:
    """The models compiled for one arena; `choices` are options of the command line."""
    chosen = Choices(**{**_DEFAULTS, **choices})
    compilations = compile_together(models, board, chosen, name)
    return compilations, shared_project(
        name, compilations, EmitOptions(chosen.arena, chosen.io, name)
    )


def write_shared(project: SharedProject, folder: Path) -> list[Path]:
    """Writes the folder; returns its C sources."""
    write_project(folder, generate_shared(project))
    return sorted(folder.glob("*.c"))


@contextmanager
def running_shared(project: SharedProject, board: str, on: Place, folder: Path) -> Iterator[Device]:
    """A device on which one inference runs each model twice, in turns."""
    sources = write_shared(project, folder / "project")
    target = load_board(board)
    glue = folder / "glue.c"
    glue.write_text(_glue(project))
    machine = load_board("host" if on == "host" else board)
    image = build_firmware(
        [*sources, glue],
        [folder / "project"],
        machine,
        folder / "build",
        layer_count=1,
        target=machine if on == "host" else target,
        trace=False,
        sections=next((folder / "project").glob("*.ld"), None),
        arena_bytes=project.arena_bytes,
    )
    with open_device(image, machine, on=on) as device:
        yield device


_GLUE = """
#include <stddef.h>
#include "tcml_harness.h"
#include "{name}_arena.h"
{includes}
{buffers}
static const tcml_buffer inputs[] = {{{inputs}}};
static const tcml_buffer outputs[] = {{{outputs}}};
{memory}
static int32_t run(void) {{
  int32_t failed = 0;
{init}
  for (int i = 0; i < 2; ++i) {{
{runs}
  }}
  return failed;
}}
const tcml_model_descriptor tcml_model = {{
    "{name}", {{0}}, inputs, outputs, {input_count}, {output_count}, TCML_LAYER_COUNT,
    {NAME}_ARENA_SIZE_BYTES, run, NULL,
}};
"""


def _glue(project: SharedProject) -> str:
    own_memory = project.options.arena == "caller"
    buffers, inputs, outputs, runs, init = [], [], [], [], []
    memory = ["static union { int64_t a; uint8_t bytes[SHARED_ARENA_SIZE_BYTES]; } memory;"]
    for manifest in project.manifests:
        for tensors, found in ((manifest.inputs, inputs), (manifest.outputs, outputs)):
            for tensor in tensors:
                name = f"{manifest.name}_{tensor.name}"
                buffers.append(f"static {tensor.dtype}_t {name}[{tensor.size_bytes}];")
                found.append(f'{{"{name}", {name}, sizeof {name}}}')
        ports = [f"{manifest.name}_{t.name}" for t in (*manifest.inputs, *manifest.outputs)]
        if own_memory:
            memory.append(f"static {manifest.name}_context {manifest.name};")
            arguments = f"&{manifest.name}, memory.bytes, sizeof memory.bytes"
            init.append(f"  failed |= {manifest.name}_init({arguments});")
            ports = [f"&{manifest.name}", *ports]
        runs.append(f"    failed |= {manifest.name}_run({', '.join(ports)});")
    return _GLUE.format(
        name=project.name,
        NAME=project.name.upper(),
        includes="\n".join(f'#include "{m.name}.h"' for m in project.manifests),
        buffers="\n".join(buffers),
        inputs=", ".join(inputs),
        outputs=", ".join(outputs),
        memory="\n".join(memory) if own_memory else "",
        init="\n".join(init),
        runs="\n".join(runs),
        input_count=len(inputs),
        output_count=len(outputs),
    )
