"""Looks for everything tinycc-ml can use on this machine, and says how to get what is missing."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module, metadata

from tinycc_ml.runner.cycles import missing_for_plugins

TIME_LIMIT_S = 10.0

_APT = "Debian/Ubuntu: sudo apt-get install "
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for.

    Attributes:
        name: The thing.
        purpose: What it is for.
        found: Whether it is here and works.
        version: Its version, empty if it has none or is missing.
        path: Where it is, empty if missing.
        required_for: The commands that cannot do without it.
        how_to_get: What to do if it is missing.
    """

    name: str
    purpose: str
    found: bool
    version: str
    path: str
    required_for: str
    how_to_get: str


@dataclass(frozen=True, slots=True)
class _Tool:
    command: str
    purpose: str
    required_for: str
    package: str


_TOOLS = (
    _Tool("cc", "compiles for the host", "run, validate, bench --on host; make test", "gcc"),
    _Tool(
        "qemu-system-arm",
        "emulates Cortex-M boards",
        "run, validate, bench --on qemu; make demo",
        "qemu-system-arm",
    ),
    _Tool(
        "riscv64-unknown-elf-gcc",
        "compiles for RISC-V boards",
        "run, validate, bench of a RISC-V board --on qemu; make test",
        "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    ),
    _Tool(
        "qemu-system-riscv64",
        "emulates RISC-V boards (as qemu-system-riscv32 does)",
        "run, validate, bench of a RISC-V board --on qemu; make test",
        "qemu-system-misc",
    ),
    _Tool(
        "aarch64-linux-gnu-gcc",
        "compiles for 64-bit Arm computers",
        "run, validate, bench of linux-aarch64 and the Raspberry Pis --on qemu; make test",
        "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    ),
    _Tool(
        "qemu-aarch64",
        "runs programs of 64-bit Arm computers",
        "run, validate, bench of linux-aarch64 and the Raspberry Pis --on qemu; make test",
        "qemu-user",
    ),
    _Tool("clang", "second compiler that generated C must please", "make test", "clang"),
    _Tool("clang-format", "checks how generated C is laid out", "make test", "clang-format"),
    _Tool("cppcheck", "analyses generated C", "make test", "cppcheck"),
)


def examine() -> tuple[Check, ...]:
    """Looks for every tool, package and port. Never raises, and waits for no tool for long."""
    return (
        _python(),
        _tool(
            _Tool(
                "arm-none-eabi-gcc",
                "compiles for Cortex-M boards",
                "run, validate, bench on a board or --on qemu; make demo",
                "gcc-arm-none-eabi",
            )
        ),
        _newlib(),
        *(_tool(tool) for tool in _TOOLS),
        _plugins(),
        _package(
            "tflite-micro",
            "the reference that `validate` compares with (else the built-in one)",
            "make test",
            "pip install 'tinycc-ml[reference]' (Linux x86-64; only some Python versions)",
        ),
        _package(
            "pyserial",
            "talks to boards and emulators",
            "run, validate, bench on a board or --on qemu",
            "pip install pyserial",
        ),
        _ports(),
    )


def _python() -> Check:
    return Check(
        name="python",
        purpose="runs tinycc-ml",
        found=sys.version_info >= (3, 10),
        version=platform.python_version(),
        path=sys.executable or "",
        required_for="everything (3.10 or newer)",
        how_to_get=_APT + "python3 python3-venv",
    )


def _tool(tool: _Tool) -> Check:
    path = shutil.which(tool.command) or ""
    output = _output([path, "--version"]) if path else None
    return Check(
        name=tool.command,
        purpose=tool.purpose,
        found=output is not None,
        version=_version(output),
        path=path,
        required_for=tool.required_for,
        how_to_get=_APT + tool.package,
    )


def _newlib() -> Check:
    compiler = shutil.which("arm-none-eabi-gcc")
    output = None
    if compiler:
        # -dD keeps both the version macro and the line markers that name the header's path.
        command = [compiler, "-E", "-dD", "-x", "c", "-"]
        output = _output(command, "#include <string.h>\n#include <newlib.h>\n")
    version = re.search(r'#define _NEWLIB_VERSION "([^"]*)"', output or "")
    header = re.search(r'^# \d+ "([^"\n]*newlib\.h)"', output or "", re.MULTILINE)
    return Check(
        name="newlib",
        purpose="C library headers for Cortex-M (string.h, stdint.h)",
        found=output is not None,
        version=version.group(1) if version else "",
        path=header.group(1) if header else "",
        required_for="run, validate, bench on a board or --on qemu; make demo",
        how_to_get=_APT + "libnewlib-arm-none-eabi",
    )


def _plugins() -> Check:
    missing = missing_for_plugins()
    return Check(
        name="cycle estimates",
        purpose="a QEMU plugin, built when it is needed, counts what is executed",
        found=not missing,
        version="",
        path="",
        required_for="the cycles that bench --on qemu estimates",
        how_to_get=missing or _APT + "gcc qemu-system-arm",
    )


def _package(name: str, purpose: str, required_for: str, how_to_get: str) -> Check:
    version = path = ""
    # A broken installation can raise anything while its metadata is read.
    try:
        distribution = metadata.distribution(name)
        version, path = distribution.version, str(distribution.locate_file(""))
    except Exception:
        version = ""
    return Check(name, purpose, bool(version), version, path, required_for, how_to_get)


def _ports() -> Check:
    names: list[str] = []
    # Listing ports asks the operating system and drivers, which may refuse in many ways.
    try:
        list_ports = import_module("serial.tools.list_ports")
        names = sorted(str(port.device) for port in list_ports.comports())
    except Exception:
        names = []
    return Check(
        name="serial ports",
        purpose="reach a board",
        found=bool(names),
        version="",
        path=", ".join(names),
        required_for="run, validate, bench --on serial",
        how_to_get="connect a board by USB; on Linux your user must be in the group dialout",
    )


def _output(command: list[str], given: str = "") -> str | None:
    """What a command prints, or None if it cannot be run, fails or takes too long."""
    try:
        result = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return result.stdout if result.returncode == 0 else None


def _version(output: str | None) -> str:
    lines = (output or "").splitlines()
    # "arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1 20221205": the bracket is the packager's own.
    first = re.sub(r"\([^)]*\)", "", lines[0]) if lines else ""
    match = _VERSION.search(first)
    return match.group(0) if match else ""
