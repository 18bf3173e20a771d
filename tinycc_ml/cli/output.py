"""What all verbs share in talking to the user: tables, JSON, errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.table import Table

# A pipe has no width of its own; tables shall not be cut for it.
_PIPE_COLUMNS = 140

#: Results go to stdout, everything else to stderr, so that results can be piped.
out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_COLUMNS)
err = Console(stderr=True, highlight=False)

#: Version of all `--json` results; described in docs/json.md.
JSON_VERSION = 1


def print_json(kind: str, data: Mapping[str, Any]) -> None:
    """Writes one JSON object with its kind and version to stdout."""
    click.echo(json.dumps({"kind": kind, "version": JSON_VERSION, **data}, indent=2))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A table; columns whose name starts with ``>`` are aligned to the right."""
    result = Table(title=title or None, title_justify="left")
    for column in columns:
        right = column.startswith(">")
        result.add_column(column.removeprefix(">"), justify="right" if right else "left")
    for row in rows:
        result.add_row(*(_cell(value) for value in row))
    return result


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def shape_text(shape: Sequence[int]) -> str:
    """``1x49x10x1``."""
    return "x".join(map(str, shape))


def is_terminal() -> bool:
    """Whether progress may be drawn."""
    return sys.stderr.isatty()


@contextmanager
def status(text: str) -> Iterator[None]:
    """What takes time just now, shown on a terminal only."""
    if not is_terminal():
        yield
        return
    with err.status(text):
        yield
