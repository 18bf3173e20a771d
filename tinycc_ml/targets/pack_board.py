"""A board file from what a CMSIS-Pack says of a device."""

from __future__ import annotations

import json
import re

from tinycc_ml.errors import BoardError
from tinycc_ml.targets.complaint import printable
from tinycc_ml.targets.core import CORES
from tinycc_ml.targets.pdsc import PackDevice

_FPU = {"SP_FPU": "sp", "FPU": "sp", "1": "sp", "DP_FPU": "dp", "2": "dp"}
#: Boards whose emulated machine runs a core's code.
_EMULATED_BY = {
    **dict.fromkeys(("cortex-m0", "cortex-m0plus", "cortex-m3"), ("mps2-an385", 25_000_000)),
    "cortex-m4": ("mps2-an386", 25_000_000),
    "cortex-m7": ("mps2-an500", 25_000_000),
    "cortex-m55": ("mps3-an547", 32_000_000),
}
_LONGEST_NAME = 40


def board_text(device: PackDevice, processor: str = "") -> str:
    """The TOML text of a board file.

    Args:
        device: What the pack says.
        processor: The core's name in the pack (``Pname``), where the device has several.

    Raises:
        BoardError: If the device has several cores and none is chosen, or a core, clock or
            memories that a board file cannot tell.
    """
    core, clock_hz, fpu = _core(device, chosen := _processor(device, processor))
    pname = chosen.get("Pname", "")
    memories = [m for m in _memories(device) if m.get("Pname", pname) == pname]
    suffix = f"-{pname}" if processor else ""
    name = re.sub(r"[^a-z0-9]+", "-", f"{device.name}{suffix}".lower()).strip("-")[:_LONGEST_NAME]
    lines = [
        f"# From the CMSIS-Pack {printable(device.pack)}. A pack tells neither wait states nor",
        "# caches: with those of the data sheet (docs/boards.md), estimates and --hot-code auto",
        "# become better.",
        f"name = {_text(name)}",
        f"title = {_text(device.name + suffix)}",
        f"vendor = {_text(device.vendor or 'unknown')}",
        f"core = {_text(core)}",
        f"fpu = {_text(fpu)}",
        f"clock_hz = {clock_hz}",
        *_memory_lines(device, memories),
        *_emulator_lines(core),
        *_source_lines(device),
    ]
    return "\n".join(lines) + "\n"


def _processor(device: PackDevice, wanted: str) -> dict[str, str]:
    names = [p.get("Pname", "") for p in device.processors]
    found = [p for p, name in zip(device.processors, names, strict=True) if name == wanted]
    if not wanted and len(device.processors) == 1:
        return device.processors[0]
    if len(found) == 1:
        return found[0]
    if not device.processors:
        raise BoardError(f"{printable(device.name)}: the pack names no core for this device")
    choices = ", ".join(printable(f"{device.name}:{name}") for name in names)
    raise BoardError(f"{printable(device.name)}: has several cores; choose one: {choices}")


def _core(device: PackDevice, processor: dict[str, str]) -> tuple[str, int, str]:
    """The core, its clock and its floating-point unit."""
    where = printable(device.name)
    told = processor.get("Dcore", "")
    core = told.lower().replace("+", "plus")
    if core not in CORES or core == "host":
        allowed = ", ".join(name for name in CORES if name.startswith("cortex-m"))
        raise BoardError(f"{where}: core {printable(told)!r} is not known; allowed {allowed}")
    fpu = _FPU.get(processor.get("Dfpu", "").upper(), "none")
    if core in ("cortex-m55", "cortex-m85") and processor.get("Dmve", "") == "NO_MVE":
        core = "cortex-m33"  # what such a core is without its vectors
    kinds = CORES[core].fpu_flags
    if fpu not in kinds:
        fpu = next((kind for kind in ("sp", "dp") if kind in kinds), "none")
    clock_hz = _number(processor.get("Dclock", ""))
    if not clock_hz:
        raise BoardError(f"{where}: the pack tells no clock (Dclock) for this device")
    return core, clock_hz, fpu


def _number(text: str) -> int:
    """A decimal or hexadecimal number; 0 if it is none."""
    try:
        return int(text.strip(), 0) if len(text) <= 20 else 0
    except ValueError:
        return 0


def _memories(device: PackDevice) -> list[dict[str, str]]:
    """Memories that are not another one's second address: the default ones, if that is enough."""
    own = [m for m in device.memories if "alias" not in m]
    default = [m for m in own if m.get("default") in ("1", "true")]
    enough = {_kind(m) != "flash" for m in default} == {True, False}
    return default if enough else own


def _kind(memory: dict[str, str]) -> str:
    name = _name(memory).upper()
    if "ITCM" in name:
        return "itcm" if "w" in memory.get("access", "") else "flash"
    if "DTCM" in name:
        return "dtcm"
    is_ram = "w" in memory["access"] if "access" in memory else "RAM" in name
    return "ram" if is_ram else "flash"


def _name(memory: dict[str, str]) -> str:
    return memory.get("name") or memory.get("id") or "MEMORY"


def _memory_lines(device: PackDevice, memories: list[dict[str, str]]) -> list[str]:
    lines: list[str] = []
    names: set[str] = set()
    for memory in memories:
        name = re.sub(r"[^A-Z0-9_]", "_", _name(memory).upper())[:16]
        name = name if name[:1].isalpha() else f"M_{name}"
        while name in names:
            name += "_"
        names.add(name)
        size = _number(memory.get("size", ""))
        if not size:
            raise BoardError(f"{printable(device.name)}: memory {name} has no size in the pack")
        lines += [
            "",
            "[[memories]]",
            f"name = {_text(name)}",
            f"kind = {_text(_kind(memory))}",
            f"origin = {_number(memory.get('start', '')):#010x}",
            f"size_bytes = {size}",
        ]
    return lines


def _emulator_lines(core: str) -> list[str]:
    if core not in _EMULATED_BY:
        return []
    machine, timer_hz = _EMULATED_BY[core]
    return [
        "",
        "[emulator]",
        f"machine = {_text(machine)}",
        f"firmware_of = {_text(machine)}",
        f"timer_hz = {timer_hz}",
    ]


def _source_lines(device: PackDevice) -> list[str]:
    document = _text(f"CMSIS-Pack {device.pack}, device {device.name}")
    return [
        line
        for field in ("clock_hz", "fpu", "memories")
        for line in ("", "[[sources]]", f"field = {_text(field)}", f"document = {document}")
    ]


def _text(value: str) -> str:
    """A TOML string; JSON's escapes are TOML's too."""
    return json.dumps(printable(value), ensure_ascii=False)
