"""Writes `boards/schema.json`, the JSON Schema that editors use to check board files.

Run `python -m tinycc_ml.targets.schema` (or `make schema`) after changing `board.py`.
"""

from __future__ import annotations

import json

from tinycc_ml._resources import resource_dir
from tinycc_ml.targets.board import Board

SCHEMA_FILE = "schema.json"


def schema_text() -> str:
    """The schema as it stands in `boards/schema.json`."""
    schema = Board.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Writes the schema beside the boards."""
    path = resource_dir("boards") / SCHEMA_FILE
    path.write_text(schema_text(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
