"""The ten steps from a model file to C, in order, and nothing else.

Each step is a pure function of its inputs, and each result prints as text (``--dump-dir``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from tinycc_ml.emit import (
    ArenaKind,
    EmitOptions,
    Layout,
    Manifest,
    Provenance,
    account,
    emit_project,
    make_layout,
)
from tinycc_ml.errors import DoesNotFitError, OutputError
from tinycc_ml.graph import (
    Graph,
    PassRecord,
    PassReport,
    Watch,
    format_graph,
    run_passes,
    verify_graph,
)
from tinycc_ml.importers import Bindings, import_model
from tinycc_ml.kernels import KernelChoice, Program, format_order, format_program, select
from tinycc_ml.memplan import (
    Io,
    MemoryPlan,
    Optimize,
    Streamed,
    Streaming,
    order_program,
    plan_program,
    ram_curve,
)
from tinycc_ml.ops import LayerGraph, format_layer_graph, integerize
from tinycc_ml.placement import Where, data_bytes, place
from tinycc_ml.quant import Calibration, Progress, Quantized, calibrate, no_progress
from tinycc_ml.regions import Regions, Spread, bytes_in_data_block
from tinycc_ml.targets import Board, features
from tinycc_ml.transforms import SIMPLIFY

Dump = Callable[[str, str], None]

_C_HEADER_NAMES = """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign
    stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar
    wchar wctype
"""
_C_HEADERS = frozenset(_C_HEADER_NAMES.split())


@dataclass(frozen=True, slots=True)
class Compilation:
    """Everything that a compilation found out.

    Attributes:
        board: What it was compiled for.
        imported: The graph as the file has it.
        graph: The simplified graph, still with real scales.
        integers: The graph in integers.
        layers: Kernels and calls, one for each layer.
        program: The same, where consecutive layers run row by row.
        streaming: What of `layers` can run row by row.
        plan: Where values lie.
        layout: The values' C expressions.
        passes: What the graph passes did.
        manifest: The account.
        model_bytes: Size of the model file.
    """

    board: Board
    imported: Graph
    graph: Graph
    integers: LayerGraph
    layers: Program
    program: Program
    streaming: Streaming
    plan: MemoryPlan
    layout: Layout
    passes: PassReport
    manifest: Manifest
    model_bytes: int


def compile_model(
    path: Path,
    board: Board,
    options: EmitOptions | None = None,
    *,
    kernels: KernelChoice = "auto",
    optimize: Optimize = "auto",
    flash_limit: int | None = None,
    hot_code: Where = "flash",
    weights: Where = "flash",
    ram_limit: int | None = None,
    regions: Regions = "auto",
    limits: Mapping[str, int] | None = None,
    bindings: Bindings | None = None,
    calibration: Calibration | None = None,
    name: str | None = None,
    dump: Dump | None = None,
    progress: Progress = no_progress,
) -> Compilation:
    """Steps 2 to 8 and the account; :func:`generate` gives the C.

    Args:
        path: The model file.
        board: Step 1's result.
        options: Choices about the generated code.
        kernels: Which kernels may be chosen.
        optimize: Whether the memory plan may let outputs lie over dying inputs; ``flash``: as
            ``auto``, with small kernels where they are not much slower.
        flash_limit: Bytes of flash for code and constants; by default what the board has, less an
            eighth for the application.
        hot_code: Where kernels run.
        weights: Where constants lie during an inference.
        ram_limit: Bytes for the arena; by default, and only with `auto`, what the board has.
        regions: Whether the arena may lie in several memories.
        limits: Bytes that it may take of regions of the board's data RAM, by their names.
        bindings: Numbers for dimensions that the model file leaves open.
        calibration: How to quantize a float model; it is compiled as it is where there is none.
        name: Prefix of all generated names; the file's stem by default.
        dump: Called with a step's name and its result as text, after each step.
        progress: Told how far calibration is.

    Raises:
        TinyccError: If the model cannot be read or compiled.
    """
    options = options or EmitOptions()
    dump = dump or _no_dump
    # 2. import
    imported = import_model(path, bindings)
    data = path.read_bytes()
    imported = verify_graph(replace(imported, name=project_name(name, imported.name)))
    dump("02_import", format_graph(imported))
    # 3. simplify
    graph, passes = run_passes(imported, SIMPLIFY, _pass_dumper(dump))
    dump("03_simplify", format_graph(graph))
    # 4. quantize, if asked; the quantized graph then takes the place of the file's
    if calibration is not None:
        imported = calibrate(graph, calibration, progress).graph
        graph, passes = run_passes(imported, SIMPLIFY)
        dump("04_quantize", format_graph(graph))
    # 5. integerize
    integers = integerize(graph)
    dump("05_integerize", format_layer_graph(integers))
    # 6. select
    limit = _flash_limit(board) if flash_limit is None else flash_limit
    program = select(integers, features(board), kernels, limit, small=optimize == "flash")
    dump("06_select", format_program(program))
    # 7. order; consecutive layers may run row by row
    layers = order_program(program, options.io)
    # 8. place
    streaming = Streaming(
        layers, integers, features(board), options.io, portable=kernels == "portable"
    )
    state_bytes = sum(layers.types[state.value].size_bytes for state in layers.states)
    spread = Spread(board, options.io, regions, limits or {})
    placing = _Placing(board, options.io, optimize, ram_limit, state_bytes, spread)
    program, plan = _place(layers, streaming, placing)
    dump("07_order", format_order(program))
    dump("08_place", plan.render())
    placement = place(program, board, bytes_in_data_block(plan, board), hot_code, weights)
    if plan.regions:
        placement = replace(placement, arena_memory="")  # each array has its own
    layout = make_layout(program, plan, options.io, dict(graph.types), placement)
    # 10. account; before 9, whose texts quote it
    digest = hashlib.sha256(data).hexdigest()
    provenance = Provenance(path.name, digest, board.name, board.core)
    manifest = account(layout, provenance, options, passes.refusals)
    dump("10_account", manifest.to_json())
    return Compilation(
        board=board,
        imported=imported,
        graph=graph,
        integers=integers,
        layers=layers,
        program=program,
        streaming=streaming,
        plan=plan,
        layout=layout,
        passes=passes,
        manifest=manifest,
        model_bytes=len(data),
    )


def quantize_model(
    path: Path,
    calibration: Calibration,
    bindings: Bindings | None = None,
    progress: Progress = no_progress,
) -> Quantized:
    """Steps 2 to 4.

    Args:
        path: The model file, of floats.
        calibration: Samples and choices.
        bindings: Numbers for dimensions that the model file leaves open.
        progress: Told how far it is.

    Raises:
        TinyccError: If the model cannot be read or quantized, or the samples do not fit it.
    """
    graph, _ = run_passes(verify_graph(import_model(path, bindings)), SIMPLIFY)
    return calibrate(graph, calibration, progress)


def _flash_limit(board: Board) -> int | None:
    return None if board.is_host else board.flash_bytes // 8 * 7


@dataclass(frozen=True, slots=True)
class _Placing:
    """What the memory plan is made for."""

    board: Board
    io: Io
    optimize: Optimize
    ram_limit: int | None
    state_bytes: int
    spread: Spread

    @property
    def limit_bytes(self) -> int | None:
        """For the arena; ``None`` where there is none."""
        if self.ram_limit is not None or self.board.is_host:
            return self.ram_limit
        return ram_block_bytes(self.board) - self.state_bytes

    def exceeds_board(self, plan: MemoryPlan) -> bool:
        """Whether an arena fits the board in no memory as a whole, and no limit was set."""
        limit_bytes = self.limit_bytes if self.ram_limit is None else None
        return limit_bytes is not None and plan.arena_bytes > limit_bytes


def _place(program: Program, streaming: Streaming, placing: _Placing) -> tuple[Program, MemoryPlan]:
    """The memory plan, and the program with the groups that it asks for.

    `auto` gives up one array, then disjoint buffers and whole layers, only where they do not fit.

    Raises:
        DoesNotFitError: If the arena exceeds a limit that the user has set.
    """
    limit_bytes = placing.limit_bytes
    if placing.io == "rows":
        streamed = streaming.fastest()
    else:
        streamed = Streamed(program, plan_program(program, placing.io))
    exceeds = limit_bytes is not None and streamed.plan.arena_bytes > limit_bytes
    if placing.optimize == "ram":
        streamed = streaming.smallest()
    elif placing.optimize == "balanced":
        streamed = streaming.balanced()
    elif limit_bytes is not None and exceeds:
        streamed = _fitting(streamed, streaming, placing, limit_bytes)
    streamed = placing.spread.asked(streamed)
    if placing.exceeds_board(streamed.plan) and not streamed.plan.regions:
        streamed = placing.spread.needed(streamed) or streamed
    arena_bytes = streamed.plan.arena_bytes
    if placing.ram_limit is not None and arena_bytes > placing.ram_limit:
        raise DoesNotFitError(
            f"--ram-limit {placing.ram_limit:,}: the arena takes {arena_bytes:,} bytes with "
            f"--optimize {placing.optimize}, {arena_bytes - placing.ram_limit:,} too many"
        )
    return streamed.program, streamed.plan


def _fitting(
    streamed: Streamed, streaming: Streaming, placing: _Placing, limit_bytes: int
) -> Streamed:
    """In the place of a plan that does not fit: in several memories, else row by row."""
    split = placing.spread.needed(streamed) if placing.ram_limit is None else None
    if split is not None or placing.optimize == "latency":
        return split or streamed
    return streaming.within(limit_bytes)


def curve(compilation: Compilation) -> tuple[Streamed, ...]:
    """The plans of the same kernels from the fastest to the smallest, whichever was chosen."""
    return ram_curve(compilation.layers, compilation.layout.io, compilation.streaming)


def generate(compilation: Compilation) -> dict[str, str]:
    """Step 9, emit: the content of every file of the project, by name."""
    manifest = compilation.manifest
    arena: ArenaKind = "caller" if manifest.arena == "caller" else "static"
    return emit_project(compilation.layout, manifest, EmitOptions(arena, compilation.layout.io))


def fit_problems(compilation: Compilation) -> tuple[str, ...]:
    """By how much the model exceeds which memory of its board; empty when it fits.

    Counts what is known before a build: the arena, the state and the constants. Code (copied code
    too), stack and the application's own data come on top.
    """
    board, manifest = compilation.board, compilation.manifest
    if board.is_host:
        return ()
    problems: list[str] = []
    known = replace(compilation.layout.placement, code_bytes=0)
    arena_bytes = bytes_in_data_block(compilation.plan, board)
    for kind, need, have in (
        (
            "RAM",
            data_bytes(known, board, arena_bytes) + manifest.state_bytes,
            ram_block_bytes(board),
        ),
        ("flash", manifest.weight_bytes, board.flash_bytes),
    ):
        if need > have:
            problems.append(f"{kind}: needs {need:,} bytes, has {have:,}, {need - have:,} too many")
    return tuple(problems)


def check_fits(compilation: Compilation) -> None:
    """Refuses a model that cannot fit its board.

    Raises:
        DoesNotFitError: With the regions and by how much.
    """
    problems = fit_problems(compilation)
    if problems:
        manifest = compilation.manifest
        raise DoesNotFitError(
            f"{manifest.model_file} does not fit {manifest.board}: {'; '.join(problems)}"
        )


def project_name(wanted: str | None, default: str) -> str:
    """The prefix of generated names, which is also the stem of the files.

    Raises:
        OutputError: If the wanted name is no lower-case C identifier.
    """
    if wanted is not None and not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", wanted):
        raise OutputError(
            f"--name {wanted!r}: allowed are lower-case letters, digits and _, at most 48, a "
            "letter first"
        )
    name = wanted or default
    # "string.h" beside the generated code would be found instead of the C library's.
    return f"{name}_model" if name in _C_HEADERS else name


def ram_block_bytes(board: Board) -> int:
    """The longest run of adjacent RAM: the arena is one array."""
    return board.largest_block_bytes("ram", "dtcm")


def _pass_dumper(dump: Dump) -> Watch:
    """Dumps what each pass changed, and its result, numbered as they ran."""
    numbers = count(1)

    def watch(record: PassRecord, graph: Graph) -> None:
        changes = "".join(f"# {change}\n" for change in record.changes)
        dump(f"03_simplify_{next(numbers):02d}_{record.name}", changes + format_graph(graph))

    return watch


def _no_dump(step: str, text: str) -> None:
    """Where nobody wants the steps' texts."""


__all__ = [
    "Compilation",
    "check_fits",
    "compile_model",
    "curve",
    "fit_problems",
    "generate",
    "project_name",
    "quantize_model",
    "ram_block_bytes",
]
