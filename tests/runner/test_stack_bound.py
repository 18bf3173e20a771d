"""The bound on the stack: read from code and call graphs, and as deep as what was painted."""

from __future__ import annotations

import pytest

from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import compile_bytes
from tinycc_ml.compiler import generate
from tinycc_ml.emit import write_project
from tinycc_ml.runner import build_project, measure, open_device, stack_bound
from tinycc_ml.runner.cycles.disassembly import read_disassembly

#: What lies between the bound and the paint: registers that the harness's own function saves.
MOST_MORE_BYTES = 16


def node(name: str, size_bytes: int, kind: str = "static") -> str:
    text = f"{name}\\nfile.c:1:1\\n{size_bytes} bytes ({kind})"
    return f'node: {{ title: "{name}" label: "{text}" }}\n'


def edge(source: str, target: str) -> str:
    return f'edge: {{ sourcename: "{source}" targetname: "{target}" label: "file.c:2:3" }}\n'


def code(*instructions: str, name: str = "f") -> str:
    lines = [f"  {0x8000 + 2 * i:x}:\tbf00      \t{x}" for i, x in enumerate(instructions)]
    return "\n".join([f"00008000 <{name}>:", *lines]) + "\n"


def frame(*instructions: str, jumps_inside: bool = False) -> stack_bound.Frame:
    located = read_disassembly(code(*instructions)).code.values()
    return stack_bound.frame_of_code(located, jumps_inside=jumps_inside)


def bound(graph: str, text: str, monkeypatch, tmp_path) -> int | None:
    monkeypatch.setattr(stack_bound, "disassemble", lambda _: read_disassembly(text))
    (tmp_path / "m.ci").write_text(f'graph: {{ title: "m.c"\n{graph}}}\n')
    return stack_bound.stack_bound(tmp_path / "elf", [tmp_path / "m.ci"], "m")


@pytest.mark.parametrize(
    ("size_bytes", "instructions"),
    [
        (0, ("bx\tlr",)),
        (36, ("push\t{r4, r5, r6, r7, r8, r9, sl, fp, lr}", "pop\t{r4, pc}")),
        (16 + 44, ("push\t{r4, r5, r6, lr}", "sub\tsp, #44\t; 0x2c", "add\tsp, #44", "bx\tlr")),
        (4 + 256, ("push\t{lr}", "sub.w\tsp, sp, #256\t; 0x100", "pop\t{pc}")),
        (64 + 64, ("vpush\t{s16-s31}", "vpush\t{d8-d15}", "vpop\t{d8-d15}")),
        (8 + 4, ("stmdb\tsp!, {r4, lr}", "str.w\tr0, [sp, #-4]!", "ldr.w\tr0, [sp], #4")),
        # A return inside: what follows it is entered with the whole frame.
        (12 + 8, ("push\t{r4, r5, lr}", "pop\t{r4, r5, pc}", "push\t{r0, r1}", "pop\t{r0, r1}")),
        (8, ("push\t{r4, lr}", "pop\t{r4}", "pop\t{r3}", "bx\tr3")),
        (None, ("sub\tsp, r3",)),
        (None, ("blx\tr3",)),
        (None, ("bx\tr3",)),
    ],
)
def test_frames_are_read_from_code(size_bytes, instructions):
    assert frame(*instructions).size_bytes == size_bytes


def test_jumps_to_registers_stay_inside_our_own_tiles():
    assert frame("push\t{r4, lr}", "bx\tr3", "pop\t{r4, pc}", jumps_inside=True).size_bytes == 8


def test_calls_are_read_from_code_and_jumps_inside_are_none():
    found = frame("bl\t9000 <g>", "b.w\t9100 <h>", "beq.n\t8000 <f>", "b.n\t8004 <f+0x4>")
    assert found.calls == {"g", "h"}


def test_the_deepest_path_counts(monkeypatch, tmp_path):
    graph = (
        node("m_run", 24)
        + edge("m_run", "m.c:a")
        + node("m.c:a", 8)
        + edge("m.c:a", "m.c:tile")
        + node("m.c:tile", 0)
        + edge("m_run", "memcpy")
        + edge("m_run", "tcml_layer_done")
        + node("m.c:not_called", 1000)
    )
    tile = code("push\t{r4, r5, lr}", "sub\tsp, #20", "add\tsp, #20", name="tile")
    library = code("push\t{r4, lr}", "pop\t{r4, pc}", name="memcpy").replace("80", "90")
    hook = code("blx\tr3", name="tcml_layer_done").replace("80", "a0")
    assert bound(graph, tile + library + hook, monkeypatch, tmp_path) == 24 + 8 + 32
    # A call that the compiler has written out in line is in no program.
    assert bound(node("m_run", 24) + edge("m_run", "memcpy"), "", monkeypatch, tmp_path) == 24


@pytest.mark.parametrize(
    "graph",
    [
        node("m_run", 8) + edge("m_run", "m_run"),
        node("m_run", 8) + edge("m_run", "m.c:a") + node("m.c:a", 8) + edge("m.c:a", "m_run"),
        node("m_run", 8) + edge("m_run", "__indirect_call"),
        node("m_run", 8, "dynamic"),
        "",
    ],
    ids=["recursion", "mutual", "by pointer", "grows", "nothing"],
)
def test_there_is_no_bound_where_only_the_run_tells(graph, monkeypatch, tmp_path):
    assert bound(graph, "", monkeypatch, tmp_path) is None


@pytest.mark.parametrize("machine", ["mps2-an385", "mps2-an386", "mps3-an547"])
def test_the_painted_stack_is_as_deep_as_the_bound(machine, tmp_path):
    compilation = compile_bytes(NETWORKS["digits"](), "digits", board=machine)
    write_project(tmp_path / "project", generate(compilation))
    built = build_project(
        tmp_path / "project", compilation.board, "qemu", tmp_path / "build", trace=True
    )
    found = built.image.stack_bound_bytes("digits")
    assert found is not None
    with open_device(built.image, compilation.board, on="qemu") as device:
        painted = measure(device, 1).stack_bytes
    glue = (tmp_path / "build" / "harness_model.ci").read_text(encoding="utf-8")
    (run,) = (f for n, f in stack_bound.read_frames(glue).items() if n.endswith(":run"))
    assert painted <= found + run.size_bytes
    # These networks take their deepest path in each run.
    assert found <= painted <= found + MOST_MORE_BYTES
