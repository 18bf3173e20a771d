"""The functions that take an input row by row: begin, push_row, finish."""

from __future__ import annotations

from typing import Any

from tinycc_ml.emit.functions import call_text
from tinycc_ml.emit.layout import Layout
from tinycc_ml.emit.options import EmitOptions
from tinycc_ml.emit.text import block_comment, fill, wrap
from tinycc_ml.kernels import PushedRows


def pushing_context(layout: Layout, options: EmitOptions) -> dict[str, Any]:
    """What the templates need for an input that is pushed; `pushed` is ``None`` where none is."""
    calls = layout.program.calls
    found = ((index, call.pushed) for index, call in enumerate(calls) if call.pushed)
    index, rows = next(found, (0, None))
    if rows is None:
        return {"pushed": None}
    (port,) = layout.inputs
    model = layout.program.name
    has_context = options.arena == "caller"
    instance = [f"{model}_context *context"] if has_context else []
    outputs = [f"{port.c_type} *{port.parameter}" for port in layout.outputs]
    heads = {
        "begin": (f"{model}_begin(", instance or ["void"]),
        "push": (f"{model}_push_row(", [*instance, f"const {port.c_type} *row"]),
        "finish": (f"{model}_finish(", [*(f"const {each}" for each in instance), *outputs]),
    }
    comments = _comments(model, port.macro, shared=bool(options.shared))
    return {
        "pushed": {
            "rows": rows.rows,
            "row_elements": port.type.elements // rows.rows,
            "count": "context->rows" if has_context else f"{model}_rows",
            "comment": _turns(rows),
            "first": _turn(rows, 0)
            if not rows.first_turn
            else f"number > 0 ? {_turn(rows, 0)} : 0",
            "next": _turn(rows, 1),
            "turns": rows.turns,
            "call": call_text(layout, index),
        },
        **{f"{key}_comment": block_comment(comments[key]) for key in heads},
        **{
            f"{key}_{kind}": wrap(f"tcml_status {head}", parameters, tail, declaration=True)
            for key, (head, parameters) in heads.items()
            for kind, tail in (("declaration", ");"), ("definition", ") {"))
        },
    }


def _turn(rows: PushedRows, more: int) -> str:
    """The turn that takes row `number`, or one that is so much later."""
    late = rows.first_turn + more
    return f"number + {late}" if late else "number"


def _turns(rows: PushedRows) -> str:
    takes = f"Turn t takes row t{f' - {rows.first_turn}' if rows.first_turn else ''}"
    before = "turns before the first and " if rows.first_turn else ""
    text = f"{takes}; {before}turns behind the last row come along with it."
    return fill(text.split(" "), "  /* ", "   * ", " */")


def _comments(model: str, macro: str, *, shared: bool) -> dict[str, list[str]]:
    """What stands above the declarations."""
    others = ": no other model of this folder may run meanwhile" if shared else ""
    return {
        "begin": [
            "Begins an inference; what was pushed before is forgotten. Needed before the first row "
            "of every inference but the very first, and allowed at any time."
        ],
        "push": [
            f"Takes the next of {macro}_ROWS rows: {macro}_ROW_ELEMENTS elements, pixels from left "
            "to right, the channels of a pixel together. Computes what can be computed by then, "
            "and with the last row all the rest. The row is not needed afterwards; the arena must "
            f"not be touched between the rows{others}.",
            "TCML_ERROR_TOO_MANY_ROWS: all rows are in, nothing was done.",
        ],
        "finish": [
            "Copies the output of the inference whose rows are all in; may be called again, until "
            f"{model}_begin.",
            "TCML_ERROR_ROWS_MISSING: rows are missing, nothing was written.",
        ],
    }
