"""What a memory plan is made for: steps in execution order and the storage they touch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scratch:
    """Working memory of one step, without content before or after it.

    Args:
        name: Unique among all buffers and scratches.
        size_bytes: At least 1; a step without scratch lists none.
        alignment: A power of two.
    """

    name: str
    size_bytes: int
    alignment: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the execution order, usually one operator.

    Nothing is assumed about the order in which a step reads and writes: its reads, writes and
    scratch are all disjoint.

    Args:
        name: For messages.
        reads: Buffers in the arena that it reads; constants and external buffers are not listed.
        writes: Buffers that it writes, each whole.
        scratch: Its working memory.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    scratch: tuple[Scratch, ...] = ()


@dataclass(frozen=True, slots=True)
class Execution:
    """A whole inference, as seen by memory.

    Every buffer is written once: by one step, or by the caller if it is an input. A view (the
    result of a reshape) is never written: the step that would make it is left out, or lists no
    writes.

    Args:
        steps: In execution order.
        size_bytes: Per buffer in the arena, views included.
        inputs: Written by the caller before step 0.
        outputs: Read by the caller after the last step.
        views: View -> the buffer, or view, whose storage it shares from the first byte on.
        alignments: Per buffer, a power of two; 1 where absent.
    """

    steps: tuple[Step, ...]
    size_bytes: Mapping[str, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    views: Mapping[str, str] = field(default_factory=dict)
    alignments: Mapping[str, int] = field(default_factory=dict)
