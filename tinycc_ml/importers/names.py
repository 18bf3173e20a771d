"""Names that generated C can have, made of names in files."""

from __future__ import annotations

import re
from pathlib import Path

_MAX_NAME = 48


def graph_name(file_name: str) -> str:
    """A lower-case C identifier made of a file's name without its suffix."""
    words = re.sub(r"[^a-z0-9]+", "_", Path(file_name).stem.lower()).strip("_")[:_MAX_NAME]
    if not words:
        return "model"
    return words if words[0].isalpha() else f"model_{words}"
