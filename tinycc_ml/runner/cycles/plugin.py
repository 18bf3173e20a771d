"""Builds the QEMU plugin that counts translation blocks, with the host's C compiler."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tinycc_ml._resources import resource_dir
from tinycc_ml.errors import ToolchainError
from tinycc_ml.runner.qemu import QEMU

HOST_COMPILER = "cc"
_LIMIT_S = 60.0
# QEMU 9.0 refuses plugins of interface version 1; older ones know no other. What we use of it is
# the same in all.
_FIRST_WITH_VERSION_2 = 9


def missing_for_plugins() -> str:
    """What is missing for counting translation blocks, as a sentence; empty if nothing is."""
    if sys.platform == "win32":
        return "QEMU plugins are not built on Windows"
    if shutil.which(HOST_COMPILER) is None:
        return f"no C compiler for this machine ({HOST_COMPILER}): install gcc"
    if shutil.which(QEMU) is None:
        return f"{QEMU} is not installed"
    if "-plugin" not in _output(QEMU, "-help").split():
        return f"this {QEMU} was built without plugins"
    return ""


def build_plugin(folder: Path) -> Path:
    """Compiles the plugin; takes about a tenth of a second.

    Args:
        folder: Where to write.

    Raises:
        ToolchainError: If it cannot be compiled.
    """
    source = resource_dir("firmware_harness") / "qemu" / "block_counts.c"
    library = folder / "block_counts.so"
    unresolved = ("-undefined", "dynamic_lookup") if sys.platform == "darwin" else ()
    command = [
        *(HOST_COMPILER, "-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden"),
        *unresolved,
        f"-DTCML_QEMU_PLUGIN_VERSION={_interface_version()}",
        *(str(source), "-o", str(library)),
    ]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolchainError(f"{HOST_COMPILER}: cannot build the QEMU plugin: {error}") from error
    if done.returncode != 0:
        raise ToolchainError(
            f"{HOST_COMPILER} cannot build the QEMU plugin (exit code {done.returncode})",
            details=done.stderr,
        )
    return library


def _interface_version() -> int:
    found = re.search(r"version (\d+)\.", _output(QEMU, "--version"))
    return 2 if found and int(found.group(1)) >= _FIRST_WITH_VERSION_2 else 1


def _output(*command: str) -> str:
    """What a command prints; empty if it cannot be run."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
