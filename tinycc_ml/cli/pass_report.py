"""What the graph passes did to a model, for `analyze --passes`."""

from __future__ import annotations

from typing import Any

from tinycc_ml.cli.output import out, table
from tinycc_ml.graph import PassReport


def passes_as_data(report: PassReport) -> dict[str, Any]:
    """The passes that changed something, in the order in which they ran, and what was declined."""
    return {
        "passes": [
            {
                "name": record.name,
                "nodes_before": record.nodes_before,
                "nodes_after": record.nodes_after,
                "changes": list(record.changes),
            }
            for record in report.records
            if record.changed
        ],
        "pass_refusals": [
            {"pass": refusal.rule, "node": refusal.node, "reason": refusal.reason}
            for refusal in report.refusals
        ],
    }


def print_passes(report: PassReport) -> None:
    """The same for people: nodes that went (-), came (+) and changed (~)."""
    changed = [record for record in report.records if record.changed]
    if not changed:
        out.print("No graph pass had anything to do.")
    for record in changed:
        count = f"{record.nodes_before} -> {record.nodes_after} nodes"
        out.print(f"{record.name}: {count}", style="bold", highlight=False)
        for change in record.changes:
            out.print(f"  {change}", markup=False, highlight=False, soft_wrap=True)
    if report.refusals:
        rows = [(refusal.rule, refusal.node, refusal.reason) for refusal in report.refusals]
        out.print(table("declined", ["pass", "node", "reason"], rows))
    idle = sorted({r.name for r in report.records} - {r.name for r in changed})
    if changed and idle:
        out.print(f"nothing to do: {', '.join(idle)}", soft_wrap=True)
