"""``tinycc-ml ops``: the operators that can be compiled."""

from __future__ import annotations

import click

from tinycc_ml.cli.output import out, print_json, table
from tinycc_ml.cli.parameters import json_option
from tinycc_ml.ops import all_ops


@click.command("ops")
@json_option
def command(as_json: bool) -> None:
    """List the supported operators and element types."""
    definitions = all_ops()
    if as_json:
        rows = [{"name": d.name, "dtypes": d.dtypes, "summary": d.summary} for d in definitions]
        print_json("ops", {"ops": rows})
        return
    columns = ["operator", "element types", "notes"]
    out.print(table("", columns, [(d.name, ", ".join(d.dtypes), d.summary) for d in definitions]))
