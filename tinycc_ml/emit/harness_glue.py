"""The file that ties a generated model to the firmware harness."""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.emit.manifest import Manifest, TensorEntry
from tinycc_ml.emit.render import render
from tinycc_ml.emit.text import wrap


def emit_harness_glue(manifest: Manifest) -> str:
    """The text of ``harness_model.c`` for a project."""
    digest = bytes.fromhex(manifest.model_sha256)
    return render(
        "scaffold/harness_model.c.j2",
        {
            "model": manifest.name,
            "MODEL": manifest.name.upper(),
            "inputs": [_buffer(t) for t in manifest.inputs],
            "outputs": [_buffer(t) for t in manifest.outputs],
            "digest": [
                ", ".join(f"0x{byte:02x}U" for byte in digest[i : i + 8]) for i in (0, 8, 16, 24)
            ],
            "context": manifest.arena == "caller",
            "arena_bytes": manifest.arena_bytes,
            "run": wrap(
                f"  return (int32_t){manifest.name}_run(",
                [
                    *(["&context"] if manifest.arena == "caller" else []),
                    *(t.name for t in (*manifest.inputs, *manifest.outputs)),
                ],
                ");",
            ),
        },
    )


def _buffer(tensor: TensorEntry) -> dict[str, object]:
    dtype = DType(tensor.dtype)
    return {
        "name": tensor.name,
        "c_type": dtype.c_name,
        "elements": tensor.size_bytes // dtype.size_bytes,
    }
