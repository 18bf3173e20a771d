"""A project is brought up to date without touching what the user has done in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tinycc_ml.emit.projects import merge_project
from tinycc_ml.emit.projects.merge import RECORD_NAME
from tinycc_ml.errors import OutputError

FILES: dict[str, str | bytes] = {
    "Makefile": "all:\n",
    "model/a.c": "int a;\n",
    "model/a.bin": b"\x00\xff",
}
GENERATED = frozenset({"model/a.c", "model/a.bin"})


def merge(folder: Path, files: dict[str, str | bytes] = FILES, *, force: bool = False):
    return merge_project(folder, "make", files, GENERATED, force=force)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != RECORD_NAME
    }


def as_bytes(files: dict[str, str | bytes]) -> dict[str, bytes]:
    return {k: v if isinstance(v, bytes) else v.encode() for k, v in files.items()}


def test_a_new_project_and_the_same_again(tmp_path):
    for _ in range(2):
        merged = merge(tmp_path / "out")
        assert (merged.kept, merged.removed) == ((), ())
        assert contents(tmp_path / "out") == as_bytes(FILES)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_new_model_replaces_what_was_generated(tmp_path):
    merge(tmp_path)
    new = {**FILES, "model/a.c": "int b;\n"}
    merge(tmp_path, new)
    assert contents(tmp_path) == as_bytes(new)


def test_files_of_the_user_stay(tmp_path):
    merge(tmp_path)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "a.o").write_bytes(b"object")
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    merge(tmp_path, force=True)
    assert (tmp_path / "build" / "a.o").read_bytes() == b"object"
    assert (tmp_path / "main.c").is_file()


def test_a_file_of_the_shell_that_the_user_has_changed_is_kept_every_time(tmp_path):
    merge(tmp_path)
    (tmp_path / "Makefile").write_text("all: mine\n")
    for model in ("int b;\n", "int c;\n"):
        merged = merge(tmp_path, {**FILES, "Makefile": "all: newer\n", "model/a.c": model})
        assert merged.kept == ("Makefile",)
        assert contents(tmp_path)["Makefile"] == b"all: mine\n"
        assert contents(tmp_path)["model/a.c"] == model.encode()
    merge(tmp_path, force=True)
    assert contents(tmp_path) == as_bytes(FILES)


def test_a_generated_file_that_the_user_has_changed_stops_everything(tmp_path):
    merge(tmp_path)
    (tmp_path / "model" / "a.c").write_text("int mine;\n")
    before = contents(tmp_path)
    with pytest.raises(OutputError, match=r"model/a\.c would be overwritten.*--force"):
        merge(tmp_path, {**FILES, "model/a.bin": b"new"})
    assert contents(tmp_path) == before
    merge(tmp_path, force=True)
    assert contents(tmp_path) == as_bytes(FILES)


def test_a_file_of_the_user_in_the_way_of_a_new_one(tmp_path):
    merge(tmp_path)
    (tmp_path / "new.c").write_text("mine\n")
    with pytest.raises(OutputError, match=r"new\.c would be overwritten"):
        merge(tmp_path, {**FILES, "new.c": "ours\n"})


def test_what_is_no_part_any_more_goes_unless_the_user_has_changed_it(tmp_path):
    merge(tmp_path, {**FILES, "old.c": "1\n", "older.c": "2\n"})
    (tmp_path / "older.c").write_text("mine\n")
    merged = merge(tmp_path)
    assert merged.removed == ("old.c",)
    assert contents(tmp_path) == {**as_bytes(FILES), "older.c": b"mine\n"}


def test_a_file_that_the_user_has_deleted_comes_back(tmp_path):
    merge(tmp_path)
    (tmp_path / "Makefile").unlink()
    merge(tmp_path)
    assert contents(tmp_path) == as_bytes(FILES)


def test_a_foreign_folder_is_refused_and_with_force_only_added_to(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"no project of tinycc-ml.*--force"):
        merge(tmp_path)
    assert contents(tmp_path) == {"precious.txt": b"mine"}
    merge(tmp_path, force=True)
    assert contents(tmp_path) == {**as_bytes(FILES), "precious.txt": b"mine"}


@pytest.mark.parametrize(
    "record",
    ["", "[]", "{}", '{"generator": "other", "sha256": {}}', '{"generator": "tinycc-ml"}'],
)
def test_a_damaged_record_is_a_clean_error(tmp_path, record):
    merge(tmp_path)
    (tmp_path / RECORD_NAME).write_text(record)
    with pytest.raises(OutputError, match="damaged"):
        merge(tmp_path)


@pytest.mark.parametrize("name", ["../precious.txt", "/tmp/precious.txt", "a/../../precious.txt"])
def test_a_record_cannot_delete_outside_of_the_project(tmp_path, name):
    folder = tmp_path / "out"
    merge(folder)
    outside = tmp_path / "precious.txt"
    outside.write_text("mine")
    data = json.loads((folder / RECORD_NAME).read_text())
    data["sha256"][name] = "0" * 64
    (folder / RECORD_NAME).write_text(json.dumps(data))
    with pytest.raises(OutputError, match="damaged"):
        merge(folder)
    assert outside.read_text() == "mine"


def test_a_folder_where_a_file_should_be(tmp_path):
    merge(tmp_path)
    (tmp_path / "Makefile").unlink()
    (tmp_path / "Makefile").mkdir()
    merged = merge(tmp_path)
    assert merged.kept == ("Makefile",)
    with pytest.raises(OutputError, match="cannot be written"):
        merge(tmp_path, force=True)


def test_a_file_in_the_way_of_the_folder(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="is a file"):
        merge(tmp_path / "out", force=True)
