"""Calibration data: what is read, and what is refused and how."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import DataError
from tinycc_ml.graph import TensorType
from tinycc_ml.quant import from_arrays, from_iterable, open_samples

TYPE = TensorType((1, 3, 2), DType.FLOAT32)
RANDOM = np.random.default_rng(5)
DATA = RANDOM.normal(size=(10, 3, 2)).astype(np.float32)


def read(path: Path, **options: int) -> list[np.ndarray]:
    return [sample[0] for sample in open_samples(path, [TYPE], ["t0"], **options)]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives(tmp_path: Path, save: object) -> None:
    save(tmp_path / "x.npz", inputs=DATA)  # type: ignore[operator]
    assert np.array_equal(np.stack(read(tmp_path / "x.npz"))[:, 0], DATA)


def test_arrays_and_folders(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", DATA[:6])
    np.save(tmp_path / "b.npy", DATA[6])
    np.savez(tmp_path / "c.npz", input0=DATA[7:])
    assert np.array_equal(np.stack(read(tmp_path))[:, 0], DATA)


def test_quantized_numbers_and_a_split(tmp_path: Path) -> None:
    steps = RANDOM.integers(-128, 128, (10, 3, 2)).astype(np.int8)
    kept = np.array([1, 3, 4, 8])
    parameters = {"input_scale": np.float32(0.5), "input_zero_point": np.int32(3)}
    np.savez(tmp_path / "x.npz", inputs=steps, calibration=kept, **parameters)
    expected = (steps[kept].astype(np.float32) - 3) * np.float32(0.5)
    assert np.array_equal(np.stack(read(tmp_path / "x.npz"))[:, 0], expected)


def test_a_seed_chooses(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", inputs=DATA)
    first, again, other = (read(tmp_path / "x.npz", most=5, seed=s) for s in (1, 1, 2))
    assert len(first) == 5
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_iterators() -> None:
    given = from_iterable((x for x in DATA), [TYPE])
    assert len(given) == 10
    assert len(list(given)) == len(list(given)) == 10


def _with(change: object, dtype: object = np.float32) -> np.ndarray:
    data = DATA.astype(dtype)  # type: ignore[call-overload]
    if callable(change):
        change(data)
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DATA[:, :2], r"sample 0 has shape \[2, 2\]; the model takes \[1, 3, 2\]"),
        (DATA.astype(np.int8), "samples are int8; the model takes float32"),
        (_with(lambda d: d.__setitem__((7, 1, 1), np.nan)), "sample 7 holds numbers that are not"),
        (_with(lambda d: d.__setitem__((2, 0, 0), np.inf)), "sample 2 holds numbers that are not"),
        (DATA[:0], "0 samples; calibration needs at least 4"),
        (DATA[:3], "3 samples; calibration needs at least 4"),
        (np.ones_like(DATA), "all samples are the same"),
    ],
)
def test_bad_data(tmp_path: Path, data: np.ndarray, message: str) -> None:
    np.savez(tmp_path / "x.npz", inputs=data)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "x.npz")
    with pytest.raises(DataError, match=message):
        list(from_arrays([data], [TYPE], "calibration"))


def test_bad_files(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"PK\3\4 and nothing more")
    with pytest.raises(DataError, match=r"x\.npz: cannot be read"):
        read(tmp_path / "x.npz")
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "y.npz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no \.npz or \.npy file"):
        read(tmp_path / "empty")
    np.savez(tmp_path / "z.npz", other=DATA)
    with pytest.raises(DataError, match="no array for the model's input 0"):
        read(tmp_path / "z.npz")
    np.savez(tmp_path / "w.npz", inputs=DATA, calibration=np.array([1, 40]))
    with pytest.raises(DataError, match="calibration must hold numbers of samples, below 10"):
        read(tmp_path / "w.npz")
