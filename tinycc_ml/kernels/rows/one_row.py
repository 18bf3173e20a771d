"""Row kernels from kernels of whole layers: those of a layer that has a single row.

Where rows lie together, a block of them is as good as one long row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinycc_ml.graph import Constant, TensorType
from tinycc_ml.kernels.base import KernelDef
from tinycc_ml.kernels.rows.accesses import redirect
from tinycc_ml.kernels.rows.base import ROW, RowKernel, RowLoops
from tinycc_ml.kernels.rows.timing import RowReads
from tinycc_ml.loopir import Affine, LoopKernel, Role, affine
from tinycc_ml.ops import Access, Elementwise, Window, Workload
from tinycc_ml.ops.access import Pattern

#: For guards, slots and calls in a turn.
CYCLES_PER_ROW = 40


class OneRow(RowKernel):
    """Row ``y`` of the output reads row ``y`` of every input, and all inputs have the same rows."""

    def __init__(self, definition: KernelDef, block: int = 1) -> None:
        self.definition = definition
        self.block = block
        self.op = definition.op  # type: ignore[misc]
        self.name = definition.name  # type: ignore[misc]
        self.requires = definition.requires  # type: ignore[misc]
        self.dtype = definition.dtype  # type: ignore[misc]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        problem = rows_problem(workload) or block_problem(workload, self.block)
        return problem or self.definition.accepts(one_row(workload, self.block), constants)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> RowLoops:
        """See the base class."""
        kernel = self.definition.build(one_row(workload, self.block), constants)
        loops = by_row(kernel.loops, workload, self.block)
        return replace(loops, in_place=_in_place(kernel.access))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        turns = workload.operand("output").shape[1] // self.block
        return turns * (self.definition.cycles(one_row(workload, self.block)) + CYCLES_PER_ROW)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        return self.definition.pack(one_row(workload, self.block), constants)


def _in_place(access: Access) -> tuple[str, ...]:
    """The roles whose every step reads but what it writes over, and reads that first."""
    step = access.step_elements
    return tuple(r for r, pattern in access.inputs if access.reads_first and _same(pattern, step))


def _same(pattern: Pattern, step: int) -> bool:
    """Whether step ``t`` reads the elements ``[t*step, (t+1)*step)`` only."""
    match pattern:
        case Elementwise(size):
            return size == step
        case Window((_, width, channels), out_width, (1, 1), (1, 1), _, (0, 0)):
            return (width, channels) == (out_width, step)
        case _:
            return False


def is_image(type_: TensorType) -> bool:
    """Whether a value is one NHWC image with several rows."""
    return len(type_.shape) == 4 and type_.shape[0] == 1 and type_.shape[1] > 1


def rows_problem(workload: Workload) -> str | None:
    """Why inputs and output do not have the same rows, or ``None``."""
    types = [type_ for _, type_ in (*workload.inputs, *workload.outputs)]
    if not all(map(is_image, types)) or len({type_.shape[1] for type_ in types}) > 1:
        return "inputs and output do not have the same rows"
    return None


def block_problem(workload: Workload, block: int) -> str | None:
    """Why the output is not made up of blocks of so many rows, or ``None``."""
    rows = workload.operand("output").shape[1]
    return f"{rows} rows are no blocks of {block}" if rows % block else None


def one_row(workload: Workload, rows: int = 1) -> Workload:
    """The workload of a single row, or of some rows as a single one."""

    def first(operands: tuple[tuple[str, TensorType], ...]) -> tuple[tuple[str, TensorType], ...]:
        return tuple(
            (r, replace(t, shape=(1, 1, rows * t.shape[2], t.shape[3]))) for r, t in operands
        )

    return replace(workload, inputs=first(workload.inputs), outputs=first(workload.outputs))


def by_row(kernel: LoopKernel, workload: Workload, block: int = 1) -> RowLoops:
    """The loops over all rows, from the kernel of one, or of a block.

    Args:
        kernel: Of :func:`one_row` of the workload; its inputs and outputs are dense.
        workload: The whole layer.
        block: Rows that the kernel computes.
    """
    rows = workload.operand("output").shape[1]
    tensors = (Role.INPUT, Role.OUTPUT)

    def to(name: str, indices: tuple[Affine, ...]) -> tuple[str, tuple[Affine, ...]]:
        buffer = kernel.buffer(name)
        if buffer.role not in tensors:
            return name, indices
        return name, (affine(ROW) * block, buffer.flatten(indices))

    return RowLoops(
        tuple(
            replace(b, shape=(rows, b.elements // block)) if b.role in tensors else b
            for b in kernel.buffers
        ),
        rows // block,
        tuple((role, RowReads(block, 0, block, block)) for role, _ in workload.inputs),
        redirect(kernel.body, to),
        block=block,
    )
