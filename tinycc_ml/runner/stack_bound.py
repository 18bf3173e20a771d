"""The deepest stack that calling a model can take, from the compiler's account and its calls.

GCC writes what each function keeps on the stack, and whom it calls (``-fcallgraph-info=su``). What
it does not know is read from the linked program: kernels that are assembly throughout, whose frame
GCC takes for empty, and functions of the C library. There, instructions that move the stack pointer
are followed from the first to the last; after a return inside, the whole frame is taken to be in
use again. That is more than there may be, never less, as long as loops leave the stack as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tinycc_ml.runner.cycles.disassembly import Disassembly, Located, disassemble

#: What the compiler is told, and the suffix of the file that it then writes beside the object.
CALL_GRAPH_FLAG, CALL_GRAPH_SUFFIX = "-fcallgraph-info=su", ".ci"
#: The harness's hook after each layer; no part of the model.
_HOOK = "tcml_layer_done"

_NODE = re.compile(r'^node: { title: "([^"]+)" label: "[^"]*?\\n(\d+) bytes \(([a-z,]+)\)')
_EDGE = re.compile(r'^edge: { sourcename: "([^"]+)" targetname: "([^"]+)"')
_TARGET = re.compile(r"<([^>+]+)(\+0x[0-9a-f]+)?>")
_MOVED = re.compile(r"sp, (?:sp, )?#(\d+)$")
_INDEXED = re.compile(r"\[sp(?:, #(-\d+)\]!|\], #(\d+))")


@dataclass(frozen=True, slots=True)
class Frame:
    """What a function needs of the stack.

    Attributes:
        size_bytes: Its own; ``None`` if that is not known when it is compiled.
        calls: The functions that it calls.
    """

    size_bytes: int | None
    calls: frozenset[str]


def stack_bound(elf: Path, call_graphs: Iterable[Path], model: str) -> int | None:
    """The deepest stack below any of a model's functions for the application, in bytes.

    Args:
        elf: The linked program.
        call_graphs: What the compiler wrote for each of the model's sources.
        model: The source that the application calls, without suffix.

    Returns:
        ``None`` where there is no bound: recursion, calls by pointer, frames that grow.

    Raises:
        ToolchainError: If the program cannot be disassembled.
    """
    frames: dict[str, Frame] = {}
    for path in call_graphs:
        frames |= read_frames(path.read_text(encoding="utf-8"))
    # Functions of one file only have its name before theirs.
    public = [name for name in frames if ":" not in name and name.startswith(f"{model}_")]
    depths = _Depths(frames, disassemble(elf))
    bounds = [depths.below(name, ()) for name in public]
    return max((b for b in bounds if b is not None), default=None) if None not in bounds else None


def read_frames(text: str) -> dict[str, Frame]:
    """The functions that a file defines, from what GCC wrote of them."""
    sizes: dict[str, int | None] = {}
    calls: dict[str, set[str]] = {}
    for line in text.splitlines():
        node, edge = _NODE.match(line), _EDGE.match(line)
        if node:
            name, size, kind = node.groups()
            sizes[name] = None if kind == "dynamic" else int(size)
        elif edge:
            calls.setdefault(edge.group(1), set()).add(edge.group(2))
    return {name: Frame(size, frozenset(calls.get(name, ()))) for name, size in sizes.items()}


class _Depths:
    def __init__(self, frames: Mapping[str, Frame], program: Disassembly) -> None:
        self._frames = frames
        self._code: dict[str, list[Located]] = {}
        for _, located in sorted(program.code.items()):
            self._code.setdefault(located.function, []).append(located)
        self._known: dict[str, int | None] = {}

    def below(self, name: str, callers: tuple[str, ...]) -> int | None:
        """The deepest stack of a function and what it calls."""
        if name in callers:
            return None
        if name not in self._known:
            frame = self._frame(name)
            inner = [self.below(c, (*callers, name)) for c in sorted(frame.calls) if c != _HOOK]
            depths = [depth for depth in inner if depth is not None]
            self._known[name] = (
                None
                if frame.size_bytes is None or len(depths) < len(inner)
                else frame.size_bytes + max(depths, default=0)
            )
        return self._known[name]

    def _frame(self, name: str) -> Frame:
        frame = self._frames.get(name)
        code = self._code.get(name.rpartition(":")[2])
        if frame is not None and (frame.size_bytes != 0 or code is None):
            return frame
        if code is None:
            # A call by pointer; else the compiler has written the function out in its caller.
            return Frame(None if name == "__indirect_call" else 0, frozenset())
        read = frame_of_code(code, jumps_inside=frame is not None)
        return read if frame is None else Frame(read.size_bytes, frame.calls | read.calls)


def frame_of_code(code: Iterable[Located], *, jumps_inside: bool = False) -> Frame:
    """What a function needs, from its instructions.

    Args:
        code: In order of addresses.
        jumps_inside: Whether jumps to an address in a register stay in it, as in our own tiles.
    """
    depth = deepest = 0
    popped: tuple[str, ...] = ()
    calls: set[str] = set()
    for located in code:
        instruction = located.instruction
        name, operands = instruction.name, instruction.operands
        target = _TARGET.search(operands)
        if name in ("b", "bl") and target and not target.group(2):
            calls |= {target.group(1)} - {located.function}
        is_return = operands.strip() in ("lr", *popped)
        if name == "blx" or (name == "bx" and not is_return and not jumps_inside):
            return Frame(None, frozenset())
        popped = instruction.listed if name == "pop" else ()
        moved = _moved_bytes(name, operands, instruction.listed)
        if moved is None:
            return Frame(None, frozenset())
        depth += moved
        deepest = max(deepest, depth)
        if name == "bx" or (name in ("pop", "ldm", "ldmia") and "pc" in operands):
            depth = deepest
    return Frame(deepest, frozenset(calls))


def _moved_bytes(name: str, operands: str, listed: tuple[str, ...]) -> int | None:
    """By how much an instruction lowers the stack pointer; ``None`` if only the run tells."""
    indexed = _INDEXED.search(operands)
    if indexed:
        before, after = indexed.groups()
        return -int(before) if before else -int(after)
    if name in ("push", "vpush", "pop", "vpop") or operands.startswith("sp!"):
        size_bytes = sum(8 if register.startswith("d") else 4 for register in listed)
        return size_bytes if name in ("push", "vpush", "stmdb", "vstmdb") else -size_bytes
    if name not in ("sub", "add", "subw", "addw") or not operands.startswith("sp"):
        return 0
    constant = _MOVED.match(operands.strip())
    if constant is None:
        return None
    return int(constant.group(1)) * (1 if name.startswith("sub") else -1)
