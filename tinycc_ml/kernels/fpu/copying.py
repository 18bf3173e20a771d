"""Copies float32 elements, sixteen at a time."""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import Buffer, Intrinsic, LoopKernel, Role, SharedText
from tinycc_ml.loopir import build as b

_BLOCK = 16
_TEXT = SharedText(
    "copy_f32__fpu_any",
    (
        "  ldrh r3, [r2]",
        "  ldrh r2, [r2, #2]",
        "  cmp r3, #0",
        "  beq 2f",
        f"1:  @ {_BLOCK} elements",
        "  vldmia r0!, {s0-s15}",
        "  vstmia r1!, {s0-s15}",
        "  subs r3, r3, #1",
        "  bne 1b",
        "2:  @ single elements",
        "  cmp r2, #0",
        "  beq 4f",
        "3:",
        "  ldr r3, [r0], #4",
        "  str r3, [r1], #4",
        "  subs r2, r2, #1",
        "  bne 3b",
        "4:",
        "  bx lr",
    ),
    ("Copies any number of elements.", "r0: input; r1: output; r2, r3: single ones, blocks."),
)


def copy_intrinsic(elements: int) -> Intrinsic:
    """Copies a number of elements; the parameters are input and output."""
    name = f"copy_f32__fpu_{elements}"
    x = Buffer("input", DType.FLOAT32, (elements,), Role.INPUT)
    y = Buffer("output", DType.FLOAT32, (elements,), Role.OUTPUT)
    meaning = LoopKernel(
        name, (x, y), b.nest([("i", elements)], b.store(y, ("i",), b.load(x, "i")))
    )
    comment = (f"Copies {elements} elements.",)
    return Intrinsic(
        name, meaning, "fpu", (), comment, shared=_TEXT, sizes=divmod(elements, _BLOCK)
    )
