"""Damaged ONNX files: each is imported, or refused with one clear line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared_data import REPOSITORY, SHARED

_REAL = sorted(SHARED.glob("data/models_synthetic/syn_torch_qdq_qat.onnx"))


def _fuzz(seed: int, count: int, keep: Path) -> None:
    result = subprocess.run(
        [
            *(sys.executable, "-m", "tests.importers.onnx.fuzz", str(seed), str(count)),
            *map(str, _REAL),
            *("--keep", str(keep)),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    outcomes: dict[str, int] = json.loads(result.stdout)
    assert sum(outcomes.values()) == count
    assert set(outcomes) == {"imported", "ModelFileError", "UnsupportedError"}
    # Most damage must be noticed, but the files must not be so damaged that nothing is tested.
    assert outcomes["imported"] > count // 20
    assert outcomes["ModelFileError"] > count // 3


def test_damaged_files(tmp_path: Path) -> None:
    _fuzz(0, 500, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(1, 11))
def test_ten_thousand_damaged_files(shard: int, tmp_path: Path) -> None:
    _fuzz(shard, 1000, tmp_path)
