"""Reads sample files: inputs for a model, and labels where there are any.

A ``.npz`` holds ``inputs`` (or ``input0``, ``input1`` ... for several model inputs), each with the
samples along the first axis, and optionally ``labels``. ``.npy`` and raw ``.bin`` files hold the
first input only.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.emit import TensorEntry
from tinycc_ml.errors import DataError
from tinycc_ml.graph import Array

# How .npz (zip) and .npy files start; NumPy takes anything else for a pickle.
_MAGIC = (b"PK", b"\x93N")
# All that NumPy and its zip reader raise on damaged files.
_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class Samples:
    """Inputs of a model, sample by sample.

    Attributes:
        inputs: Per model input an array of shape (samples, *input shape without batch 1).
        labels: The right class of each sample, or ``None``.
    """

    inputs: tuple[Array, ...]
    labels: Array | None

    def __len__(self) -> int:
        return len(self.inputs[0])

    def sample(self, index: int) -> tuple[Array, ...]:
        """All inputs of one sample."""
        return tuple(array[index] for array in self.inputs)


def load_samples(path: Path, tensors: Sequence[TensorEntry]) -> Samples:
    """Reads samples for a model and checks that they fit its inputs.

    Raises:
        DataError: If the file is damaged, or its arrays do not fit the model.
    """
    arrays = _read(path)
    names = list(arrays)
    chosen: list[Array] = []
    for index, tensor in enumerate(tensors):
        keys = [f"input{index}", f"input_{index}", tensor.name]
        if len(tensors) == 1:
            keys = ["inputs", "input", *keys]
        key = next((k for k in keys if k in arrays), None)
        if key is None:
            raise DataError(
                f"{path.name}: no array for the model's input {index}; looked for "
                f"{', '.join(keys)}; the file holds {', '.join(names) or 'nothing'}"
            )
        chosen.append(_fit(path, key, arrays[key], tensor))
    counts = {len(array) for array in chosen}
    if len(counts) != 1 or 0 in counts:
        raise DataError(f"{path.name}: needs one or more samples, as many for each input")
    return Samples(tuple(chosen), _labels(path, arrays, len(chosen[0])))


def _read(path: Path) -> dict[str, Array]:
    try:
        if path.suffix == ".bin":
            return {"input0": np.frombuffer(path.read_bytes(), np.uint8)}
        with path.open("rb") as file:
            if file.read(2) not in _MAGIC:
                raise ValueError("its first bytes are neither NumPy's nor a zip archive's")
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"input0": loaded}
        with loaded:
            wanted = [n for n in loaded.files if n.startswith("input") or n == "labels"]
            return {name: loaded[name] for name in wanted}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except _DAMAGE as error:
        raise DataError(
            f"{path.name}: cannot be read as .npz, .npy or .bin samples ({error})"
        ) from None


def _fit(path: Path, key: str, array: Array, tensor: TensorEntry) -> Array:
    """The array with one sample per entry of its first axis."""
    dtype = DType(tensor.dtype).numpy
    elements = tensor.size_bytes // dtype.itemsize
    if path.suffix == ".bin":
        if array.nbytes % tensor.size_bytes:
            raise DataError(
                f"{path.name}: {array.nbytes} bytes; {tensor.name} needs a multiple of "
                f"{tensor.size_bytes}"
            )
        return array.view(dtype).reshape(-1, *tensor.shape)
    if array.dtype != dtype:
        hint = f" with scale {tensor.scale:.7g}" if tensor.scale is not None else ""
        verb = "convert" if dtype.kind == "f" else "quantize"
        raise DataError(
            f"{path.name}: {key} is {array.dtype}; the model's {tensor.name} takes "
            f"{tensor.dtype}{hint}; {verb} the data first"
        )
    if array.shape == tensor.shape or array.size == elements:
        return array.reshape(1, *tensor.shape)
    per_sample = array.size // array.shape[0] if array.ndim and array.shape[0] else 0
    if per_sample != elements:
        raise DataError(
            f"{path.name}: {key} has shape {array.shape}; expected (samples, "
            f"{', '.join(map(str, tensor.shape))}), the batch axis optional"
        )
    return array.reshape(-1, *tensor.shape)


def _labels(path: Path, arrays: dict[str, Array], count: int) -> Array | None:
    labels = arrays.get("labels")
    if labels is None:
        return None
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise DataError(
            f"{path.name}: labels have shape {labels.shape} and type {labels.dtype}; expected "
            f"({count},) integers"
        )
    return labels
