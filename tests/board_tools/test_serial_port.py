"""A board at a serial port: a pseudo terminal, with the harness as a host program behind it."""

from __future__ import annotations

import os
import pty
import select
import socket
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from tests.cli.command import DIGITS, DIGITS_DATA, Cli
from tinycc_ml.cli.device import build
from tinycc_ml.compiler import compile_model
from tinycc_ml.errors import LinkError
from tinycc_ml.runner import find_port
from tinycc_ml.runner.host_process import running_program
from tinycc_ml.targets import load_board

ST, OTHER = 0x0483, 0x1A86


def usb(device: str, vendor: int | None, product: int = 0x374B) -> ListPortInfo:
    port = ListPortInfo(device)
    port.vid, port.pid = vendor, product if vendor is not None else None
    return port


@pytest.fixture
def ports(monkeypatch) -> list[ListPortInfo]:
    found: list[ListPortInfo] = [usb("/dev/ttyS0", None)]
    monkeypatch.setattr(list_ports, "comports", lambda: found)
    return found


@contextmanager
def terminal(url: str) -> Iterator[str]:
    """The name of a pseudo terminal whose other end is a TCP socket."""
    host, _, port = url.removeprefix("socket://").rpartition(":")
    master, slave = pty.openpty()
    tty.setraw(slave)
    wake, stop = os.pipe()
    with socket.create_connection((host, int(port))) as line:

        def relay() -> None:
            while True:
                ready, _, _ = select.select([master, line, wake], [], [])
                if wake in ready:
                    return
                if master in ready:
                    line.sendall(os.read(master, 4096))
                if line in ready:
                    data = line.recv(4096)
                    if not data:
                        return
                    os.write(master, data)

        thread = threading.Thread(target=relay)
        thread.start()
        try:
            yield os.ttyname(slave)
        finally:
            os.write(stop, b"x")
            thread.join()
            for descriptor in (master, slave, wake, stop):
                os.close(descriptor)


@pytest.fixture(scope="module")
def board_at_a_terminal(tmp_path_factory) -> Iterator[str]:
    compilation = compile_model(DIGITS, load_board("host"))
    built = build(compilation, "host", tmp_path_factory.mktemp("board"))
    with running_program(built.image.elf) as (_, url), terminal(url) as name:
        yield name


@pytest.fixture
def cli(capfd, monkeypatch) -> Cli:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    return Cli(capfd)


@pytest.mark.parametrize("port", [(), ("--port", "auto")])
def test_validate_finds_the_board(cli, ports, board_at_a_terminal, port):
    ports += [usb("/dev/ttyUSB7", OTHER), usb(board_at_a_terminal, ST)]
    arguments = ("--board", "nucleo-f746", "--on", "serial", *port)
    result = cli("validate", DIGITS, *arguments, "--data", DIGITS_DATA, "--json")
    assert (result.json["identical"], result.json["total"]) == (100, 100)
    assert result.json["on"] == "serial"


def test_selftest(cli, ports, board_at_a_terminal):
    ports.append(usb(board_at_a_terminal, ST))
    result = cli("selftest", "--board", "nucleo-f746", "--json").json
    assert (result["model"], result["port"], result["repeats"]) == (
        "digits",
        board_at_a_terminal,
        0,
    )
    assert result["runs"] >= 2 and 0 < result["shortest"] <= result["longest"]
    assert result["bytes_per_second"] > 0 and result["stack_used_bytes"] > 0
    printed = cli("selftest", "--board", "nucleo-f746").out
    assert "digits" in printed and "inferences, all alike" in printed


def test_another_board_is_not_taken(ports):
    ports.append(usb("/dev/ttyUSB7", OTHER))
    with pytest.raises(LinkError, match=r"no serial port with USB id 0483; there are /dev/ttyUSB7"):
        find_port(load_board("nucleo-f746"))


def test_nothing_is_connected(ports):
    with pytest.raises(LinkError, match="there is none on USB; connect the board"):
        find_port(load_board("rpi-pico"))


def test_two_boards_have_to_be_told_apart(ports):
    ports += [usb("/dev/ttyACM1", ST), usb("/dev/ttyACM0", ST)]
    with pytest.raises(LinkError, match=r"2 boards.*ttyACM0 .*ttyACM1 .*choose one with --port"):
        find_port(load_board("nucleo-f446re"))


def test_a_board_whose_ids_are_not_known(ports):
    with pytest.raises(LinkError, match="USB ids are not known"):
        find_port(load_board("mps2-an386"))


def test_a_product_can_be_asked_for(ports):
    ports += [usb("a", ST, 0x374B), usb("b", ST, 0x5740)]
    board = load_board("nucleo-f746")
    assert board.debug is not None
    debug = board.debug.model_copy(update={"usb": ("0483:374b",)})
    assert find_port(board.model_copy(update={"debug": debug})) == "a"
