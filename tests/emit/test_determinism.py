"""The same model, board and options give the same bytes, wherever and whenever."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.end_to_end.networks import DIGITS, NETWORKS
from tests.end_to_end.projects import OPTIONS, compile_bytes, options_name
from tests.shared_data import REPOSITORY
from tinycc_ml.compiler import generate
from tinycc_ml.emit import EmitOptions

_SCRIPT = """
import sys
from pathlib import Path
from tinycc_ml.compiler import compile_model, generate
from tinycc_ml.emit import write_project
from tinycc_ml.targets import load_board
compilation = compile_model(Path(sys.argv[1]), load_board("nucleo-f746"), name="m")
write_project(Path(sys.argv[2]), generate(compilation))
"""


@pytest.mark.parametrize("options", OPTIONS, ids=options_name)
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_twice_the_same_bytes(name, options):
    first, second = (generate(compile_bytes(NETWORKS[name](), name, options)) for _ in range(2))
    assert first == second


def test_the_same_bytes_in_other_processes(tmp_path):
    found = []
    for number, (seed, locale) in enumerate((("0", "C"), ("1", "C.UTF-8"), ("4711", "de_DE"))):
        place = tmp_path / f"place {number}"
        place.mkdir()
        model = place / "the_model.tflite"
        model.write_bytes(NETWORKS["everything"]())
        environment = {
            **os.environ,
            **{"PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": f"UTC-{number}"},
            **{"PYTHONPATH": str(REPOSITORY), "HOME": str(place), "USER": f"user{number}"},
        }
        command = [sys.executable, "-c", _SCRIPT, str(model), "out"]
        subprocess.run(command, cwd=place, env=environment, check=True)
        found.append({p.name: p.read_bytes() for p in (place / "out").iterdir()})
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_no_path_date_user_or_control_character_in_any_file(name):
    for file, content in generate(compile_bytes(NETWORKS[name](), name)).items():
        text = re.sub(r"\b[0-9a-f]{64}\b", "", content)
        assert str(REPOSITORY) not in text, file
        assert "/tmp" not in text and "/home" not in text and "/root" not in text, file
        assert not re.search(r"\b(19|20)\d\d[-/]\d\d?[-/]\d\d?\b|\b\d\d:\d\d:\d\d\b", text), file
        assert not re.search(r"[^\n\x20-\x7e]", text), file
        assert text.endswith("\n") and not text.endswith("\n\n"), file
        assert not re.search(r"[ \t]\n", text), file
        assert "Undefined" not in text and "None" not in text and "{{" not in text, file


def test_another_folder_or_file_time_changes_nothing(tmp_path):
    from tinycc_ml.compiler import compile_model
    from tinycc_ml.targets import load_board

    copies = []
    for folder, time_s in (("a", 0), ("b", 2_000_000_000)):
        path = tmp_path / folder / "digits.tflite"
        path.parent.mkdir()
        path.write_bytes(DIGITS.read_bytes())
        os.utime(path, (time_s, time_s))
        copies.append(generate(compile_model(path, load_board("nucleo-f746"), EmitOptions())))
    assert copies[0] == copies[1]
