"""What a kind of project has to say beyond its templates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinycc_ml.emit.projects.shell import Shell

Files = dict[str, str | bytes]


def _nothing(_shell: Shell) -> dict[str, Any]:
    return {}


def _as_they_are(_shell: Shell, files: Files) -> Files:
    return files


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of project: ``templates/projects/<name>/`` and what the templates cannot say.

    Every template of that folder becomes a file of the project at the same place, without ``.j2``
    and with ``MODEL`` and ``BOARD`` in its path replaced by their names; one that renders to
    nothing but white space becomes none.

    Attributes:
        name: What ``--project`` takes.
        summary: For `--help`.
        library: Folder of the model's files, with ``{model}`` for its name; empty for the root.
        selftest: Folder of the self-test, in the same way.
        harness: Folder of the firmware harness; ``None`` where the kind brings its own start-up
            code and serial port.
        context: More names for the templates.
        finish: Adds files made from the others.
    """

    name: str
    summary: str
    library: str
    selftest: str
    harness: str | None = None
    context: Callable[[Shell], dict[str, Any]] = _nothing
    finish: Callable[[Shell, Files], Files] = _as_they_are
