"""Opens a device wherever it is: on this computer, in QEMU, or at a serial port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from tinycc_ml.errors import BoardError, LinkError, ToolchainError
from tinycc_ml.runner.device import Device
from tinycc_ml.runner.exchange import Timing
from tinycc_ml.runner.firmware import FirmwareImage
from tinycc_ml.runner.host_process import running_program
from tinycc_ml.runner.link import open_link
from tinycc_ml.runner.process import ChildProcess
from tinycc_ml.runner.qemu import running_qemu
from tinycc_ml.targets import Board

Place = Literal["host", "qemu", "serial"]

# An emulator has to start first, on a computer that may be busy with other tests.
_EMULATOR_START_S = 20.0


@contextmanager
def open_device(
    image: FirmwareImage | None,
    board: Board,
    on: Place = "qemu",
    port: str | None = None,
    *,
    timing: Timing | None = None,
    plugin: str = "",
) -> Iterator[Device]:
    """Starts what has to be started, opens a session, and ends both afterwards.

    Args:
        image: The firmware; ``None`` for a serial port, whose board has it already.
        board: The board: for `qemu` its `emulator`, for `serial` its `firmware.baud`.
        on: Where to run.
        port: For `serial`: `/dev/tty...`, `COM...` or a pyserial URL.
        timing: Time limits.
        plugin: For `qemu`: what to pass to its option `-plugin`, if anything.

    Raises:
        BoardError: If the board cannot be run in this way.
        ToolchainError: If the emulator or program is missing, or ends while it is in use.
        LinkError: If the device does not answer.
        DeviceFaultError: If the firmware faults.
    """
    with ExitStack() as stack:
        child: ChildProcess | None = None
        baud = 115200
        if on == "serial":
            url, name = _serial_port(board, port), f"serial port {port}"
            baud = board.firmware.baud if board.firmware else baud
        elif image is None:
            raise BoardError(f"{board.name}: nothing was built to run on {on}")
        elif on == "qemu":
            if board.emulator is None:
                raise BoardError(
                    f"{board.name}: QEMU cannot run this board's code; use --on serial"
                )
            run = running_program if board.emulator.is_program else running_qemu
            child, url = stack.enter_context(run(image.elf, board.emulator, plugin))
            name = child.name
        else:
            child, url = stack.enter_context(running_program(image.elf))
            name = child.name
        try:
            link = stack.enter_context(open_link(url, baud, name=name))
            device = Device(link, timing)
            device.identify(limit_s=None if child is None else _EMULATOR_START_S)
            yield device
        except LinkError as error:
            _blame_process(child, error)
            raise


def _serial_port(board: Board, port: str | None) -> str:
    if port is None:
        raise LinkError(f"{board.name}: no serial port given; use --port, such as /dev/ttyACM0")
    if board.firmware is None:
        raise BoardError(f"{board.name}: there is no firmware for this board yet; use --on qemu")
    return port


def _blame_process(child: ChildProcess | None, error: LinkError) -> None:
    """If the program has died, says so instead of "no answer"."""
    if child is not None:
        try:
            child.check()
        except ToolchainError as cause:
            raise cause from error
