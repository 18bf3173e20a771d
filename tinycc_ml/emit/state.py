"""The state area in C: its size, its places, and the function that resets it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tinycc_ml.emit.layout import Layout
from tinycc_ml.emit.options import EmitOptions
from tinycc_ml.emit.text import block_comment, wrap
from tinycc_ml.graph import Constant
from tinycc_ml.kernels import Program


@dataclass(frozen=True, slots=True)
class _Fill:
    """A run of bytes that a reset gives one value (an integer) or copies (a C name)."""

    first: str
    offset_bytes: int
    size_bytes: int
    content: int | str

    def continues(self, other: _Fill) -> bool:
        """Whether it goes on with the same byte where another one ends."""
        is_same = isinstance(self.content, int) and self.content == other.content
        return is_same and other.offset_bytes + other.size_bytes == self.offset_bytes


def state_context(layout: Layout, options: EmitOptions) -> dict[str, Any]:
    """What the templates want to know of the states; nothing is written where there are none."""
    plan, model = layout.plan, layout.program.name
    with_context = options.arena == "caller"
    head = f"tcml_status {model}_reset(const {model}_context *context)"
    return {
        "uses_state": plan.state_bytes > 0,
        "state_bytes": plan.state_bytes,
        "state_alignment": plan.state_alignment,
        "state_expression": "context->state" if with_context else f"{model}_state.bytes",
        "reset_head": head if with_context else f"void {model}_reset(void)",
        "reset_comment": _reset_comment(model, with_context=with_context),
        "resets": [_text(layout, fill) for fill in _fills(layout)],
    }


def _reset_comment(model: str, *, with_context: bool) -> str:
    begins = f"{model}_init does it too" if with_context else "the first run does it too"
    return block_comment(
        [f"Forgets all earlier inferences: gives every state its initial value; {begins}."]
    )


def _fills(layout: Layout) -> list[_Fill]:
    """Neighbours with the same byte everywhere are filled at once."""
    states = {state.value: state for state in layout.program.states}
    fills: list[_Fill] = []
    for place in layout.plan.states:
        fill = _Fill(
            place.value,
            place.offset_bytes,
            place.size_bytes,
            _content(layout.program, states[place.value].initial),
        )
        if fills and fill.continues(fills[-1]):
            last = fills.pop()
            fill = replace(last, size_bytes=last.size_bytes + fill.size_bytes)
        fills.append(fill)
    return fills


def _content(program: Program, initial: Constant) -> int | str:
    """The byte that an initial value has everywhere, else the constant that holds it."""
    kinds = set(initial.array.tobytes())
    if len(kinds) == 1:
        return min(kinds)
    return f"{program.name}_{next(name for name, c in program.constants.items() if c == initial)}"


def _text(layout: Layout, fill: _Fill) -> str:
    target = f"state + {layout.offset_macro(fill.first)}"
    size = f"{fill.size_bytes}U"
    if isinstance(fill.content, str):
        return wrap("  memcpy(", [target, fill.content, size], ");")
    return wrap("  memset(", [target, str(fill.content), size], ");")
