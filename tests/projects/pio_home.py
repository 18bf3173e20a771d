"""A PlatformIO home without a network: stand-ins for the packages that it would fetch.

What they say of themselves (names, versions, owner) is what the official packages say, so that a
project's `platformio.ini` is used as it is.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

#: The version that PlatformIO 6.2 asks for, and the SCons that it stands for.
SCONS_PACKAGE, SCONS = "4.41101.0", "4.11.1"

_SCONS_PY = """import os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import SCons.Script
SCons.Script.main()
"""

_NATIVE = """from SCons.Script import AlwaysBuild, Default, DefaultEnvironment
env = DefaultEnvironment()
Default([env.BuildProgram()])
"""

# What matters of the official builder: the compiler, -Os, flags of the core for compiler and
# linker, the linker script, and that build_flags do not reach the linker.
_STSTM32 = """from SCons.Script import AlwaysBuild, Default, DefaultEnvironment
env = DefaultEnvironment()
board = env.BoardConfig()
tool = "arm-none-eabi-"
env.Replace(
    AR=tool + "gcc-ar", AS=tool + "as", CC=tool + "gcc", CXX=tool + "g++", PROGNAME="firmware",
    RANLIB=tool + "gcc-ranlib", SIZETOOL=tool + "size", PROGSUFFIX=".elf",
)
core = ["-mthumb", "-mcpu=" + board.get("build.cpu")]
env.Append(
    ASFLAGS=core, CCFLAGS=["-Os", "-ffunction-sections", "-fdata-sections", "-Wall"] + core,
    LINKFLAGS=["-Os", "-Wl,--gc-sections,--relax"] + core, LIBS=["c", "gcc", "m", "stdc++"],
)
env.Replace(LDSCRIPT_PATH=board.get("build.ldscript"))
program = env.BuildProgram()
if env.subst("$UPLOAD_PROTOCOL") == "custom":
    env.Replace(UPLOADCMD=env.GetProjectOption("upload_command"))
AlwaysBuild(env.Alias("upload", program, env.VerboseAction("$UPLOADCMD", "Uploading")))
AlwaysBuild(env.Alias("checkprogsize", program))
Default([program])
"""

_NUCLEO = {
    "build": {"cpu": "cortex-m7", "f_cpu": "216000000L", "mcu": "stm32f746zgt6"},
    "frameworks": ["arduino", "stm32cube"],
    "name": "ST Nucleo F746ZG",
    "upload": {"maximum_ram_size": 327680, "maximum_size": 1048576, "protocol": "stlink"},
    "url": "",
    "vendor": "ST",
}


def make_home(home: Path, scons_wheel: Path) -> None:
    """Fills a `PLATFORMIO_CORE_DIR`; the compiler is the one on the PATH."""
    scons = _package(home, "tool-scons", SCONS_PACKAGE)
    zipfile.ZipFile(scons_wheel).extractall(scons)
    (scons / "scons.py").write_text(_SCONS_PY)
    tools = _package(home, "toolchain-gccarmnoneeabi", "1.70201.0") / "bin"
    tools.mkdir()
    for path in Path("/usr/bin").glob("arm-none-eabi-*"):
        (tools / path.name).symlink_to(path)
    _platform(home, "native", "1.2.1", _NATIVE, {})
    compiler = {"type": "toolchain", "owner": "platformio", "version": ">=1.60301.0,<1.80000.0"}
    packages = {"toolchain-gccarmnoneeabi": compiler}
    boards = _platform(home, "ststm32", "19.6.0", _STSTM32, packages) / "boards"
    (boards / "nucleo_f746zg.json").write_text(json.dumps(_NUCLEO))


def _package(home: Path, name: str, version: str) -> Path:
    folder = home / "packages" / name
    _describe(folder, "tool", name, version)
    (folder / "package.json").write_text(json.dumps({"name": name, "version": version}))
    return folder


def _platform(home: Path, name: str, version: str, builder: str, packages: Any) -> Path:
    folder = home / "platforms" / name
    _describe(folder, "platform", name, version)
    data = {"name": name, "title": name, "description": name, "version": version}
    (folder / "platform.json").write_text(json.dumps({**data, "packages": packages}))
    for part in ("boards", "builder"):
        (folder / part).mkdir()
    (folder / "builder" / "main.py").write_text(builder)
    return folder


def _describe(folder: Path, kind: str, name: str, version: str) -> None:
    folder.mkdir(parents=True)
    spec = {"owner": "platformio", "id": None, "name": name, "requirements": None, "uri": None}
    data = {"type": kind, "name": name, "version": version, "spec": spec}
    (folder / ".piopm").write_text(json.dumps(data))
