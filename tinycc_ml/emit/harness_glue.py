"""The file that ties a generated model to the firmware harness."""

from __future__ import annotations

from typing import Any

from tinycc_ml.dtypes import DType
from tinycc_ml.emit.manifest import Manifest, TensorEntry
from tinycc_ml.emit.render import render
from tinycc_ml.emit.text import wrap


def emit_harness_glue(manifest: Manifest) -> str:
    """The text of ``harness_model.c`` for a project."""
    return render("scaffold/harness_model.c.j2", glue_context(manifest))


def glue_context(manifest: Manifest) -> dict[str, Any]:
    """What ``scaffold/run_model.c.j2`` wants to know to call the model, and the descriptor."""
    arrays = _arrays(manifest)
    arenas = [argument for name in arrays for argument in _memory(name)]
    instance = ["&context"] if manifest.arena == "caller" else []
    digest = bytes.fromhex(manifest.model_sha256)
    return {
        "model": manifest.name,
        "MODEL": manifest.name.upper(),
        "inputs": [_buffer(t) for t in manifest.inputs],
        "outputs": [_buffer(t) for t in manifest.outputs],
        "digest": [
            ", ".join(f"0x{byte:02x}U" for byte in digest[i : i + 8]) for i in (0, 8, 16, 24)
        ],
        "context": manifest.arena == "caller",
        "arena_bytes": manifest.arena_bytes,
        "arrays": arrays,
        "uses_state": manifest.state_bytes > 0,
        "reset_state": _reset_state(manifest),
        "init": wrap(
            f"    const tcml_status status = {manifest.name}_init(",
            ["&context", *arenas, *(_memory("state") if manifest.states else [])],
            ");",
            declaration=True,
        ),
        "run": wrap(
            f"  return (int32_t){manifest.name}_run(",
            [*instance, *(t.name for t in (*manifest.inputs, *manifest.outputs))],
            ");",
        ),
        "pushed": bool(manifest.input_rows),
        "instance": "".join(f"{each}, " for each in instance),
        "begin": f"{manifest.name}_begin({''.join(instance)})",
        "finish": wrap(
            f"  return (int32_t){manifest.name}_finish(",
            [*instance, *(t.name for t in manifest.outputs)],
            ");",
        ),
    }


def _arrays(manifest: Manifest) -> dict[str, str]:
    """The arrays of the arena, and the macros of their sizes."""
    model = manifest.name.upper()
    names = [array.name for array in manifest.arenas] or ["arena"]
    return {name: f"{model}_{name.upper()}_SIZE_BYTES" for name in names}


def _memory(name: str) -> list[str]:
    return [f"{name}.bytes", f"sizeof {name}.bytes"]


def _reset_state(manifest: Manifest) -> str:
    """The function that resets the state; with a context it has to be wrapped."""
    if not manifest.states:
        return "NULL"
    return "reset_state" if manifest.arena == "caller" else f"{manifest.name}_reset"


def _buffer(tensor: TensorEntry) -> dict[str, object]:
    dtype = DType(tensor.dtype)
    return {
        "name": tensor.name,
        "c_type": dtype.c_name,
        "elements": tensor.size_bytes // dtype.size_bytes,
    }
