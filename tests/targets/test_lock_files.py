"""The two files that pin the dependencies agree, and name no registry of somebody's machine."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_constraints_come_from_the_lock_file():
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r'^name = "([^"]+)"\nversion = "([^"]+)"$', lock, re.MULTILINE))
    text = (ROOT / "scripts" / "constraints.txt").read_text(encoding="utf-8")
    pinned = [line for line in text.splitlines() if not line.startswith("#")]
    assert pinned
    for line in pinned:
        match = re.fullmatch(r"([a-z0-9-]+)==([^ ;]+)( ; .*)?", line)
        assert match, line
        assert (match.group(1), match.group(2)) in locked, f"{line}: run: make lock"


def test_lock_file_names_one_registry_and_no_local_files():
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    assert len(set(re.findall(r'registry = "([^"]+)"', lock))) == 1
    assert not re.search(r'(file://|path = ")', lock)
