"""The output folder appears whole or not at all, and nobody else's folder is touched."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tinycc_ml.emit import is_ours, write_project
from tinycc_ml.emit.manifest import FILE_NAME
from tinycc_ml.errors import OutputError

MANIFEST = '{"generator": "tinycc-ml", "manifest_version": 1, "files": ["a.c", "a.h"]}\n'
FILES = {"a.c": "int a;\n", "a.h": "extern int a;\n", FILE_NAME: MANIFEST}


def contents(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in folder.iterdir()}


def everything_in(folder: Path) -> dict[str, bytes | None]:
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None
        for p in sorted(folder.rglob("*"))
    }


def test_a_new_folder(tmp_path):
    write_project(tmp_path / "out", FILES)
    assert contents(tmp_path / "out") == FILES
    assert os.listdir(tmp_path) == ["out"]
    assert is_ours(tmp_path / "out")


def test_missing_parents_are_made(tmp_path):
    write_project(tmp_path / "a" / "b" / "out", FILES)
    assert contents(tmp_path / "a" / "b" / "out") == FILES


def test_the_folder_and_its_files_can_be_read_by_others(tmp_path):
    write_project(tmp_path / "out", FILES)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


def test_a_relative_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_project(Path("out"), FILES)
    assert contents(tmp_path / "out") == FILES


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    write_project(tmp_path / "out", FILES)
    assert contents(tmp_path / "out") == FILES


def test_our_folder_is_replaced_with_all_old_files_gone(tmp_path):
    write_project(tmp_path / "out", FILES)
    new = {"b.c": "int b;\n", FILE_NAME: MANIFEST}
    write_project(tmp_path / "out", new)
    assert contents(tmp_path / "out") == new
    assert os.listdir(tmp_path) == ["out"]


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious.txt").write_text("mine")
    with pytest.raises(OutputError, match="--force"):
        write_project(tmp_path / "out", FILES)
    assert everything_in(tmp_path) == {"out": None, "out/precious.txt": b"mine"}


def test_a_foreign_folder_is_replaced_with_force(tmp_path):
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "precious.txt").write_text("mine")
    write_project(tmp_path / "out", FILES, force=True)
    assert contents(tmp_path / "out") == FILES
    assert os.listdir(tmp_path) == ["out"]


def test_a_file_that_the_user_put_into_our_folder_is_not_deleted(tmp_path):
    write_project(tmp_path / "out", FILES)
    (tmp_path / "out" / "main.c").write_text("int main(void) { return 0; }\n")
    before = everything_in(tmp_path)
    with pytest.raises(OutputError, match=r"main\.c.*--force"):
        write_project(tmp_path / "out", FILES)
    assert everything_in(tmp_path) == before
    write_project(tmp_path / "out", FILES, force=True)
    assert contents(tmp_path / "out") == FILES


@pytest.mark.parametrize("manifest", ["", "{", "[]", "null", '{"generator": "other"}', "\xff\0"])
def test_a_folder_with_somebody_elses_manifest_is_foreign(tmp_path, manifest):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / FILE_NAME).write_text(manifest, encoding="latin-1")
    with pytest.raises(OutputError, match="was not written by tinycc-ml"):
        write_project(tmp_path / "out", FILES)


@pytest.mark.parametrize("force", [False, True])
def test_a_file_in_the_way_is_kept(tmp_path, force):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="is a file"):
        write_project(tmp_path / "out", FILES, force=force)
    assert everything_in(tmp_path) == {"out": b"mine"}


def test_a_file_where_a_parent_should_be(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written"):
        write_project(tmp_path / "a" / "out", FILES)
    assert everything_in(tmp_path) == {"a": b"mine"}


def test_a_dangling_link_gets_its_folder(tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "real")
    write_project(tmp_path / "out", FILES)
    assert (tmp_path / "out").is_symlink()
    assert contents(tmp_path / "real") == FILES


def test_a_link_to_itself_is_a_clean_error(tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "out")
    with pytest.raises(OutputError):
        write_project(tmp_path / "out", FILES)
    assert os.listdir(tmp_path) == ["out"]


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    write_project(tmp_path / "out", FILES)
    assert (tmp_path / "out").is_symlink()
    assert contents(tmp_path / "real") == FILES


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_an_impossible_name_is_a_clean_error(tmp_path, name):
    with pytest.raises(OutputError):
        write_project(tmp_path / name, FILES)
    assert os.listdir(tmp_path) == []


def deny(*_arguments, **_options):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_a_parent_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "mkdir", deny)
    with pytest.raises(OutputError, match="Permission denied"):
        write_project(tmp_path / "out", FILES)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_looked_at(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").write_text("")
    monkeypatch.setattr(os, "listdir", deny)
    monkeypatch.setattr(os, "scandir", deny)
    with pytest.raises(OutputError, match=r"Permission denied|was not written"):
        write_project(tmp_path / "out", FILES)


def test_a_parent_that_cannot_be_looked_into(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "stat", deny)
    with pytest.raises(OutputError, match="Permission denied"):
        write_project(tmp_path / "a" / "out", FILES)


class _Fault:
    """Fails once, at the n-th call of an operation, as a full disk or Ctrl-C would."""

    def __init__(self, real, at: int, error: BaseException) -> None:
        self.real, self.left, self.error = real, at, error

    def __call__(self, *arguments, **options):
        self.left -= 1
        if self.left == -1:
            raise self.error
        return self.real(*arguments, **options)


ERRORS = [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]


@pytest.mark.parametrize("before", ["nothing", "ours", "empty"])
@pytest.mark.parametrize("error", ERRORS, ids=["full", "interrupted"])
@pytest.mark.parametrize(
    ("owner", "operation"), [(Path, "write_text"), (Path, "chmod"), (os, "rename")]
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_failure_in_the_middle_leaves_nothing_behind(
    tmp_path, monkeypatch, before, error, owner, operation, at
):
    if before == "ours":
        write_project(tmp_path / "out", FILES)
    elif before == "empty":
        (tmp_path / "out").mkdir()
    there = everything_in(tmp_path)
    fault = _Fault(getattr(owner, operation), at, error)

    def faulty(*arguments, **options):
        return fault(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, operation, faulty)
        try:
            write_project(tmp_path / "out", {**FILES, "b.c": "int b;\n"})
        except (OutputError, KeyboardInterrupt):
            after = everything_in(tmp_path)
            assert after == there
            return
    # The fault was never reached, or could be undone.
    assert set(contents(tmp_path / "out")) == {*FILES, "b.c"}
    assert os.listdir(tmp_path) == ["out"]
