"""Calibration data: files larger than memory, folders, arrays, iterators.

Samples are read one after the other and never held all at once. A `.npz` holds `inputs` (or
`input0`, `input1` ... for several model inputs), samples along the first axis, or the arrays under
the names of the model's inputs. Integers are taken as quantized numbers where the file says how:
`input_scale` and `input_zero_point`. Where it holds an array `calibration`, of the numbers of
samples, only these are used: the others are for testing.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from tinycc_ml.errors import DataError
from tinycc_ml.graph import Array, TensorType

Sample = tuple[Array, ...]
#: Fewer say too little about the ranges of activations.
FEWEST = 4
#: More do not change them.
MOST = 1000

_DAMAGE = (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples that can be gone through more than once.

    Attributes:
        label: What messages call them.
        count: How many.
        open: Begins anew.
    """

    label: str
    count: int
    open: Callable[[], Iterator[Sample]]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Sample]:
        return self.open()


def from_arrays(inputs: Sequence[Array], types: Sequence[TensorType], label: str) -> Samples:
    """Samples along the first axis of arrays, memory-mapped ones too; one array for each input.

    Raises:
        DataError: If they do not fit the model.
    """
    if len(inputs) != len(types):
        raise DataError(f"{label}: {len(inputs)} arrays; the model has {len(types)} inputs")
    counts = {len(array) if array.ndim else 0 for array in inputs}
    if len(counts) != 1:
        raise DataError(f"{label}: the inputs have different numbers of samples: {sorted(counts)}")

    def open_() -> Iterator[Sample]:
        for index in range(len(inputs[0])):
            yield tuple(
                _fitted(array[index], type_, label, index)
                for array, type_ in zip(inputs, types, strict=True)
            )

    return _checked(Samples(label, counts.pop(), open_))


def from_iterable(samples: Iterable[Sample | Array], types: Sequence[TensorType]) -> Samples:
    """Samples that Python code gives, one array or one tuple of arrays each.

    A generator can be gone through once only; its samples are kept in memory, the first 1000.

    Raises:
        DataError: If they do not fit the model.
    """
    label = "calibration samples"
    if iter(samples) is samples:
        samples = [sample for sample, _ in zip(samples, range(MOST), strict=False)]
    again: Iterable[Sample | Array] = samples

    def open_() -> Iterator[Sample]:
        for index, sample in enumerate(again):
            arrays = sample if isinstance(sample, tuple) else (sample,)
            if len(arrays) != len(types):
                raise DataError(
                    f"{label}: sample {index} has {len(arrays)} arrays; the model has "
                    f"{len(types)} inputs"
                )
            yield tuple(
                _fitted(array, type_, label, index)
                for array, type_ in zip(arrays, types, strict=True)
            )

    return _checked(Samples(label, sum(1 for _ in again), open_))


def open_samples(
    path: Path, types: Sequence[TensorType], names: Sequence[str], seed: int = 0, most: int = MOST
) -> Samples:
    """The calibration samples of a file (.npz, .npy) or of all such files of a folder.

    Args:
        path: The file or folder.
        types: Of the model's inputs.
        names: Of the model's inputs.
        seed: Which samples are taken where there are more than needed.
        most: How many are needed.

    Raises:
        DataError: If a file is missing or damaged, or does not fit the model.
    """
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix in (".npz", ".npy"))
        if not files:
            raise DataError(f"{path.name}: no .npz or .npy file in this folder")
        parts = [_file_samples(file, types, names) for file in files]
        whole = Samples(
            path.name,
            sum(len(part) for part in parts),
            lambda: (sample for part in parts for sample in part),
        )
    else:
        whole = _file_samples(path, types, names)
    return _checked(_chosen(whole, seed, most))


def _chosen(samples: Samples, seed: int, most: int) -> Samples:
    if len(samples) <= most:
        return samples
    generator = np.random.Generator(np.random.PCG64(seed))
    kept = frozenset(generator.permutation(len(samples))[:most].tolist())
    return Samples(
        samples.label,
        most,
        lambda: (sample for index, sample in enumerate(samples) if index in kept),
    )


def _checked(samples: Samples) -> Samples:
    """The samples, if they are any use.

    Raises:
        DataError: If there are too few, or all are the same.
    """
    if len(samples) < FEWEST:
        raise DataError(
            f"{samples.label}: {len(samples)} samples; calibration needs at least {FEWEST}, "
            "better 100"
        )
    first = next(iter(samples))
    if all(np.array_equal(a, b) for sample in samples for a, b in zip(first, sample, strict=True)):
        raise DataError(f"{samples.label}: all samples are the same; calibration needs others")
    return samples


def _fitted(array: Array, type_: TensorType, label: str, index: int) -> Array:
    """A sample as the model takes it."""
    array = np.asarray(array)
    if array.size != type_.elements or not _same_shape(array.shape, type_.shape):
        raise DataError(
            f"{label}: sample {index} has shape {list(array.shape)}; the model takes "
            f"{list(type_.shape)}, the batch axis optional"
        )
    wanted = type_.dtype.numpy
    if array.dtype != wanted and not (array.dtype == np.float64 and wanted == np.float32):
        raise DataError(
            f"{label}: samples are {array.dtype}; the model takes {wanted}; give real numbers, or "
            "input_scale and input_zero_point with them"
        )
    result = array.reshape(type_.shape).astype(wanted, copy=False)
    if wanted.kind == "f" and not np.isfinite(result).all():
        raise DataError(f"{label}: sample {index} holds numbers that are not finite")
    return result


def _same_shape(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return given == wanted or (wanted[:1] == (1,) and given == wanted[1:])


def _file_samples(path: Path, types: Sequence[TensorType], names: Sequence[str]) -> Samples:
    try:
        if path.suffix == ".npy":
            return _npy_samples(path, types)
        return _npz_samples(path, types, names)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except _DAMAGE as error:
        raise DataError(f"{path.name}: cannot be read as .npz or .npy ({error})") from None


def _npy_samples(path: Path, types: Sequence[TensorType]) -> Samples:
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    if (
        len(types) == 1
        and array.size == types[0].elements
        and _same_shape(array.shape, types[0].shape)
    ):
        array = array[None]  # one file, one sample
    if array.ndim == 0 or len(types) != 1:
        raise DataError(f"{path.name}: one array; the model has {len(types)} inputs; use .npz")

    def open_() -> Iterator[Sample]:
        for index in range(len(array)):
            yield (_fitted(array[index], types[0], path.name, index),)

    return Samples(path.name, len(array), open_)


def _npz_samples(path: Path, types: Sequence[TensorType], names: Sequence[str]) -> Samples:
    with zipfile.ZipFile(path) as archive:
        held = {Path(n).stem: n for n in archive.namelist() if n.endswith(".npy")}
        keys = [_key(path, i, name, len(types), held) for i, name in enumerate(names)]
        counts = {_header(archive, held[key])[0][:1] for key in keys}
    with np.load(path, allow_pickle=False) as loaded:
        scale, zero_point, kept = (
            loaded[n] if n in held else None
            for n in ("input_scale", "input_zero_point", "calibration")
        )
    if len(counts) != 1 or counts == {()}:
        raise DataError(f"{path.name}: {', '.join(keys)} must have as many samples each")
    ((total,),) = counts
    if kept is not None and (kept.dtype.kind not in "iu" or not _inside(kept, total)):
        raise DataError(f"{path.name}: calibration must hold numbers of samples, below {total}")
    chosen = None if kept is None else frozenset(kept.reshape(-1).tolist())

    def open_() -> Iterator[Sample]:
        columns = [_stream(path, held[key]) for key in keys]
        for index, arrays in enumerate(zip(*columns, strict=True)):
            if chosen is None or index in chosen:
                yield tuple(
                    _fitted(_dequantized(a, scale, zero_point), type_, path.name, index)
                    for a, type_ in zip(arrays, types, strict=True)
                )

    return Samples(path.name, total if chosen is None else len(chosen), open_)


def _inside(numbers: Array, total: int) -> bool:
    return numbers.size == 0 or (int(numbers.min()) >= 0 and int(numbers.max()) < total)


def _dequantized(array: Array, scale: Array | None, zero_point: Array | None) -> Array:
    if scale is None or array.dtype.kind not in "iu":
        return array
    zero = 0 if zero_point is None else int(zero_point)
    return (array.astype(np.float32) - np.float32(zero)) * np.float32(scale)


def _key(path: Path, index: int, name: str, inputs: int, held: dict[str, str]) -> str:
    keys = [f"input{index}", f"input_{index}", name]
    if inputs == 1:
        keys = ["inputs", "input", *keys]
    found = next((key for key in keys if key in held), None)
    if found is None:
        raise DataError(
            f"{path.name}: no array for the model's input {index}; looked for {', '.join(keys)}; "
            f"the file holds {', '.join(held) or 'nothing'}"
        )
    return found


def _header(archive: zipfile.ZipFile, member: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    with archive.open(member) as file:
        return _read_header(file)


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(file)
    if is_fortran or dtype.hasobject:
        raise ValueError("an array in Fortran order, or of objects")
    return shape, dtype


def _stream(path: Path, member: str) -> Iterator[Array]:
    """The rows of an array of an archive, without reading the whole."""
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        shape, dtype = _read_header(file)
        size = prod(shape[1:]) * dtype.itemsize
        for _ in range(shape[0]):
            data = file.read(size)
            if len(data) != size:
                raise DataError(f"{path.name}: {member} ends too early")
            yield np.frombuffer(data, dtype).reshape(shape[1:])
