"""10,000 damaged files: each is imported, or refused with one clear line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared_data import REPOSITORY, SHARED

_EXAMPLE = REPOSITORY / "examples" / "digits" / "digits.tflite"
_FILES, _SHARDS = 10_000, 8
#: Two shards also damage a model of the benchmark, where it is there; its import takes longer.
_LARGE = {
    shard: sorted(SHARED.glob(f"data/models/{name}.tflite"))
    for shard, name in enumerate(("kws_ref_model", "str_ww_ref_model"))
}


def _fuzz(seed: int, count: int, keep: Path, *files: Path) -> dict[str, int]:
    result = subprocess.run(
        [
            *(sys.executable, "-m", "tests.importers.fuzz", str(seed), str(count)),
            *map(str, files),
            *("--keep", str(keep)),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    outcomes: dict[str, int] = json.loads(result.stdout)
    return outcomes


@pytest.mark.parametrize("shard", range(_SHARDS))
def test_damaged_files(shard: int, tmp_path: Path) -> None:
    count = _FILES // _SHARDS
    outcomes = _fuzz(shard, count, tmp_path, _EXAMPLE, *_LARGE.get(shard, []))
    assert sum(outcomes.values()) == count
    assert set(outcomes) == {"imported", "ModelFileError", "UnsupportedError"}
    # Most damage must be noticed, but the files must not be so damaged that nothing is tested.
    assert outcomes["imported"] > count // 20
    assert outcomes["ModelFileError"] > count // 2


def test_the_same_seed_damages_the_same_files(tmp_path: Path) -> None:
    assert _fuzz(99, 50, tmp_path) == _fuzz(99, 50, tmp_path)
