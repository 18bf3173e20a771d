"""What a memory plan is made for: steps in execution order and the storage they touch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tinycc_ml.errors import InternalError
from tinycc_ml.ops import Pattern


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
class OrderedRead:
    """A read whose order is known.

    Args:
        name: The buffer, one of the step's reads.
        pattern: Which elements which turn reads.
        element_bytes: Size of an element.
    """

    name: str
    pattern: Pattern
    element_bytes: int


@dataclass(frozen=True, slots=True)
class WriteOrder:
    """The order in which a step writes its only output, and what it still reads by then.

    The step runs in turns. Turn ``t`` writes the bytes ``[t*k, (t+1)*k)`` of the output, with
    ``k = turn_bytes``; turns run in ascending order. There is no descending execution.

    Args:
        turns: How many; ``turns * turn_bytes`` is the output's size.
        turn_bytes: What one turn writes.
        reads: The reads whose order is known. Any other may happen at any time.
        reads_first: Whether a turn reads all that it needs before it writes.
        pixel_bytes: Where not 0, a turn reads the bytes ``i`` of all pixels of so many bytes before
            it writes the byte ``i`` of any, in all of `reads` and in the output.
    """

    turns: int
    turn_bytes: int
    reads: tuple[OrderedRead, ...]
    reads_first: bool = False
    pixel_bytes: int = 0


@dataclass(frozen=True, slots=True)
class KeptState:
    """Storage beside the arena that keeps its content from one inference to the next.

    Args:
        value: The buffer that it holds when an inference begins.
        renewed: The buffer that it holds when the inference ends: `value` of the next one.
        size_bytes: Of both.
        alignment: A power of two.
    """

    value: str
    renewed: str
    size_bytes: int
    alignment: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the execution order, usually one operator.

    Without an order nothing is assumed about when a step reads and writes: its reads, writes and
    scratch are all disjoint. With one, the output may lie over inputs that die in this step.

    Args:
        name: For messages.
        reads: Buffers in the arena that it reads; constants and external buffers are not listed.
        writes: Buffers that it writes, each whole.
        scratch: Its working memory.
        order: Of its writes and reads; only for steps with exactly one write.
        state_reads: Buffers in the state area that it reads.
        state_writes: Buffers in the state area that it writes, each whole. A step that reads what
            it overwrites does so in an order of its own.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    scratch: tuple[Scratch, ...] = ()
    order: WriteOrder | None = None
    state_reads: tuple[str, ...] = ()
    state_writes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.order is not None and len(self.writes) != 1:
            raise InternalError(
                f"step {self.name}: an order of writes for {len(self.writes)} outputs; allowed is 1"
            )


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
        states: What lies in the state area; none of it is listed elsewhere here.
    """

    steps: tuple[Step, ...]
    size_bytes: Mapping[str, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    views: Mapping[str, str] = field(default_factory=dict)
    alignments: Mapping[str, int] = field(default_factory=dict)
    states: tuple[KeptState, ...] = ()
