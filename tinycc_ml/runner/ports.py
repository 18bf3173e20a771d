"""Finds a board's serial port by the USB ids of its debug probe."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tinycc_ml.errors import LinkError
from tinycc_ml.targets import Board

#: What `--port` takes instead of a name.
AUTO = "auto"


def find_port(board: Board) -> str:
    """The name of the one serial port that the board can be at.

    Raises:
        LinkError: If there is none, or more than one.
    """
    ids = board.debug.usb if board.debug else ()
    if not ids:
        raise LinkError(
            f"{board.name}: its USB ids are not known (no [debug] in its file); name the port, "
            f"such as --port /dev/ttyACM0; {_present()}"
        )
    found = [port for port in _ports() if _id(port).startswith(ids)]
    if not found:
        raise LinkError(
            f"{board.name}: no serial port with USB id {' or '.join(ids)}; {_present()}; connect "
            "the board, or name the port with --port"
        )
    if len(found) > 1:
        raise LinkError(
            f"{board.name}: {len(found)} boards are connected: "
            f"{', '.join(map(_describe, found))}; choose one with --port"
        )
    return str(found[0].device)


def _ports() -> list[Any]:
    """Serial ports on USB, by name."""
    # Listing asks the operating system's drivers, through a package without types.
    listed: Any = import_module("serial.tools.list_ports")
    ports = [port for port in listed.comports() if port.vid is not None]
    return sorted(ports, key=lambda port: str(port.device))


def _id(port: Any) -> str:
    return f"{port.vid:04x}:{port.pid or 0:04x}"


def _describe(port: Any) -> str:
    serial = f", {port.serial_number}" if port.serial_number else ""
    return f"{port.device} ({_id(port)}{serial})"


def _present() -> str:
    ports = _ports()
    return f"there are {', '.join(map(_describe, ports))}" if ports else "there is none on USB"
