"""The command line as a fixture, in a folder of the test's own."""

from __future__ import annotations

import pytest

from tests.cli.command import Cli


@pytest.fixture
def cli(capfd, tmp_path, monkeypatch) -> Cli:
    # Wide, so that tables and messages are not wrapped; without colours.
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    return Cli(capfd)
