"""Builds a model's C files and the harness into a firmware."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tinycc_ml._resources import resource_dir
from tinycc_ml.errors import BoardError, ToolchainError
from tinycc_ml.runner.elf import SectionSizes, section_sizes
from tinycc_ml.runner.memory_map import memory_script
from tinycc_ml.runner.stack_bound import CALL_GRAPH_FLAG, CALL_GRAPH_SUFFIX, stack_bound
from tinycc_ml.targets import Board, compile_flags, toolchain_of

# Folders of firmware_harness/ that each port is made of; headers are found in them too.
PORT_FOLDERS = {
    "mps2": ("startup", "ports/emulated", "ports/mps2"),
    "mps3": ("startup", "ports/emulated", "ports/mps3"),
    "stm32f7": ("startup", "ports/stm32f7"),
    "virt": ("startup_riscv", "ports/virt"),
    "posix": ("ports/posix",),
}
_COMMON_FLAGS = ("-std=c11", "-g", "-ffunction-sections", "-fdata-sections")
# Armv8-M Baseline is no subset of Armv7-M by its name, so that the linker would refuse the two
# together; what compilers use of it is.
_MIXING, _MIXED = ("cortex-m23",), ("-Wl,--no-warn-mismatch",)
_COMPILE_LIMIT_S = 300.0


@dataclass(frozen=True, slots=True)
class FirmwareImage:
    """A firmware that was built.

    Attributes:
        elf: The program.
        objects: Object file of each model source, by the source's name without suffix.
    """

    elf: Path
    objects: dict[str, Path] = field(default_factory=dict)

    def sizes(self) -> dict[str, SectionSizes]:
        """Section sizes of each model source, by its name without suffix."""
        return {name: section_sizes(path) for name, path in self.objects.items()}

    def stack_bound_bytes(self, model: str) -> int | None:
        """The deepest stack that the model's functions can take; ``None`` if there is no bound.

        Only where the compiler was one for a board; the build folder has to be there still.
        """
        graphs = [path.with_suffix(CALL_GRAPH_SUFFIX) for path in self.objects.values()]
        if not all(path.is_file() for path in graphs):
            return None
        return stack_bound(self.elf, graphs, model)


def build_firmware(
    sources: Sequence[Path],
    include_dirs: Sequence[Path],
    board: Board,
    build_dir: Path,
    *,
    layer_count: int,
    target: Board | None = None,
    extra_flags: Sequence[str] = (),
    optimize: str = "-O2",
    trace: bool = True,
    sections: Path | None = None,
    arena_bytes: int = 0,
    arenas: Mapping[str, str] | None = None,
) -> FirmwareImage:
    """Compiles model sources and harness, and links them.

    Args:
        sources: C files of the model, the glue file that defines `tcml_model` among them.
        include_dirs: Where their headers are.
        board: Whose memories, port and clock the firmware is for; its `firmware` is set. For an
            emulated board the one named by `emulator.firmware_of`.
        build_dir: Where to write; made if it is not there.
        layer_count: Number of layers of the model.
        target: The board that the model is generated for, if it is another one: the model is
            compiled with its flags.
        extra_flags: More compiler flags, after all others.
        optimize: Optimization level.
        trace: Whether the model calls the harness after each layer.
        sections: The model's linker fragment, if it has one.
        arena_bytes: Size of the model's arena, which decides in which memory it lies.
        arenas: As for :func:`tinycc_ml.runner.memory_map.memory_script`.

    Raises:
        BoardError: If there is no port of the harness for the board.
        ToolchainError: If the compiler is missing or fails; its output is in the details.
    """
    if board.firmware is None:
        raise BoardError(f"{board.name}: there is no firmware for this board yet; use --on qemu")
    harness = resource_dir("firmware_harness")
    folders = [harness / f for f in ("src", *PORT_FOLDERS[board.firmware.port])]
    build_dir.mkdir(parents=True, exist_ok=True)
    include_flags = [f"-I{path.resolve()}" for path in (harness / "include", *include_dirs)]
    flags = [
        *_COMMON_FLAGS,
        optimize,
        f"-DTCML_LAYER_COUNT={layer_count}",
        *include_flags,
        *extra_flags,
    ]
    toolchain = toolchain_of(board)
    core_flags = (*compile_flags(target or board), *toolchain.compile_flags)
    model_flags = [*core_flags, *(["-DTCML_TRACE=1"] if trace else [])]
    if toolchain.explains_stack:
        model_flags.append(CALL_GRAPH_FLAG)
    compiler = _compiler(board)
    objects: dict[str, Path] = {}
    for source in sources:
        output = build_dir / f"{source.stem}.o"
        _run(
            [compiler, *model_flags, *flags, "-c", str(source.resolve()), "-o", output.name],
            build_dir,
        )
        objects[source.stem] = output
    if not _has_system(board):
        script = memory_script(board, arena_bytes, arenas)
        (build_dir / "memory.ld").write_text(script, encoding="utf-8")
    elf = build_dir / "firmware.elf"
    _run(
        [
            compiler,
            *harness_flags(board, target or board),
            *flags,
            *board_macros(board),
            *(f"-I{folder}" for folder in folders),
            *(source for folder in folders for source in sorted(folder.glob("*.c"))),
            *(output.name for output in objects.values()),
            *_link_flags(board, harness, build_dir, sections),
            *("-o", elf.name),
        ],
        build_dir,
    )
    return FirmwareImage(elf, objects)


def harness_flags(board: Board, target: Board) -> tuple[str, ...]:
    """The flags that select the core that the harness runs on.

    That is the machine's core, which may be a larger one than the target's: an emulated Cortex-M3
    also runs a Cortex-M0+'s code. But both parts must pass floats in the same way.
    """
    own, models = compile_flags(board), compile_flags(target)
    if _convention(own) != _convention(models):
        return models
    return (*own, *_MIXED) if target.core in _MIXING and board.core not in _MIXING else own


def _convention(flags: Sequence[str]) -> list[str]:
    """What of the flags decides how arguments are passed; soft floats are the default."""
    return [f for f in flags if f.startswith(("-mabi=", "-mfloat-abi="))]


def board_macros(board: Board) -> list[str]:
    """The board's numbers as the harness's C files want them."""
    if board.firmware is None or board.firmware.port == "posix":
        return []
    macros = [f"-DTCML_CLOCK_HZ={board.clock_hz}u", f"-DTCML_BAUD={board.firmware.baud}u"]
    if board.emulator is not None:
        macros.append(f"-DTCML_TIMER_HZ={board.emulator.timer_hz}u")
    return macros


def _has_system(board: Board) -> bool:
    """Whether an operating system loads the program, so that nobody asks for a memory map."""
    return board.firmware is not None and board.firmware.port == "posix"


def _link_flags(board: Board, harness: Path, build_dir: Path, sections: Path | None) -> list[str]:
    flags = toolchain_of(board).link_flags
    if _has_system(board):
        return [*flags, "-lm"]
    # The linker script includes it and memory.ld; the linker looks in its working directory first.
    fragment = sections.read_text(encoding="utf-8") if sections else ""
    (build_dir / "sections.ld").write_text(fragment, encoding="utf-8")
    script = harness / "linker" / "bare_metal.ld"
    return [
        *flags,
        "-Wl,--gc-sections",
        "-Wl,--fatal-warnings",
        "-Wl,-Map=firmware.map",
        *("-T", str(script)),
        "-lm",
    ]


def _compiler(board: Board) -> str:
    toolchain = toolchain_of(board)
    path = shutil.which(toolchain.compiler)
    if path is None:
        raise ToolchainError(
            f"{toolchain.compiler} ({toolchain.name}) is not installed; on Debian and Ubuntu: "
            f"sudo apt-get install {toolchain.debian_package}"
        )
    return path


def _run(command: Sequence[str | Path], folder: Path) -> None:
    """Runs the compiler in the build folder."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            # A compiler that is killed leaves its temporary files; here they go with the folder.
            env={**os.environ, "TMPDIR": str(folder.resolve())},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_COMPILE_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(
            f"{Path(command[0]).name}: not finished within {_COMPILE_LIMIT_S:.0f} s"
        ) from error
    if done.returncode != 0:
        lines = done.stderr.splitlines()
        # The linker says first which memory is too small, and only later that this is an error.
        told = (line for line in lines if "error:" in line.lower() or "overflowed by" in line)
        what = next(told, "it wrote no message")
        raise ToolchainError(
            f"{Path(command[0]).name} failed with exit code {done.returncode}: {what.strip()}",
            details=f"{' '.join(map(str, command))}\n{done.stderr}",
        )
