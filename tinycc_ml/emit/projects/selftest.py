"""The self-test: the model on samples whose outputs are known, for any board and build system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.emit.harness_glue import glue_context
from tinycc_ml.emit.manifest import Manifest, TensorEntry
from tinycc_ml.emit.projects.golden import TOLERANCE, GoldenSample, element_text
from tinycc_ml.emit.render import render
from tinycc_ml.emit.text import array_data, float_literal
from tinycc_ml.graph import Array


def emit_selftest(manifest: Manifest, samples: Sequence[GoldenSample]) -> dict[str, str]:
    """``NAME_selftest.h`` and ``NAME_selftest.c``."""
    context = {
        **glue_context(manifest),
        "tool_version": manifest.tool_version,
        "seeds": ", ".join(f"{sample.seed}U" for sample in samples),
        "count": len(samples),
        "drawn": [{"name": t.name, "text": element_text(DType(t.dtype))} for t in manifest.inputs],
        "expected": [
            _expected(tensor, [sample.outputs[index] for sample in samples])
            for index, tensor in enumerate(manifest.outputs)
        ],
        "stdbool": any(t.dtype == "bool" for t in (*manifest.inputs, *manifest.outputs)),
        "math": any(
            not np.isfinite(array).all()
            for sample in samples
            for array in sample.outputs
            if array.dtype.kind == "f"
        ),
    }
    return {
        f"{manifest.name}_selftest.{suffix}": render(f"scaffold/selftest.{suffix}.j2", context)
        for suffix in ("h", "c")
    }


def _expected(tensor: TensorEntry, arrays: Sequence[Array]) -> dict[str, Any]:
    dtype = DType(tensor.dtype)
    flat = np.concatenate([array.reshape(-1) for array in arrays])
    return {
        "name": tensor.name,
        "c_type": dtype.c_name,
        "elements": flat.size // len(arrays),
        "data": array_data(flat),
        "tolerances": ", ".join(map(_tolerance, arrays)) if dtype.is_float else "",
    }


def _tolerance(array: Array) -> str:
    finite = np.abs(array[np.isfinite(array)])
    return float_literal(float(TOLERANCE * finite.max(initial=0.0)))
