"""The plan as text."""

from __future__ import annotations

from tinycc_ml.memplan import PlannedBuffer, PlanProblem, Scratch, Step, plan_memory, solve

EXPECTED = """\
arena 40 B, lower bound 40 B, gap 0 B, alignment 4

key   offset      end     size     steps  buffer
  a       20       30       10      0..0  x
  b        0       20       20      0..1  a
  c       20       40       20      1..2  c
  d        0        4        4      2..2  y
  e       32       40        8      0..0  s
  c       20       40       20      1..2  flat (view of c)

address of row, one column per 1 step(s), '.' is all free
"""


def test_table_and_map():
    plan = plan_memory(
        [
            Step("conv", ("x",), ("a",), (Scratch("s", 8, 4),)),
            Step("dw", ("a",), ("c",)),
            Step("fc", ("flat",), ("y",)),
        ],
        {"x": 10, "a": 20, "c": 20, "flat": 20, "y": 4},
        inputs=("x",),
        outputs=("y",),
        views={"flat": "c"},
    )
    text = plan.render()
    assert text.startswith(EXPECTED)
    rows = text[len(EXPECTED) :].splitlines()
    assert len(rows) == 16
    assert rows[0].endswith("|ecc")
    assert rows[-1] == "       0 |bbd"


def test_many_steps_share_columns():
    buffers = tuple(PlannedBuffer(f"b{i}", 8, i, i + 1) for i in range(1000))
    lines = solve(PlanProblem(buffers)).render().splitlines()
    assert max(len(line) for line in lines) <= 100


def test_empty_plan():
    assert solve(PlanProblem(())).render().startswith("arena 0 B")
