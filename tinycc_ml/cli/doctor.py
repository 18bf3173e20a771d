"""``tinycc-ml doctor``: what is installed, what is missing, how to get it."""

from __future__ import annotations

from dataclasses import asdict

import click

from tinycc_ml.cli.output import out, print_json, table
from tinycc_ml.cli.parameters import json_option
from tinycc_ml.runner import examine


@click.command("doctor")
@json_option
def command(as_json: bool) -> None:
    """Tell which tools are installed, which are missing, and how to get them.

    `gen` and `analyze` need none of them.
    """
    checks = examine()
    if as_json:
        print_json("doctor", {"checks": [asdict(check) for check in checks]})
        return
    rows = [
        (
            check.name,
            "found" if check.found else "missing",
            check.version if check.found else check.how_to_get,
            check.required_for,
        )
        for check in checks
    ]
    out.print(table("", ["tool", "", "version, or how to get it", "needed for"], rows))
