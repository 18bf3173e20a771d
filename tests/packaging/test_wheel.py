"""The wheel: it holds the data folders, and works where there is no checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.shared_data import REPOSITORY

FOLDERS = ("templates", "boards", "firmware_harness", "renode_scripts")
#: What of the checkout a build needs.
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "tinycc_ml", *FOLDERS)


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built by pip, as an installation from the source would."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "_data")
    for name in SOURCES:
        path = REPOSITORY / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=ignore)
        else:
            shutil.copyfile(path, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps"]
    run(*pip, "--wheel-dir", folder, source, cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """An environment with the wheel; what it depends on is this environment's."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    (site,) = (folder / "lib").glob("python*/site-packages")
    # Behind the wheel in the path; this checkout's own editable installation is not followed.
    code = f"import sys; sys.path.append({sysconfig.get_path('purelib')!r})\n"
    (site / "dependencies.pth").write_text(code)
    return folder


def test_the_wheel_holds_every_data_file(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in FOLDERS:
        files = [p for p in (REPOSITORY / folder).rglob("*") if p.is_file()]
        assert files, folder
        for path in files:
            assert f"tinycc_ml/_data/{path.relative_to(REPOSITORY).as_posix()}" in names


def test_the_wheel_holds_every_module_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = REPOSITORY / "tinycc_ml"
    modules = {p.relative_to(REPOSITORY).as_posix() for p in package.rglob("*.py")}
    code = {n for n in names if n.endswith(".py")}
    assert code == modules
    allowed = ("tinycc_ml/", "tinycc_ml-")
    assert all(name.startswith(allowed) for name in names)
    assert not any("__pycache__" in name or "/tests/" in name for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_installed_command_works_outside_the_checkout(installed, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = installed / "bin" / "tinycc-ml"
    model = tmp_path / "digits.tflite"
    shutil.copyfile(REPOSITORY / "examples" / "digits" / "digits.tflite", model)

    def tool(*arguments: str) -> str:
        return run(command, *arguments, cwd=tmp_path, env=environment)

    python = installed / "bin" / "python"
    place = run(python, "-c", "import tinycc_ml; print(tinycc_ml.__file__)", cwd=tmp_path)
    assert place.startswith(str(installed)), place
    boards = {board["name"] for board in json.loads(tool("boards", "--json"))["boards"]}
    assert boards == {p.stem for p in (REPOSITORY / "boards").glob("*.toml")}
    assert "conv2d" in tool("ops")
    tool("gen", "digits.tflite", "--board", "nucleo-f746", "-o", "out")
    assert len(list((tmp_path / "out").iterdir())) == 8
    data = REPOSITORY / "examples" / "digits" / "digits_test.npz"
    arguments = ("--board", "nucleo-f746", "--on", "host", "--data", str(data), "--json")
    result = json.loads(tool("validate", "digits.tflite", *arguments))
    assert (result["identical"], result["total"]) == (100, 100)


def test_the_installed_command_writes_what_the_checkout_writes(installed, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    model = REPOSITORY / "examples" / "digits" / "digits.tflite"
    arguments = ("gen", model, "--board", "nucleo-f746", "-o")
    run(installed / "bin" / "tinycc-ml", *arguments, "wheel", cwd=tmp_path, env=environment)
    run(sys.executable, "-m", "tinycc_ml", *arguments, "checkout", cwd=tmp_path)
    for path in (tmp_path / "wheel").iterdir():
        assert path.read_bytes() == (tmp_path / "checkout" / path.name).read_bytes()
